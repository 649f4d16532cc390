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

pub(super) fn product(product: &Product<'_>, mut rows: Rows<'_>) {
    if !rows.fit(product) {
        return;
    }
    let (fours, count) = (rows.count / 4 * 4, rows.count);
    // SAFETY: the rows fit.
    unsafe {
        if fours > 0 {
            several::<4>(product, &mut rows, 0, fours);
        }
        if fours < count {
            several::<1>(product, &mut rows, fours, count);
        }
    }
}

/// Computes the rows from `first_row` to `end_row`, `R` at a time.
///
/// # Safety
/// The rows [`fit`](Rows::fit); `R` is 1 or 4, and as many rows as are asked for are a multiple of it.
#[inline(never)]
unsafe fn several<const R: usize>(product: &Product<'_>, rows: &mut Rows<'_>, first_row: usize, end_row: usize) {
    let mut patch = MaybeUninit::<Patch<R>>::uninit();
    let mut sums: Sums = [MaybeUninit::uninit(); SUMS];
    let sums = sums.as_mut_ptr().cast::<i32>();
    let span = SUMS / R;
    let tiles = product.depth / TILE_DEPTH;
    let requantisation = &product.requantisation;
    let offset = 2 * i32::from(requantisation.zero_point) + 1;
    for row in (first_row..end_row).step_by(R) {
        let input = rows.input.as_ptr().wrapping_add(row * rows.input_step);
        let output = rows.output.as_mut_ptr().wrapping_add(row * rows.output_step);
        let mut surplus = [0; R];
        for first in (0..product.channels).step_by(span) {
            let count = (product.channels - first).min(span);
            let blocks = count.div_ceil(BLOCK);
            // SAFETY: the rows fit: each has the product's depth of inputs, which is so many tiles, and places for all channels; the tables hold
            // whole blocks, as many as there are sums for. What is read was written before.
            unsafe {
                let (biases, scales) =
                    (requantisation.biases.as_ptr().add(first), requantisation.scales.as_ptr().add(first));
                for chunk in (0..tiles).step_by(CHUNK_TILES) {
                    let chunk_tiles = CHUNK_TILES.min(tiles - chunk);
                    // A patch that holds whole rows serves all channels.
                    if first == 0 || tiles > CHUNK_TILES {
                        let from = input.add(chunk * TILE_DEPTH);
                        surplus = Patch::fill(patch.as_mut_ptr(), from, rows.input_step, chunk_tiles);
                    }
                    let weights = product.weights.as_ptr().add((first / BLOCK * tiles + chunk) * TILE);
                    let inputs = Patch::pairs(patch.as_ptr());
                    if R == 1 {
                        if chunk == 0 {
                            tiles::start_one_row(biases, blocks, sums);
                        }
                        let end = inputs.add(chunk_tiles * TILE_DEPTH / 2);
                        tiles::one_row(&mut tiles::Blocks {
                            inputs,
                            fours: inputs.add(chunk_tiles / 4 * 4 * TILE_DEPTH / 2),
                            end,
                            weights,
                            skip: (tiles - chunk_tiles) * TILE,
                            surplus: surplus[0],
                            sums,
                            sums_end: sums.add(blocks * BLOCK),
                        });
                    } else {
                        let words = TILE_DEPTH / 2 * R;
                        if chunk == 0 {
                            tiles::start_four_rows(biases, blocks * BLOCK / 2, surplus.as_ptr(), sums);
                        } else {
                            tiles::take_off(sums, blocks * BLOCK / 2, surplus.as_ptr());
                        }
                        let (fours, end) = (inputs.add(chunk_tiles / 4 * 4 * words), inputs.add(chunk_tiles * words));
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
                    outputs::of_four_rows(sums, scales, output, rows.output_step, count, offset);
                }
                for row in 0..R {
                    let outputs = core::slice::from_raw_parts_mut(output.add(row * rows.output_step), count);
                    clamp(requantisation.clamp, outputs);
                }
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
