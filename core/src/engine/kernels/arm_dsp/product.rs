//! Matrix products: convolutions and fully connected layers.

use core::mem::MaybeUninit;

use super::clamp;
use super::patch::{CHUNK_TILES, Patch};
use super::{outputs, tiles};
use crate::engine::kernels::{Product, Requantisation, Rows};
use crate::engine::layout::{BLOCK, TILE_DEPTH};

/// Blocks of channels whose sums are kept at a time: so many blocks use the inputs of a long row each time they are widened.
const SPAN: usize = 4;
/// Bytes of a tile of weights.
const TILE: usize = BLOCK * TILE_DEPTH;

/// The sums of a block of channels for `R` rows; the channels stand by [`place`].
type BlockSums<const R: usize> = [[MaybeUninit<i32>; R]; BLOCK];
/// The sums of a few blocks.
type Sums<const R: usize> = [BlockSums<R>; SPAN];

pub(super) fn product(product: &Product<'_>, mut rows: Rows<'_>) {
    if !rows.fit(product) {
        return;
    }
    let (fours, count) = (rows.count / 4 * 4, rows.count);
    // SAFETY: the rows fit, and the weights are aligned.
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
/// The rows [`fit`](Rows::fit) and have a depth; `R` is 1 or 4, and as many rows as are asked for are a multiple of it. The weights begin at a multiple of 4.
#[inline(never)]
unsafe fn several<const R: usize>(product: &Product<'_>, rows: &mut Rows<'_>, first_row: usize, end_row: usize) {
    let mut patch = Patch::<R>::new();
    let mut sums = [[[MaybeUninit::uninit(); R]; BLOCK]; SPAN];
    // The tables hold whole blocks.
    let channels = product.channels.next_multiple_of(BLOCK);
    let tiles = product.depth / TILE_DEPTH;
    for row in (first_row..end_row).step_by(R) {
        for first in (0..channels).step_by(SPAN * BLOCK) {
            let blocks = SPAN.min((channels - first) / BLOCK);
            for chunk in (0..tiles).step_by(CHUNK_TILES) {
                let chunk_tiles = CHUNK_TILES.min(tiles - chunk);
                // SAFETY: the rows fit: each has the product's depth of inputs, which is so many tiles, and the tables are whole.
                unsafe {
                    // A patch that holds whole rows serves all channels.
                    if first == 0 || tiles > CHUNK_TILES {
                        let from = rows.input.as_ptr().add(row * rows.input_step + chunk * TILE_DEPTH);
                        patch.fill(from, rows.input_step, chunk_tiles);
                    }
                    if chunk == 0 {
                        start(product.requantisation.biases.as_ptr().add(first), blocks, &patch.surplus(), &mut sums);
                    } else {
                        take_off(blocks, &patch.surplus(), &mut sums);
                    }
                    for (block, sums) in sums.iter_mut().take(blocks).enumerate() {
                        let at = ((first / BLOCK + block) * tiles + chunk) * TILE;
                        multiply(&patch, chunk_tiles, product.weights.as_ptr().add(at), sums);
                    }
                }
            }
            let output = rows.output[row * rows.output_step + first..].as_mut_ptr();
            let count = (product.channels - first).min(SPAN * BLOCK);
            // SAFETY: the rows fit, so each has a place for every channel; all sums are known.
            unsafe { finish(&product.requantisation, first, count, &sums, output, rows.output_step) };
        }
    }
}

/// Where the sum of a channel stands in its block: the inner loop for one row takes those of the even channels first.
const fn place<const R: usize>(channel: usize) -> usize {
    if R == 1 { channel % 2 * (BLOCK / 2) + channel / 2 } else { channel }
}

/// Starts the sums of a few blocks of channels from their biases. The weights of even channels are 128 too large: what their sums will
/// have gained by that is taken off.
///
/// # Safety
/// There are biases for so many blocks, at most [`SPAN`] and at least one.
unsafe fn start<const R: usize>(biases: *const i32, blocks: usize, surplus: &[i32; R], sums: &mut Sums<R>) {
    if R > 1 {
        // SAFETY: as for this function.
        unsafe { tiles::start_four_rows(biases, blocks * BLOCK / 2, surplus.as_ptr(), sums.as_mut_ptr().cast()) };
        return;
    }
    for (block, sums) in sums.iter_mut().take(blocks).enumerate() {
        for pair in 0..BLOCK / 2 {
            // SAFETY: as for this function.
            let [even, odd] = unsafe { biases.add(block * BLOCK + 2 * pair).cast::<[i32; 2]>().read() };
            sums[place::<R>(2 * pair)] = surplus.map(|surplus| MaybeUninit::new(even.wrapping_sub(surplus)));
            sums[place::<R>(2 * pair + 1)] = [MaybeUninit::new(odd); R];
        }
    }
}

/// Prepares sums for the next inputs of a long row: see [`start`].
///
/// # Safety
/// The sums of so many blocks are known.
unsafe fn take_off<const R: usize>(blocks: usize, surplus: &[i32; R], sums: &mut Sums<R>) {
    for sums in sums.iter_mut().take(blocks) {
        for pair in 0..BLOCK / 2 {
            for (sum, surplus) in sums[place::<R>(2 * pair)].iter_mut().zip(surplus) {
                // SAFETY: as for this function.
                *sum = MaybeUninit::new(unsafe { sum.assume_init() }.wrapping_sub(*surplus));
            }
        }
    }
}

/// Adds the products of a patch and a block of weights.
///
/// # Safety
/// The patch and the weights have at least `tiles` tiles, which is at least one; the weights begin at a multiple of 4.
#[inline(always)]
unsafe fn multiply<const R: usize>(patch: &Patch<R>, tiles: usize, weights: *const i8, sums: &mut BlockSums<R>) {
    // Words of a tile of inputs.
    let words = TILE_DEPTH / 2 * R;
    let inputs = patch.as_ptr();
    // SAFETY: as for this function.
    unsafe {
        let (fours, end) = (inputs.add(tiles / 4 * 4 * words), inputs.add(tiles * words));
        let compute = if R == 1 { tiles::one_row } else { tiles::four_rows };
        compute(inputs, fours, end, weights, sums.as_mut_ptr().cast());
    }
}

/// Stores the outputs of `R` rows for `count` channels.
///
/// # Safety
/// `output` is the place of the first channel in the first row; behind it, at every step, all rows have places for the channels. Their
/// sums are known, and their scales are in the table, from `first` on.
unsafe fn finish<const R: usize>(
    requantisation: &Requantisation<'_>,
    first: usize,
    count: usize,
    sums: &Sums<R>,
    output: *mut i8,
    step: usize,
) {
    let offset = 2 * i32::from(requantisation.zero_point) + 1;
    let sums = sums.as_ptr();
    // SAFETY: as for this function; a single row's channels that do not fill a block get outputs apart, whose scales pad the table.
    unsafe {
        let scales = requantisation.scales.as_ptr().add(first);
        if R > 1 {
            outputs::of_four_rows(sums.cast(), scales, output, step, count, offset);
        } else {
            let (blocks, rest) = (count / BLOCK, count % BLOCK);
            if blocks > 0 {
                outputs::of_one_row(sums.cast(), scales, output, blocks, offset);
            }
            if rest > 0 {
                let mut block = [0; BLOCK];
                let scales = scales.add(blocks * BLOCK);
                outputs::of_one_row(sums.add(blocks).cast(), scales, block.as_mut_ptr(), 1, offset);
                output.add(blocks * BLOCK).copy_from_nonoverlapping(block.as_ptr(), rest);
            }
        }
    }
    for row in 0..R {
        // SAFETY: as for this function.
        clamp(requantisation.clamp, unsafe { core::slice::from_raw_parts_mut(output.add(row * step), count) });
    }
}
