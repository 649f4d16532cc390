//! Pools and running means.

use super::{UNBOUNDED, apart, finish, set, value};
use crate::engine::arithmetic::mean_wide;
use crate::engine::execute::pool::{bytes, covered, word};
use crate::model::{AveragePool, MaxPool, RunningMean, Tensor, Window};

/// The greatest value; padding is left out.
pub(super) fn max(op: &MaxPool, arena: &mut [i8]) {
    pool(&op.window, &op.input, &op.output, arena, i32::MIN, i32::max, |_, best| best);
}

/// The mean.
pub(super) fn average(op: &AveragePool, arena: &mut [i8]) {
    let zero_point = i32::from(op.input.zero_point);
    pool(
        &op.window,
        &op.input,
        &op.output,
        arena,
        0i32,
        // 65536 values of 16 bits fit 32.
        |sum, value| sum.wrapping_add(value - zero_point),
        |inside, sum| {
            let count = if op.count_padding { op.window.taps() } else { inside };
            scaled(sum, op.multiplier, op.shift, count, &op.output)
        },
    );
}

/// A sum over `count` values as a value of the output.
fn scaled(sum: i32, multiplier: i32, shift: u8, count: usize, output: &Tensor) -> i32 {
    finish(output, UNBOUNDED, mean_wide(sum, multiplier, shift.into(), count as u32))
}

/// Folds the values under the window; `finish` gets the number of positions inside the input.
fn pool(
    window: &Window,
    input: &Tensor,
    output: &Tensor,
    arena: &mut [i8],
    start: i32,
    fold: impl Fn(i32, i32) -> i32,
    finish: impl Fn(usize, i32) -> i32,
) {
    let channels = input.channels as usize;
    let (values, results) = apart(arena, input, output);
    let columns = usize::from(output.width).max(1);
    for position in 0..output.positions() as usize {
        let rows = covered(window, 0, position / columns, input.height);
        let across = covered(window, 1, position % columns, input.width);
        let inside = rows.len() * across.len();
        for channel in 0..channels {
            let mut state = start;
            for row in rows.clone() {
                for column in across.clone() {
                    let at = (row * usize::from(input.width) + column) * channels + channel;
                    state = fold(state, value(values, input.element, at));
                }
            }
            set(results, output.element, position * channels + channel, finish(inside, state));
        }
    }
}

/// The mean over the latest rows of a stream.
pub(super) fn running(op: &RunningMean, arena: &mut [i8]) {
    let (rows, channels) = (op.rows as usize, op.input.channels as usize);
    let (row, element) = (usize::from(op.input.width) * channels, op.input.element);
    let places = [op.input.range(), op.state_range(), op.output.range()];
    let Ok([input, state, output]) = arena.get_disjoint_mut(places) else { return };
    let Some((ring, words)) = state.split_at_mut_checked(rows * row * element.bytes()) else { return };
    let Some((next, sums)) = words.split_first_chunk_mut::<4>() else { return };
    let sums = sums.as_chunks_mut::<4>().0;
    let mut oldest = word(next) as usize % rows.max(1);
    for fresh in 0..usize::from(op.input.height) {
        for position in 0..usize::from(op.input.width) {
            for (channel, sum) in sums.iter_mut().enumerate() {
                let at = position * channels + channel;
                let newest = value(input, element, fresh * row + at);
                let difference = newest - value(ring, element, oldest * row + at);
                *sum = bytes(word(sum).wrapping_add(difference));
                set(ring, element, oldest * row + at, newest);
            }
        }
        oldest = if oldest + 1 == rows { 0 } else { oldest + 1 };
    }
    *next = bytes(oldest as i32);
    let count = rows * usize::from(op.input.width);
    let zero = i32::from(op.input.zero_point) * count as i32;
    for (channel, sum) in sums.iter().enumerate() {
        let mean = scaled(word(sum).wrapping_sub(zero), op.multiplier, op.shift, count, &op.output);
        set(output, op.output.element, channel, mean);
    }
}
