//! Products whose inputs are gathered: those of an output stand in several runs of memory.

use super::{Kernels, Product, Rows};
use crate::engine::layout::PATCHES;

/// The inputs of outputs on a grid: of each, as many runs of equal length, at equal steps. A convolution without padding has a run for each
/// row of its kernel.
#[derive(Debug, Clone, Copy)]
pub struct Runs<'a> {
    /// The values.
    pub input: &'a [i8],
    /// Values of a run.
    pub length: usize,
    /// Runs of an output. Together they have at most the product's depth of values; what it has more meets weights of zero.
    pub count: usize,
    /// Values from the start of a run to that of the next.
    pub step: usize,
    /// Rows and columns of outputs.
    pub grid: [usize; 2],
    /// Values from the first run of an output to that of the next row, and of the next column.
    pub grid_steps: [usize; 2],
}

impl<'a> Runs<'a> {
    /// Whether all runs lie inside the input and all outputs fit, and the product's tables are whole: what kernels with raw loads rely on.
    #[must_use]
    pub fn fit(&self, product: &Product<'_>, output: &[i8]) -> bool {
        let last = |count: usize, step: usize| count.saturating_sub(1).saturating_mul(step);
        let [rows, columns] = self.grid;
        let end = last(rows, self.grid_steps[0])
            .saturating_add(last(columns, self.grid_steps[1]))
            .saturating_add(last(self.count, self.step))
            .saturating_add(self.length);
        rows > 0
            && columns > 0
            && self.length > 0
            && self.count > 0
            && end <= self.input.len()
            && self.length.saturating_mul(self.count) <= product.depth
            && rows.saturating_mul(columns).saturating_mul(product.channels) <= output.len()
            && product.is_whole()
    }

    /// Where the first run of each output begins, row by row; of each row to the end.
    #[inline(always)]
    pub(super) fn starts(self) -> impl Iterator<Item = usize> + use<> {
        let ([rows, columns], [row_step, column_step]) = (self.grid, self.grid_steps);
        (0..rows).flat_map(move |row| (0..columns).map(move |column| row * row_step + column * column_step))
    }
}

/// The product of runs by way of patches in `scratch`, for kernels that want their inputs in one run.
pub(super) fn by_patches(
    kernels: impl Kernels,
    product: &Product<'_>,
    runs: &Runs<'_>,
    output: &mut [i8],
    scratch: &mut [i8],
) {
    let Some(patches) = scratch.get_mut(..PATCHES * product.depth) else { return };
    if !runs.fit(product, output) {
        return;
    }
    // What fills patches up to whole tiles.
    patches.iter_mut().for_each(|value| *value = 0);
    let mut starts = runs.starts();
    for output in output.chunks_mut(PATCHES * product.channels) {
        let mut count = 0;
        for (patch, start) in patches.chunks_exact_mut(product.depth).zip(&mut starts) {
            let mut from = runs.input.get(start..).unwrap_or(&[]);
            for run in patch.chunks_exact_mut(runs.length).take(runs.count) {
                short(from, run);
                from = from.get(runs.step..).unwrap_or(&[]);
            }
            count += 1;
        }
        let (input_step, output_step) = (product.depth, product.channels);
        kernels.product(product, Rows { input: patches, input_step, output, output_step, count });
    }
}

/// Fills `to` from the front of `from`, which has as many values. Short runs, of which there are many, are moved without a call.
#[inline]
pub(in crate::engine) fn short(from: &[i8], to: &mut [i8]) {
    /// `N` bytes from either end, which may overlap.
    fn ends<const N: usize>(from: &[i8], to: &mut [i8]) {
        if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) {
            to.first_chunk_mut().into_iter().for_each(|place| *place = *first);
            to.last_chunk_mut().into_iter().for_each(|place| *place = *last);
        }
    }
    let Some(from) = from.get(..to.len()) else { return };
    match to.len() {
        1 => ends::<1>(from, to),
        2..=3 => ends::<2>(from, to),
        4..=7 => ends::<4>(from, to),
        8..=16 => ends::<8>(from, to),
        _ => to.copy_from_slice(from),
    }
}
