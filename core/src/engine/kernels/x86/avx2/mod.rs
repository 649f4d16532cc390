//! AVX2: eight channels at a time.

mod channels;
mod depthwise;
mod lanes;
mod product;
mod sum;

pub(super) use depthwise::depthwise;
pub(super) use product::{convolution, product};
pub(super) use sum::sum;

use crate::engine::layout::BLOCK;

/// Up to eight values, zeros behind them.
fn padded(values: &[i8]) -> [i8; BLOCK] {
    let mut all = [0; BLOCK];
    all.iter_mut().zip(values).for_each(|(place, &value)| *place = value);
    all
}

/// Stores the first bytes, as many as there are places.
fn store(values: [i8; BLOCK], output: &mut [i8]) {
    match output.as_chunks_mut() {
        ([all], []) => *all = values,
        _ => output.iter_mut().zip(values).for_each(|(place, value)| *place = value),
    }
}
