//! AVX-512 with VNNI: sixteen channels at a time.
//!
//! `vpdpbusd` multiplies unsigned by signed bytes, four to a sum, without saturation. One of the two becomes unsigned by adding 128;
//! 128 times the sum of the other is taken off again.

mod channels;
mod depthwise;
mod product;
mod sum;

pub(super) use depthwise::depthwise;
pub(super) use product::product;
pub(super) use sum::sum;

use crate::engine::layout::BLOCK;
use core::arch::x86_64::__m128i;

/// Channels worked on at a time: two blocks.
const CHANNELS: usize = 2 * BLOCK;

/// Up to `N` values, zeros behind them.
fn padded<T: Copy + Default, const N: usize>(values: &[T]) -> [T; N] {
    let mut all = [T::default(); N];
    all.iter_mut().zip(values).for_each(|(place, &value)| *place = value);
    all
}

/// Stores the first bytes, as many as there are places.
fn store(values: __m128i, output: &mut [i8]) {
    let values: [i8; CHANNELS] = bytemuck::cast(values);
    match output.as_chunks_mut() {
        ([all], []) => *all = values,
        _ => output.iter_mut().zip(values).for_each(|(place, value)| *place = value),
    }
}
