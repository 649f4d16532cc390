//! Depthwise convolutions: four taps to a dot product.

use super::channels::{Channels, ROWS};
use super::{CHANNELS, store};
use crate::engine::kernels::x86::taps::{self, MOST, Places};
use crate::engine::kernels::{DepthwiseFilter, DepthwiseInput};
use core::arch::x86_64::*;

/// The inputs become unsigned: the weights are the same for all positions.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(in super::super) fn depthwise(filter: &DepthwiseFilter<'_>, input: &DepthwiseInput<'_>, output: &mut [i8]) {
    taps::in_blocks(filter, input, output, CHANNELS, |first, places, output| {
        // SAFETY: the filter is whole, and the places are those of its taps.
        unsafe {
            if first + CHANNELS <= filter.channels {
                depthwise_channels::<true>(filter, first, places, output);
            } else {
                depthwise_channels::<false>(filter, first, places, output);
            }
        }
    });
}

/// Computes sixteen channels, or if not `WHOLE` those that are left, of a few positions.
///
/// # Safety
/// The filter is whole; all its channels can be read from each place.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn depthwise_channels<const WHOLE: bool>(
    filter: &DepthwiseFilter<'_>,
    first: usize,
    places: &[Places],
    output: &mut [i8],
) {
    let count = if WHOLE { CHANNELS } else { filter.channels - first };
    let taps = filter.window.taps();
    let fours = taps.div_ceil(4);
    let mut weights = [_mm512_setzero_si512(); MOST / 4];
    let mut channels = Channels::new(&filter.requantisation, first);
    for (index, four) in weights.iter_mut().take(fours).enumerate() {
        let row = |tap: usize| {
            if tap >= taps {
                return _mm_setzero_si128();
            }
            // SAFETY: the table has the weights of this tap, and the channels are among them.
            unsafe { load::<WHOLE>(filter.weights.as_ptr().add(tap * filter.row() + first), count) }
        };
        let tap = 4 * index;
        *four = interleave([row(tap), row(tap + 1), row(tap + 2), row(tap + 3)]);
        // Inputs become unsigned by adding 128; 128 times the sum of the weights is taken off here.
        let surplus = _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_set1_epi8(i8::MIN), *four);
        channels.biases = _mm512_sub_epi32(channels.biases, surplus);
    }
    for (places, output) in places.chunks(ROWS).zip(output.chunks_mut(ROWS * filter.channels)) {
        let mut accumulators = [channels.biases; ROWS];
        for (accumulators, places) in accumulators.iter_mut().zip(places) {
            for (weights, four) in weights.iter().take(fours).zip(places.as_chunks::<4>().0) {
                // SAFETY: all channels can be read from there.
                let input = |place: *const i8| unsafe { load::<WHOLE>(place.add(first), count) };
                let inputs = interleave([input(four[0]), input(four[1]), input(four[2]), input(four[3])]);
                let inputs = _mm512_xor_si512(inputs, _mm512_set1_epi8(i8::MIN));
                *accumulators = _mm512_dpbusd_epi32(*accumulators, inputs, *weights);
            }
        }
        for (values, output) in channels.finish(accumulators).into_iter().zip(output.chunks_exact_mut(filter.channels))
        {
            store(values, &mut output[first..][..count]);
        }
    }
}

/// Loads sixteen bytes, or if not `WHOLE` the first `count` of them and zeros.
///
/// # Safety
/// That many bytes can be read.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn load<const WHOLE: bool>(from: *const i8, count: usize) -> __m128i {
    // SAFETY: as for this function; the mask lets through the first `count` bytes alone.
    unsafe { if WHOLE { _mm_loadu_si128(from.cast()) } else { _mm_maskz_loadu_epi8((1 << count) - 1, from) } }
}

/// Four rows of sixteen bytes, one byte of each in turn.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn interleave(rows: [__m128i; 4]) -> __m512i {
    let all = _mm512_inserti32x4::<1>(_mm512_castsi128_si512(rows[0]), rows[1]);
    let all = _mm512_inserti32x4::<3>(_mm512_inserti32x4::<2>(all, rows[2]), rows[3]);
    // First four bytes of each row, then the next four; within these the bytes of the rows in turn.
    let quads = _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), all);
    let turns = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_shuffle_epi8(quads, _mm512_broadcast_i32x4(turns))
}
