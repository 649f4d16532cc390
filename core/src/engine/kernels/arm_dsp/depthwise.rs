//! Depthwise convolutions: four channels at a time, the bytes of a word.

use core::mem::MaybeUninit;

use super::{clamp, outputs, taps};
use crate::engine::kernels::generic::Generic;
use crate::engine::kernels::{DepthwiseFilter, DepthwiseInput, Kernels};
use crate::engine::layout::BLOCK;

/// Most taps that these loops take; the portable kernel serves larger filters.
const MOST: usize = 32;
/// Positions worked on at a time, if there are so many.
const POSITIONS: usize = 4;
/// Blocks of channels of a single position whose sums are kept at a time.
const SPAN: usize = 4;

/// For each tap of a position, where the channels and where their weights begin.
type Places = [MaybeUninit<[*const i8; 2]>; MOST];

pub(super) fn depthwise(filter: &DepthwiseFilter<'_>, input: &DepthwiseInput<'_>, output: &mut [i8]) {
    // Channels are read by whole words.
    if filter.window.taps() > MOST || !filter.channels.is_multiple_of(taps::CHANNELS) {
        return Generic.depthwise(filter, input, output);
    }
    if !input.fit(filter) || filter.window.taps() == 0 {
        return;
    }
    let mut places = [[MaybeUninit::uninit(); MOST]; POSITIONS];
    let mut position = 0;
    for output in output.chunks_mut(POSITIONS * filter.channels) {
        let count = output.len() / filter.channels;
        for places in places.iter_mut().take(count) {
            find(filter, input, position, places);
            position += 1;
        }
        // SAFETY: the input fits the filter, so that the tables are whole and all channels can be read from each place.
        unsafe {
            if count == POSITIONS {
                four_positions(filter, &places, output);
            } else {
                for (places, output) in places.iter().zip(output.chunks_exact_mut(filter.channels)) {
                    one_position(filter, places, output);
                }
            }
        }
        clamp(&filter.requantisation, output);
    }
}

/// Finds the inputs and weights of a position.
fn find(filter: &DepthwiseFilter<'_>, input: &DepthwiseInput<'_>, position: usize, places: &mut Places) {
    let (row, mut weights) = (filter.row(), filter.weights.as_ptr());
    let mut place = places.iter_mut();
    input.tap_starts(filter, position, |start| {
        let inputs = start.map_or(input.padding.as_ptr(), |start| input.values.as_ptr().wrapping_add(start));
        if let Some(place) = place.next() {
            place.write([inputs, weights]);
        }
        weights = weights.wrapping_add(row);
    });
}

/// Computes all channels of four positions.
///
/// # Safety
/// The filter is whole and has 1 to [`MOST`] taps; the places of so many are known, and all channels can be read from each; `output` has
/// four positions.
unsafe fn four_positions(filter: &DepthwiseFilter<'_>, places: &[Places; POSITIONS], output: &mut [i8]) {
    let mut sums = [MaybeUninit::<i32>::uninit(); taps::CHANNELS * POSITIONS];
    let offset = 2 * i32::from(filter.requantisation.zero_point) + 1;
    let (biases, scales) = (filter.requantisation.biases.as_ptr(), filter.requantisation.scales.as_ptr());
    let (sums, output) = (sums.as_mut_ptr().cast::<i32>(), output.as_mut_ptr());
    for first in (0..filter.channels).step_by(taps::CHANNELS) {
        // SAFETY: as for this function.
        unsafe {
            taps::of_four_positions(places.as_ptr().cast(), filter.window.taps(), first, biases.add(first), sums);
            outputs::of_four_rows(sums, scales.add(first), output.add(first), filter.channels, taps::CHANNELS, offset);
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
