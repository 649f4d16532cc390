//! Inputs of an output as a few runs of memory, so that convolutions over few channels need no gathering.
//!
//! The inputs of rows of outputs are copied into a strip, with the padding. There the inputs under a row of the kernel are one run of
//! memory, whose start moves on by a step from output to output. What a run's last tile covers behind the run meets weights of zero.

use crate::engine::kernels::{Patches, Product, Rows};
use crate::engine::layout::{BLOCK, TILE_DEPTH, pack_weight, weight_index};

/// Bytes of a strip.
const STRIP: usize = 8192;
/// Bytes of weights that are laid out anew.
const WEIGHTS: usize = 4096;

/// Memory at multiples of a register's bytes.
#[repr(align(64))]
pub(super) struct Room<const N: usize>(pub(super) [i8; N]);

/// Runs of memory that each begin `pitch` behind the one before: the inputs of an output, in the order of its weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Runs {
    pub(super) count: usize,
    /// Tiles of weights that meet a run.
    pub(super) tiles: usize,
    pub(super) pitch: usize,
}

impl Runs {
    /// Where the inputs of each tile begin.
    #[inline(always)]
    pub(super) fn offsets(self) -> impl Iterator<Item = usize> {
        (0..self.count).flat_map(move |run| (0..self.tiles).map(move |tile| run * self.pitch + tile * TILE_DEPTH))
    }

    /// Values from the start of the first run to the end of the last.
    const fn span(self) -> usize {
        self.count.saturating_sub(1) * self.pitch + self.tiles * TILE_DEPTH
    }
}

/// Lines of outputs, and inputs that are runs.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    pub(super) runs: Runs,
    /// How many.
    pub(super) count: usize,
    /// The first of them.
    first: Rows<'a>,
    /// Values from the start of one line of inputs to that of the next.
    input_step: usize,
    /// The same for outputs.
    output_step: usize,
}

impl<'a> Lines<'a> {
    /// One line: the rows of a product, each of which is one run.
    pub(super) fn of(product: &Product<'_>, rows: Rows<'a>) -> Self {
        let runs = Runs { count: 1, tiles: product.depth / TILE_DEPTH, pitch: product.depth };
        Self { runs, count: 1, first: rows, input_step: 0, output_step: 0 }
    }

    /// A line; an empty one where there is none.
    #[inline(always)]
    pub(super) fn line(&mut self, index: usize) -> Rows<'_> {
        let Rows { input_step, output_step, count, .. } = self.first;
        let input = self.first.input.get(index * self.input_step..).unwrap_or(&[]);
        let output = self.first.output.get_mut(index * self.output_step..).unwrap_or(&mut []);
        Rows { input, input_step, output, output_step, count }
    }

    /// [`Rows::fit`] for every line.
    pub(super) fn fit(&mut self, product: &Product<'_>) -> bool {
        let Some(last) = self.count.checked_sub(1) else { return false };
        let (Runs { count, tiles, .. }, span) = (self.runs, self.runs.span());
        count > 0 && count * tiles * TILE_DEPTH == product.depth && self.line(last).fit_span(product, span)
    }
}

/// Computes a convolution by strips: `compute` gets a product whose weights are in the order of the runs, and lines of outputs with their
/// inputs, in which the bits of `flipped` have been. The outputs of the next position begin `output_step` values behind those of a position.
///
/// Gives `false`, and does nothing, where a strip or its weights would be too large, and for dilated columns.
#[inline(always)]
pub(super) fn in_strips(
    product: &Product<'_>,
    patches: &Patches<'_>,
    output: &mut [i8],
    output_step: usize,
    flipped: i8,
    compute: impl Fn(&Product<'_>, Lines<'_>),
) -> bool {
    let window = patches.window;
    let [kernel_rows, kernel_columns] = window.kernel.map(usize::from);
    let [row_stride, column_stride] = window.stride.map(usize::from);
    let run = kernel_columns.saturating_mul(patches.channels);
    let (columns, step) = (patches.columns, column_stride.saturating_mul(patches.channels));
    if window.dilation[1] != 1
        || [kernel_rows, run, columns, step, row_stride].contains(&0)
        || output_step < product.channels
    {
        return false;
    }
    // All columns if they fit, and then as many lines as do.
    let (tiles, extent) = (run.div_ceil(TILE_DEPTH), window.extent(0) as usize);
    let Some(surplus) = (STRIP / extent).checked_sub(tiles.saturating_mul(TILE_DEPTH)) else { return false };
    let columns_at_once = columns.min(surplus / step + 1);
    let pitch = (columns_at_once - 1) * step + tiles * TILE_DEPTH;
    let lines_at_once = if columns_at_once < columns { 1 } else { (STRIP / pitch - extent) / row_stride + 1 };
    let runs = Runs { count: kernel_rows, tiles, pitch: usize::from(window.dilation[0]) * pitch };
    let mut room = Room([0; WEIGHTS]);
    let Some(weights) = in_order_of_runs(product, runs, run, &mut room.0) else { return false };
    let product = Product { depth: kernel_rows * tiles * TILE_DEPTH, weights, ..*product };

    let mut strip = Room([0; STRIP]);
    let output_line = columns * output_step;
    let lines = (output.len() + output_step - product.channels) / output_line;
    for first_line in (0..lines).step_by(lines_at_once) {
        let count = lines_at_once.min(lines - first_line);
        let strip = &mut strip.0[..((count - 1) * row_stride + extent) * pitch];
        for first in (0..columns).step_by(columns_at_once) {
            for (row, line) in strip.chunks_exact_mut(pitch).enumerate() {
                patches.line(first_line * row_stride + row, first * column_stride, line);
            }
            strip.iter_mut().for_each(|value| *value ^= flipped);
            let output = output.get_mut(first_line * output_line + first * output_step..).unwrap_or(&mut []);
            let at_once = columns_at_once.min(columns - first);
            let first = Rows { input: strip, input_step: step, output, output_step, count: at_once };
            compute(&product, Lines { runs, count, first, input_step: row_stride * pitch, output_step: output_line });
        }
    }
    true
}

/// Weights with each run of `run` of them filled up to whole tiles, or `None` if they are too many.
fn in_order_of_runs<'w>(product: &Product<'w>, runs: Runs, run: usize, room: &'w mut [i8]) -> Option<&'w [i8]> {
    let filled = runs.tiles * TILE_DEPTH;
    if run == filled {
        return Some(product.weights);
    }
    let (depth, padded) = (runs.count * filled, product.channels.next_multiple_of(BLOCK));
    let weights = room.get_mut(..padded.checked_mul(depth)?)?;
    let zeros = [0, 1].map(|channel| pack_weight(channel, 0).cast_signed());
    // Two neighbouring channels' weights stand together.
    for channel in (0..padded).step_by(2) {
        for index in 0..depth {
            let from = weight_index(channel, index / filled * run + index % filled, product.depth);
            let pair = if index % filled < run { *product.weights.get(from..)?.first_chunk()? } else { zeros };
            *weights.get_mut(weight_index(channel, index, depth)..)?.first_chunk_mut()? = pair;
        }
    }
    Some(weights)
}
