//! Convolutions, each input read where it is.

use super::{apart, finish, set, value};
use crate::engine::arithmetic::requantise_int16;
use crate::engine::execute::convolution::{requantisation, under_tap};
use crate::engine::kernels::Requantisation;
use crate::engine::layout::{self, BLOCK, TILE_DEPTH};
use crate::model::{Convolution, Model};

/// Products summed in 32 bits: as many of an int16 and an int8 are within 2^30.
const SUMMED: usize = 256;

/// A convolution that mixes the channels of a group.
pub(super) fn full(model: &Model<'_>, op: &Convolution, arena: &mut [i8]) {
    let (input, output) = apart(arena, &op.input, &op.output);
    let (depth, padded) = (layout::depth(op) as usize, layout::padded_group(op) as usize);
    let channels = op.group_outputs() as usize;
    let columns = usize::from(op.output.width).max(1);
    let positions = op.output.positions() as usize;
    for group in 0..op.groups as usize {
        let weights: &[u8] = model.table(op.weights as usize + group * padded * depth, padded * depth);
        let Requantisation { biases, scales, .. } = requantisation(model, op, false, group * padded, padded);
        for position in 0..positions {
            let place = [position / columns, position % columns];
            let blocks = weights.chunks_exact((BLOCK * depth).max(1));
            for (block, ((weights, biases), scales)) in
                blocks.zip(biases.as_chunks::<BLOCK>().0).zip(scales.as_chunks::<BLOCK>().0).enumerate()
            {
                let sums = block_sums(op, group, place, input, weights, biases);
                let first = block * BLOCK;
                for (channel, (&sum, &scale)) in sums.iter().zip(scales).enumerate().take(channels - first) {
                    let result = finish(&op.output, op.clamp, requantise_int16(sum, scale));
                    let at = position * op.output.channels as usize + group * channels + first + channel;
                    set(output, op.output.element, at, result);
                }
            }
        }
    }
}

/// The sums of one output position for a block of channels.
fn block_sums(
    op: &Convolution,
    group: usize,
    place: [usize; 2],
    input: &[i8],
    weights: &[u8],
    biases: &[i32; BLOCK],
) -> [i64; BLOCK] {
    let mut sums = biases.map(i64::from);
    let channels = op.group_inputs() as usize;
    let [rows, columns] = op.window.kernel.map(usize::from);
    for tap in 0..rows * columns {
        let row = under_tap(op, 0, place[0], tap / columns.max(1));
        let column = under_tap(op, 1, place[1], tap % columns.max(1));
        let start = row.zip(column).map(|(row, column)| {
            (row * usize::from(op.input.width) + column) * op.input.channels as usize + group * channels
        });
        // Nothing adds nothing.
        if start.is_none() && op.input.zero_point == 0 {
            continue;
        }
        for first in (0..channels).step_by(SUMMED) {
            let mut part = [0i32; BLOCK];
            for channel in first..channels.min(first + SUMMED) {
                let value = match start {
                    Some(start) => value(input, op.input.element, start + channel),
                    None => op.input.zero_point.into(),
                };
                add_products(&mut part, weights, tap * channels + channel, value);
            }
            sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += i64::from(part));
        }
    }
    sums
}

/// Adds the products of the input at `index` with the weights of a block of channels: see [`layout`].
#[inline(always)]
fn add_products(sums: &mut [i32; BLOCK], weights: &[u8], index: usize, value: i32) {
    let tile = weights.get(index / TILE_DEPTH * BLOCK * TILE_DEPTH..).and_then(|tiles| tiles.first_chunk::<32>());
    let Some(tile) = tile else { return };
    let lane = index % 2 * 4 + index % TILE_DEPTH / 2 * 2;
    for (pair, sums) in sums.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        let even = (tile[(8 * pair + lane) % 32] ^ 0x80).cast_signed();
        let odd = tile[(8 * pair + lane + 1) % 32].cast_signed();
        sums[0] += i32::from(even) * value;
        sums[1] += i32::from(odd) * value;
    }
}

/// A convolution of each channel with its own kernel.
pub(super) fn depthwise(model: &Model<'_>, op: &Convolution, arena: &mut [i8]) {
    let (input, output) = apart(arena, &op.input, &op.output);
    let channels = op.output.channels as usize;
    let row_length = layout::depthwise_row(op.input.channels) as usize;
    let weights: &[i8] = model.table(op.weights as usize, layout::weights_length(op, true) as usize);
    let count = layout::requantised_channels(op, true) as usize;
    let Requantisation { biases, scales, .. } = requantisation(model, op, true, 0, count);
    let columns = usize::from(op.output.width).max(1);
    for position in 0..op.output.positions() as usize {
        for (channel, (&bias, &scale)) in biases.iter().zip(scales).enumerate().take(channels) {
            let mut sum = i64::from(bias);
            for (tap, weights) in weights.chunks_exact(row_length.max(1)).enumerate() {
                let kernel_columns = usize::from(op.window.kernel[1]).max(1);
                let row = under_tap(op, 0, position / columns, tap / kernel_columns);
                let column = under_tap(op, 1, position % columns, tap % kernel_columns);
                let value = match row.zip(column) {
                    Some((row, column)) => {
                        let at = (row * usize::from(op.input.width) + column) * channels + channel;
                        value(input, op.input.element, at)
                    }
                    None => op.input.zero_point.into(),
                };
                sum += i64::from(weights.get(channel).copied().unwrap_or(0)) * i64::from(value);
            }
            let result = finish(&op.output, op.clamp, requantise_int16(sum, scale));
            set(output, op.output.element, position * channels + channel, result);
        }
    }
}
