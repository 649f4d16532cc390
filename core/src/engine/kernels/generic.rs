//! Kernels in portable Rust: the reference that all others agree with, and what targets without their own run.

use super::{DepthwiseFilter, DepthwiseInput, Kernels, Product, Requantisation, Rows, Sum};
use crate::engine::arithmetic::{finish, finish_wide, requantise, shift_half_even};
use crate::engine::layout::{BLOCK, TILE_DEPTH};

/// Portable kernels.
#[derive(Debug, Clone, Copy)]
pub struct Generic;

impl Kernels for Generic {
    fn product(self, product: &Product<'_>, rows: Rows<'_>) {
        if !rows.fit(product) {
            return;
        }
        for row in 0..rows.count {
            let (from, to) = (row * rows.input_step, row * rows.output_step);
            let input = rows.input.get(from..from + product.depth).unwrap_or(&[]);
            let output = rows.output.get_mut(to..to + product.channels).unwrap_or(&mut []);
            let surplus = input.iter().fold(0i32, |sum, &x| sum.wrapping_add(i32::from(x))).wrapping_mul(128);
            for (block, output) in output.chunks_mut(BLOCK).enumerate() {
                let mut accumulators = block_of(product.requantisation.biases, block);
                let weights = product.weights.get(block * BLOCK * product.depth..).unwrap_or(&[]);
                // The weights of even channels are 128 too large.
                accumulators.iter_mut().step_by(2).for_each(|even| *even = even.wrapping_sub(surplus));
                let tiles = weights.as_chunks::<{ BLOCK * TILE_DEPTH }>().0;
                for (&inputs, tile) in input.as_chunks::<TILE_DEPTH>().0.iter().zip(tiles) {
                    let [x0, x1, x2, x3] = inputs.map(i32::from);
                    for ([even, odd], weights) in accumulators.as_chunks_mut().0.iter_mut().zip(tile.as_chunks().0) {
                        let [e0, o0, e2, o2, e1, o1, e3, o3]: [i8; 2 * TILE_DEPTH] = *weights;
                        let [e0, e1, e2, e3] = [e0, e1, e2, e3].map(|weight| i32::from(weight.cast_unsigned()));
                        let [o0, o1, o2, o3] = [o0, o1, o2, o3].map(i32::from);
                        *even = even.wrapping_add(x0 * e0 + x1 * e1 + x2 * e2 + x3 * e3);
                        *odd = odd.wrapping_add(x0 * o0 + x1 * o1 + x2 * o2 + x3 * o3);
                    }
                }
                store_block(&product.requantisation, block, &accumulators, output);
            }
        }
    }

    fn depthwise(self, filter: &DepthwiseFilter<'_>, input: &DepthwiseInput<'_>, output: &mut [i8]) {
        if !input.fit(filter) {
            return;
        }
        for (position, output) in output.chunks_exact_mut(filter.channels).enumerate() {
            for (block, output) in output.chunks_mut(BLOCK).enumerate() {
                let mut accumulators = block_of(filter.requantisation.biases, block);
                let mut at = block * BLOCK;
                input.taps(filter, position, |inputs| {
                    let inputs = inputs.get(block * BLOCK..).unwrap_or(&[]);
                    let weights = filter.weights.get(at..).unwrap_or(&[]);
                    at += filter.row();
                    for ((accumulator, &x), &w) in accumulators.iter_mut().zip(inputs).zip(weights) {
                        *accumulator = accumulator.wrapping_add(i32::from(x) * i32::from(w));
                    }
                });
                store_block(&filter.requantisation, block, &accumulators, output);
            }
        }
    }

    fn sum(self, sum: &Sum, a: &[i8], b: &[i8], output: &mut [i8]) {
        let [zero_a, zero_b] = sum.zero_points.map(i64::from);
        let [factor_a, factor_b] = sum.multipliers.map(i64::from);
        for ((output, &a), &b) in output.iter_mut().zip(a).zip(b) {
            let exact = (i64::from(a) - zero_a) * factor_a + (i64::from(b) - zero_b) * factor_b;
            *output = finish_wide(shift_half_even(exact, sum.shift), sum.zero_point, sum.clamp);
        }
    }
}

/// The biases of a block of channels.
fn block_of(biases: &[i32], block: usize) -> [i32; BLOCK] {
    let mut values = [0; BLOCK];
    let biases = biases.get(block * BLOCK..).unwrap_or(&[]);
    values.iter_mut().zip(biases).for_each(|(value, &bias)| *value = bias);
    values
}

/// Requantises a block of accumulators; `output` may be shorter than a block.
fn store_block(requantisation: &Requantisation<'_>, block: usize, accumulators: &[i32; BLOCK], output: &mut [i8]) {
    let scales = requantisation.scales.get(block * BLOCK..).unwrap_or(&[]);
    for ((output, &accumulator), &scale) in output.iter_mut().zip(accumulators).zip(scales) {
        *output = finish(requantise(accumulator, scale), requantisation.zero_point, requantisation.clamp);
    }
}
