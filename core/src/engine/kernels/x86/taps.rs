//! The inputs under the taps of a few positions, so that each load of weights serves all of them.

use super::super::{DepthwiseFilter, DepthwiseInput};

/// Most taps that the vector kernels take; the portable kernel serves larger filters.
pub(super) const MOST: usize = 64;
/// Positions worked on at a time.
pub(super) const POSITIONS: usize = 8;

/// Where the channels under each tap of a position begin. Behind the last tap stand rows of padding, up to a multiple of four.
pub(super) type Places = [*const i8; MOST];

/// Finds the inputs of as many positions as there are places, from `first` on. `input` fits `filter`: all channels can be read
/// from each place.
#[inline(always)]
pub(super) fn find(filter: &DepthwiseFilter<'_>, input: &DepthwiseInput<'_>, first: usize, places: &mut [Places]) {
    for (position, places) in places.iter_mut().enumerate() {
        let mut place = places.iter_mut();
        input.tap_starts(filter, first + position, |start| {
            if let Some(place) = place.next() {
                *place = start.map_or(input.padding.as_ptr(), |start| input.values.as_ptr().wrapping_add(start));
            }
        });
        place.take(3).for_each(|place| *place = input.padding.as_ptr());
    }
}
