//! Inputs of an output as a few runs of memory, so that convolutions over few channels need no gathering.
//!
//! The inputs of a row of outputs are copied into a strip, rows of the kernel one below the other, with the padding. There the inputs under
//! a row of the kernel are one run of memory, whose start moves on by a step from output to output. What a run's last tile covers behind
//! the run meets weights of zero.

use crate::engine::kernels::{Patches, Product, Rows};
use crate::engine::layout::{BLOCK, TILE_DEPTH, pack_weight, weight_index};

/// Bytes of a strip.
const STRIP: usize = 4096;
/// Bytes of weights that are laid out anew.
const WEIGHTS: usize = 4096;

/// Memory at multiples of a register's bytes.
#[repr(align(64))]
struct Room<const N: usize>([i8; N]);

/// Runs of memory that each begin `pitch` behind the one before: the inputs of an output, in the order of its weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Runs {
    /// How many.
    pub(super) count: usize,
    /// Tiles of weights that meet a run.
    tiles: usize,
    /// At least the length of a run.
    pitch: usize,
}

impl Runs {
    /// The one run that each row of inputs of a product is.
    pub(super) const fn of(product: &Product<'_>) -> Self {
        Self { count: 1, tiles: product.depth / TILE_DEPTH, pitch: product.depth }
    }

    /// Values from the start of the first run to the end of the last.
    pub(super) const fn span(self) -> usize {
        (self.count - 1) * self.pitch + self.tiles * TILE_DEPTH
    }

    /// Where the inputs of each tile begin.
    #[inline(always)]
    pub(super) fn offsets(self) -> impl Iterator<Item = usize> {
        (0..self.count).flat_map(move |run| (0..self.tiles).map(move |tile| run * self.pitch + tile * TILE_DEPTH))
    }

    /// [`Rows::fit`] for rows of inputs that are these runs.
    pub(super) fn fit(self, product: &Product<'_>, rows: &Rows<'_>) -> bool {
        self.count > 0 && self.count * self.tiles * TILE_DEPTH == product.depth && rows.fit_span(product, self.span())
    }
}

/// Computes a convolution by rows of outputs: `compute` gets a product whose weights are in the order of the runs, the runs, and inputs and
/// outputs. The outputs of the next position begin `output_step` values behind those of a position.
///
/// Gives `false`, and does nothing, where a strip or its weights would be too large, and for dilated columns.
#[inline(always)]
pub(super) fn in_strips(
    product: &Product<'_>,
    patches: &Patches<'_>,
    output: &mut [i8],
    output_step: usize,
    compute: impl Fn(&Product<'_>, Runs, Rows<'_>),
) -> bool {
    let [kernel_rows, kernel_columns] = patches.window.kernel.map(usize::from);
    let run = kernel_columns.saturating_mul(patches.channels);
    let tiles = run.div_ceil(TILE_DEPTH);
    let Some(surplus) = (STRIP / kernel_rows.max(1)).checked_sub(tiles.saturating_mul(TILE_DEPTH)) else {
        return false;
    };
    if patches.window.dilation[1] != 1 || kernel_rows * run == 0 || patches.columns == 0 {
        return false;
    }
    let step = usize::from(patches.window.stride[1]).saturating_mul(patches.channels);
    let at_a_time = (surplus / step + 1).min(patches.columns);
    let runs = Runs { count: kernel_rows, tiles, pitch: (at_a_time - 1) * step + tiles * TILE_DEPTH };
    let mut room = Room([0; WEIGHTS]);
    let Some(weights) = in_order_of_runs(product, runs, run, &mut room.0) else { return false };
    let product = Product { depth: kernel_rows * tiles * TILE_DEPTH, weights, ..*product };

    let mut strip = Room([0; STRIP]);
    let strip = &mut strip.0[..kernel_rows * runs.pitch];
    for (row, output) in output.chunks_mut(patches.columns * output_step).enumerate() {
        for first in (0..patches.columns).step_by(at_a_time) {
            for (tap, line) in strip.chunks_exact_mut(runs.pitch).enumerate() {
                patches.line(row, tap, first, line);
            }
            let count = at_a_time.min(patches.columns - first);
            let output = output.get_mut(first * output_step..).unwrap_or(&mut []);
            compute(&product, runs, Rows { input: strip, input_step: step, output, output_step, count });
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
