//! The inputs under the taps of a few positions, so that each load of weights serves all of them.

use crate::engine::kernels::generic::Generic;
use crate::engine::kernels::{DepthwiseFilter, DepthwiseInput, Kernels};

/// Most taps that the vector kernels take; the portable kernel serves larger filters.
pub(super) const MOST: usize = 64;
/// Positions worked on at a time.
const POSITIONS: usize = 8;

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
    let mut places = [[input.padding.as_ptr(); MOST]; POSITIONS];
    for (chunk, output) in output.chunks_mut(POSITIONS * filter.channels).enumerate() {
        let places = &mut places[..output.len() / filter.channels];
        find(filter, input, chunk * POSITIONS, places);
        for first in (0..filter.channels).step_by(block) {
            compute(first, places, output);
        }
    }
}

/// Finds the inputs of as many positions as there are places, from `first` on. `input` fits `filter`: all channels can be read
/// from each place.
#[inline(always)]
fn find(filter: &DepthwiseFilter<'_>, input: &DepthwiseInput<'_>, first: usize, places: &mut [Places]) {
    for (position, places) in places.iter_mut().enumerate() {
        let mut place = places.iter_mut();
        input.tap_starts(filter, first + position, |start| {
            if let Some(place) = place.next() {
                *place = start.map_or(input.padding.as_ptr(), |start| input.values.as_ptr().wrapping_add(start));
            }
        });
    }
}
