//! Matrix products: convolutions and fully connected layers.

use core::mem::MaybeUninit;

use super::clamp;
use super::patch::{CHUNK_TILES, Patch};
use super::{outputs, tiles};
use crate::engine::kernels::{Product, Rows};
use crate::engine::layout::{BLOCK, TILE_DEPTH};

/// Sums that are kept at a time: so many use the inputs of a long row each time they are widened.
const SUMS: usize = 128;
/// Bytes of a tile of weights.
const TILE: usize = BLOCK * TILE_DEPTH;

/// Sums of `R` rows. Those of a block of channels stand together: of four rows, each channel's sums of all rows; of a single row, those of
/// the even channels, then those of the odd ones.
type Sums = [MaybeUninit<i32>; SUMS];

pub(super) fn product(product: &Product<'_>, rows: Rows<'_>) {
    if !rows.fit(product) {
        return;
    }
    let (mut input, mut output) = (rows.input.as_ptr(), rows.output.as_mut_ptr());
    let mut left = rows.count;
    // SAFETY: the rows fit.
    unsafe {
        while left >= 4 {
            rows_of::<4>(product, input, rows.input_step, output, rows.output_step);
            (input, output) = (input.wrapping_add(4 * rows.input_step), output.wrapping_add(4 * rows.output_step));
            left -= 4;
        }
        while left > 0 {
            rows_of::<1>(product, input, rows.input_step, output, rows.output_step);
            (input, output) = (input.wrapping_add(rows.input_step), output.wrapping_add(rows.output_step));
            left -= 1;
        }
    }
}

/// Computes `R` rows.
///
/// # Safety
/// The product [is whole](Product::is_whole); `R` is 1 or 4, and at so many steps there are its depth of inputs, and places for its outputs.
#[inline(never)]
pub(super) unsafe fn rows_of<const R: usize>(
    product: &Product<'_>,
    input: *const i8,
    input_step: usize,
    output: *mut i8,
    output_step: usize,
) {
    let mut patch = MaybeUninit::<Patch<R>>::uninit();
    let mut sums: Sums = [MaybeUninit::uninit(); SUMS];
    let sums = sums.as_mut_ptr().cast::<i32>();
    let span = SUMS / R;
    let tiles = product.depth / TILE_DEPTH;
    let requantisation = &product.requantisation;
    let offset = 2 * i32::from(requantisation.zero_point) + 1;
    let mut surplus = [0; R];
    for first in (0..product.channels).step_by(span) {
        let count = (product.channels - first).min(span);
        let blocks = count.div_ceil(BLOCK);
        // SAFETY: as for this function: the depth is so many tiles; the tables hold whole blocks, as many as there are sums for. What is read
        // was written before.
        unsafe {
            let biases = requantisation.biases.as_ptr().add(first);
            let scales = requantisation.scales.as_ptr().add(first);
            for chunk in (0..tiles).step_by(CHUNK_TILES) {
                let chunk_tiles = CHUNK_TILES.min(tiles - chunk);
                // A patch that holds whole rows serves all channels.
                if first == 0 || tiles > CHUNK_TILES {
                    let from = input.add(chunk * TILE_DEPTH);
                    surplus = Patch::fill(patch.as_mut_ptr(), from, input_step, chunk_tiles);
                }
                let inputs = Patch::pairs(patch.as_ptr());
                let words = TILE_DEPTH / 2 * R;
                let (fours, end) = (inputs.add(chunk_tiles / 4 * 4 * words), inputs.add(chunk_tiles * words));
                let weights = product.weights.as_ptr().add((first / BLOCK * tiles + chunk) * TILE);
                if R == 1 {
                    if chunk == 0 {
                        tiles::start_one_row(biases, blocks, sums);
                    }
                    let skip = (tiles - chunk_tiles) * TILE;
                    let (surplus, sums_end) = (surplus[0], sums.add(blocks * BLOCK));
                    tiles::one_row(&mut tiles::Blocks { inputs, fours, end, weights, skip, surplus, sums, sums_end });
                } else {
                    if chunk == 0 {
                        tiles::start_four_rows(biases, blocks * BLOCK / 2, surplus.as_ptr(), sums);
                    } else {
                        tiles::take_off(sums, blocks * BLOCK / 2, surplus.as_ptr());
                    }
                    for block in 0..blocks {
                        let weights = weights.add(block * tiles * TILE);
                        tiles::four_rows(inputs, fours, end, weights, sums.add(block * BLOCK * R));
                    }
                }
            }
            let output = output.add(first);
            if R == 1 {
                one_output_row(sums, scales, output, count, offset);
            } else {
                outputs::of_four_rows(sums, scales, output, output_step, count, offset);
            }
            for row in 0..R {
                clamp(requantisation.clamp, core::slice::from_raw_parts_mut(output.add(row * output_step), count));
            }
        }
    }
}

/// Stores the outputs of one row for `count` channels, at least one.
///
/// # Safety
/// There are sums and scales of whole blocks, and places for so many outputs.
unsafe fn one_output_row(sums: *const i32, scales: *const u32, output: *mut i8, count: usize, offset: i32) {
    let (blocks, rest) = (count / BLOCK, count % BLOCK);
    // SAFETY: as for this function; channels that do not fill a block get outputs apart, whose scales pad the table.
    unsafe {
        if blocks > 0 {
            outputs::of_one_row(sums, scales, output, blocks, offset);
        }
        if rest > 0 {
            let mut block = [0; BLOCK];
            let at = blocks * BLOCK;
            outputs::of_one_row(sums.add(at), scales.add(at), block.as_mut_ptr(), 1, offset);
            output.add(at).copy_from_nonoverlapping(block.as_ptr(), rest);
        }
    }
}
