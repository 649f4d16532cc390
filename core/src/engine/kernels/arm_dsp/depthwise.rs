//! Depthwise convolutions: four channels at a time, the bytes of a word.

use core::mem::MaybeUninit;
use core::ops::Range;

use super::{clamp, outputs, taps};
use crate::engine::kernels::generic::Generic;
use crate::engine::kernels::{DepthwiseFilter, DepthwiseInput, Kernels};
use crate::engine::layout::BLOCK;
use crate::model::Window;

/// Most taps that these loops take; the portable kernel serves larger filters.
const MOST: usize = 32;
/// Positions worked on at a time, if there are so many.
const POSITIONS: usize = 4;
/// Blocks of channels whose sums are kept at a time.
const SPAN: usize = 4;

/// For each tap of a position, where the channels and where their weights begin.
type Places = [[MaybeUninit<*const i8>; 2]; MOST];

pub(super) fn depthwise(filter: &DepthwiseFilter<'_>, input: &DepthwiseInput<'_>, output: &mut [i8]) {
    // Channels are read by whole words.
    if filter.window.taps() > MOST || !filter.channels.is_multiple_of(taps::CHANNELS) {
        return Generic.depthwise(filter, input, output);
    }
    if !input.fit(filter) || filter.window.taps() == 0 {
        return;
    }
    let taps = filter.window.taps();
    let mut places: [Places; POSITIONS] = [[[MaybeUninit::uninit(); 2]; MOST]; POSITIONS];
    for places in places.iter_mut().take(output.len() / filter.channels) {
        for (tap, [_, weights]) in places.iter_mut().take(taps).enumerate() {
            weights.write(filter.weights.as_ptr().wrapping_add(tap * filter.row()));
        }
    }
    // Too few positions for any to be alike.
    let few = output.len() < POSITIONS * filter.channels;
    let inside = if few { Inside::NOWHERE } else { Inside::of(filter, input) };
    let [mut row, mut column] = [0, 0];
    let mut rest = output;
    while !rest.is_empty() {
        let (count, is_alike) = inside.next(row, column);
        let count = count.min(rest.len() / filter.channels);
        let Some((output, others)) = rest.split_at_mut_checked(count * filter.channels) else { return };
        if count == 0 {
            return;
        }
        for (index, places) in places.iter_mut().take(count).enumerate() {
            if index == 0 || !is_alike {
                find(filter, input, [row, column], &mut places[..taps]);
            }
            column += 1;
            if column == input.columns {
                [row, column] = [row + 1, 0];
            }
        }
        // SAFETY: the input fits the filter, so that the tables are whole and all channels can be read from each place.
        unsafe {
            if count == POSITIONS {
                let steps = if is_alike { [0, inside.step] } else { [size_of::<Places>(), 0] };
                four_positions(filter, &places, steps, output);
            } else {
                for (places, output) in places.iter().zip(output.chunks_exact_mut(filter.channels)) {
                    one_position(filter, places, output);
                }
            }
        }
        clamp(filter.requantisation.clamp, output);
        rest = others;
    }
}

/// The positions of which no tap falls on padding: their inputs stand at equal distances.
struct Inside {
    rows: Range<usize>,
    columns: Range<usize>,
    /// Bytes from the inputs of a position to those of the next.
    step: usize,
}

impl Inside {
    const NOWHERE: Self = Self { rows: 0..0, columns: 0..0, step: 0 };

    fn of(filter: &DepthwiseFilter<'_>, input: &DepthwiseInput<'_>) -> Self {
        let window = &filter.window;
        let range = |axis: usize, extent: usize| {
            let (stride, pad) = (usize::from(window.stride[axis]).max(1), usize::from(window.pad[axis]));
            let room = extent.saturating_add(pad).checked_sub(window.extent(axis) as usize);
            pad.div_ceil(stride)..room.map_or(0, |room| room / stride + 1)
        };
        let columns = range(1, input.width);
        Self {
            rows: range(0, input.height),
            columns: columns.start..columns.end.min(input.columns),
            step: usize::from(window.stride[1]) * filter.channels,
        }
    }

    /// How many positions to work on next, and whether they are alike: all inside and in one row.
    fn next(&self, row: usize, column: usize) -> (usize, bool) {
        if !self.rows.contains(&row) || self.columns.end < self.columns.start.max(column) + POSITIONS {
            return (POSITIONS, false);
        }
        match self.columns.start.saturating_sub(column) {
            0 => (POSITIONS, true),
            before => (before.min(POSITIONS), false),
        }
    }
}

/// Finds the inputs of a position.
#[inline(never)] // On its own its variables stay in registers.
fn find(
    filter: &DepthwiseFilter<'_>,
    input: &DepthwiseInput<'_>,
    [row, column]: [usize; 2],
    places: &mut [[MaybeUninit<*const i8>; 2]],
) {
    let Window { kernel, stride, dilation, pad } = &filter.window;
    let (width, channels) = (input.width, filter.channels);
    let (row_step, column_step) = (usize::from(dilation[0]), usize::from(dilation[1]));
    // Before the first row or column, these wrap to far behind the last.
    let mut row = (row * usize::from(stride[0])).wrapping_sub(pad[0].into());
    let first_column = (column * usize::from(stride[1])).wrapping_sub(pad[1].into());
    let padding = input.padding.as_ptr();
    for places in places.chunks_exact_mut(usize::from(kernel[1]).max(1)) {
        let mut column = first_column;
        let start = row.wrapping_mul(width).wrapping_add(first_column).wrapping_mul(channels);
        let mut inputs = input.values.as_ptr().wrapping_add(start);
        // A row outside has no columns.
        let end = if row < input.height { width } else { 0 };
        for [place, _] in places {
            place.write(if column < end { inputs } else { padding });
            column = column.wrapping_add(column_step);
            inputs = inputs.wrapping_add(column_step * channels);
        }
        row = row.wrapping_add(row_step);
    }
}

/// Computes all channels of four positions. From one to the next, `steps` tells the bytes between their places, and what to add to these.
///
/// # Safety
/// The filter is whole and has 1 to [`MOST`] taps; the places of so many are known, and all channels can be read from each; `output` has
/// four positions.
unsafe fn four_positions(
    filter: &DepthwiseFilter<'_>,
    places: &[Places; POSITIONS],
    steps: [usize; 2],
    output: &mut [i8],
) {
    let mut sums = [[MaybeUninit::<i32>::uninit(); POSITIONS]; SPAN * BLOCK];
    let offset = 2 * i32::from(filter.requantisation.zero_point) + 1;
    let (biases, scales) = (filter.requantisation.biases.as_ptr(), filter.requantisation.scales.as_ptr());
    let (sums, output) = (sums.as_mut_ptr().cast::<i32>(), output.as_mut_ptr());
    let (channels, taps) = (filter.channels, filter.window.taps());
    for first in (0..channels).step_by(SPAN * BLOCK) {
        let count = (channels - first).min(SPAN * BLOCK);
        let fours = count / taps::CHANNELS;
        // SAFETY: as for this function.
        unsafe {
            taps::of_four_positions(
                places.as_ptr().cast(),
                taps,
                first,
                biases.add(first),
                sums,
                fours,
                steps[0],
                steps[1],
            );
            outputs::of_four_rows(sums, scales.add(first), output.add(first), channels, count, offset);
        }
    }
}

/// Computes all channels of one position.
///
/// # Safety
/// As for [`four_positions`]; `output` has one position.
unsafe fn one_position(filter: &DepthwiseFilter<'_>, places: &Places, output: &mut [i8]) {
    let mut sums = [0i32; SPAN * BLOCK];
    let offset = 2 * i32::from(filter.requantisation.zero_point) + 1;
    let (biases, scales) = (filter.requantisation.biases.as_ptr(), filter.requantisation.scales.as_ptr());
    let sums = sums.as_mut_ptr();
    for (span, output) in output.chunks_mut(SPAN * BLOCK).enumerate() {
        let first = span * SPAN * BLOCK;
        let (blocks, rest) = output.as_chunks_mut::<BLOCK>();
        let fours = (blocks.len() * BLOCK + rest.len()) / taps::CHANNELS;
        // SAFETY: as for this function; channels that do not fill a block get outputs apart, whose scales pad the table.
        unsafe {
            taps::of_one_position(places.as_ptr().cast(), filter.window.taps(), first, biases.add(first), sums, fours);
            if !blocks.is_empty() {
                outputs::of_one_row(sums, scales.add(first), blocks.as_mut_ptr().cast(), blocks.len(), offset);
            }
            if !rest.is_empty() {
                let mut block = [0; BLOCK];
                let at = blocks.len() * BLOCK;
                // The other half of the block's sums is not stored.
                outputs::of_one_row(sums.add(at), scales.add(first + at), block.as_mut_ptr(), 1, offset);
                rest.iter_mut().zip(block).for_each(|(place, value)| *place = value);
            }
        }
    }
}
