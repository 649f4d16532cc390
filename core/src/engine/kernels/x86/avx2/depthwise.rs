//! Depthwise convolutions.

use super::channels::Channels;
use super::{padded, store};
use crate::engine::kernels::x86::taps::{self, Places};
use crate::engine::kernels::{DepthwiseFilter, DepthwiseInput};
use crate::engine::layout::BLOCK;
use core::arch::x86_64::*;

#[target_feature(enable = "avx2")]
pub(in super::super) fn depthwise(filter: &DepthwiseFilter<'_>, input: &DepthwiseInput<'_>, output: &mut [i8]) {
    taps::in_blocks(filter, input, output, BLOCK, |first, places, output| {
        // SAFETY: the filter is whole, and the places are those of its taps.
        unsafe {
            if first + BLOCK <= filter.channels {
                depthwise_channels::<true>(filter, first, places, output);
            } else {
                depthwise_channels::<false>(filter, first, places, output);
            }
        }
    });
}

/// Computes eight channels, or if not `WHOLE` those that are left, of a few positions.
///
/// # Safety
/// The filter is whole; all its channels can be read from each place.
#[target_feature(enable = "avx2")]
unsafe fn depthwise_channels<const WHOLE: bool>(
    filter: &DepthwiseFilter<'_>,
    first: usize,
    places: &[Places],
    output: &mut [i8],
) {
    let count = if WHOLE { BLOCK } else { filter.channels - first };
    let channels = Channels::new(&filter.requantisation, first);
    for (places, output) in places.iter().zip(output.chunks_exact_mut(filter.channels)) {
        let mut accumulators = channels.biases;
        for (tap, place) in places.iter().take(filter.window.taps()).enumerate() {
            // SAFETY: all channels can be read from the place, and the table has the weights of this tap.
            let (x, w) = unsafe {
                let weights = filter.weights.as_ptr().add(tap * filter.row() + first);
                (load::<WHOLE>(place.add(first), count), load::<WHOLE>(weights, count))
            };
            let products = _mm256_mullo_epi32(_mm256_cvtepi8_epi32(x), _mm256_cvtepi8_epi32(w));
            accumulators = _mm256_add_epi32(accumulators, products);
        }
        store(channels.finish(accumulators), &mut output[first..][..count]);
    }
}

/// Loads eight bytes, or if not `WHOLE` the first `count` of them and zeros.
///
/// # Safety
/// That many bytes can be read.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load<const WHOLE: bool>(from: *const i8, count: usize) -> __m128i {
    if WHOLE {
        // SAFETY: as for this function.
        unsafe { _mm_loadl_epi64(from.cast()) }
    } else {
        // SAFETY: as for this function.
        let values = unsafe { core::slice::from_raw_parts(from, count) };
        _mm_cvtsi64_si128(bytemuck::cast(padded(values)))
    }
}
