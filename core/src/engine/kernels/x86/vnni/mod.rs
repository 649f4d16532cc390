//! AVX-512 with VNNI: sixteen channels at a time.
//!
//! `vpdpbusd` multiplies unsigned by signed bytes, four to a sum, without saturation. One of the two becomes unsigned by adding 128;
//! 128 times the sum of the other is taken off again.

mod channels;
mod depthwise;
mod product;
mod sum;

pub(super) use depthwise::depthwise;
pub(super) use product::{convolution, product};
pub(super) use sum::sum;

use crate::engine::layout::BLOCK;
use core::arch::x86_64::*;

/// Channels worked on at a time: two blocks.
const CHANNELS: usize = 2 * BLOCK;

/// Up to `N` values, `padding` behind them.
fn padded<T: Copy, const N: usize>(values: &[T], padding: T) -> [T; N] {
    let mut all = [padding; N];
    all.iter_mut().zip(values).for_each(|(place, &value)| *place = value);
    all
}

/// Stores the first bytes, as many as there are places.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn store(values: __m128i, output: &mut [i8]) {
    match output.as_chunks_mut() {
        ([all], []) => *all = bytemuck::cast::<__m128i, [i8; CHANNELS]>(values),
        // SAFETY: the mask lets through as many bytes as there are places, fewer than sixteen.
        ([], rest) => unsafe { _mm_mask_storeu_epi8(rest.as_mut_ptr(), (1 << rest.len()) - 1, values) },
        _ => (),
    }
}
