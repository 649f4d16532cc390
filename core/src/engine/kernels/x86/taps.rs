//! The inputs under the taps of a few positions, so that each load of weights serves all of them.

use crate::engine::kernels::generic::Generic;
use crate::engine::kernels::{DepthwiseFilter, DepthwiseInput, Kernels};
use crate::model::Window;

/// Most taps that the vector kernels take; the portable kernel serves larger filters.
pub(super) const MOST: usize = 64;
/// Positions worked on at a time.
const POSITIONS: usize = 16;

/// Where the channels under each tap of a position begin. Behind the last tap stands padding.
pub(super) type Places = [*const i8; MOST];

/// Goes through a depthwise convolution, a few positions and `block` channels at a time: `compute` gets the first of the channels, where
/// the taps of each position find their inputs, and the outputs of these positions.
///
/// It is called for filters that the input fits and with at most [`MOST`] taps; all channels can be read from each place.
#[inline(always)]
pub(super) fn in_blocks(
    filter: &DepthwiseFilter<'_>,
    input: &DepthwiseInput<'_>,
    output: &mut [i8],
    block: usize,
    mut compute: impl FnMut(usize, &[Places], &mut [i8]),
) {
    if !input.fit(filter) {
        return;
    }
    if filter.window.taps() > MOST {
        return Generic.depthwise(filter, input, output);
    }
    let offsets = offsets(filter, input);
    let mut places = [[input.padding.as_ptr(); MOST]; POSITIONS];
    let [mut row, mut column] = [0, 0];
    for (chunk, output) in output.chunks_mut(POSITIONS * filter.channels).enumerate() {
        let places = &mut places[..output.len() / filter.channels];
        for (index, places) in places.iter_mut().enumerate() {
            if let Some(start) = inside(filter, input, [row, column]) {
                for (place, offset) in places.iter_mut().zip(&offsets[..filter.window.taps()]) {
                    *place = start.wrapping_add(*offset);
                }
            } else {
                find(filter, input, chunk * POSITIONS + index, places);
            }
            column += 1;
            if column == input.columns {
                [row, column] = [row + 1, 0];
            }
        }
        for first in (0..filter.channels).step_by(block) {
            compute(first, places, output);
        }
    }
}

/// How far the inputs under each tap are from those under the first.
#[inline(always)]
fn offsets(filter: &DepthwiseFilter<'_>, input: &DepthwiseInput<'_>) -> [usize; MOST] {
    let Window { kernel, dilation, .. } = filter.window;
    let (kernel, dilation) = (kernel.map(usize::from), dilation.map(usize::from));
    let mut offsets = [0; MOST];
    for (tap, offset) in offsets.iter_mut().enumerate().take(filter.window.taps()) {
        let [row, column] = [tap / kernel[1] * dilation[0], tap % kernel[1] * dilation[1]];
        *offset = (row * input.width + column) * filter.channels;
    }
    offsets
}

/// Where the inputs under the first tap begin, if no tap falls on padding.
#[inline(always)]
fn inside(filter: &DepthwiseFilter<'_>, input: &DepthwiseInput<'_>, position: [usize; 2]) -> Option<*const i8> {
    let window = &filter.window;
    let first = |axis: usize, count: usize| {
        let first = (position[axis] * usize::from(window.stride[axis])).checked_sub(window.pad[axis].into())?;
        (first + window.extent(axis) as usize <= count).then_some(first)
    };
    let (row, column) = (first(0, input.height)?, first(1, input.width)?);
    Some(input.values.as_ptr().wrapping_add((row * input.width + column) * filter.channels))
}

/// Finds the inputs of a position, wherever they are. `input` fits `filter`: all channels can be read from each place.
#[inline(never)]
fn find(filter: &DepthwiseFilter<'_>, input: &DepthwiseInput<'_>, position: usize, places: &mut Places) {
    let mut places = places.iter_mut();
    input.tap_starts(filter, position, |start| {
        if let Some(place) = places.next() {
            *place = start.map_or(input.padding.as_ptr(), |start| input.values.as_ptr().wrapping_add(start));
        }
    });
}
