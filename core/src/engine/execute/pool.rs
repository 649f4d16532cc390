//! Pools: the greatest value or the mean under a sliding window.

use super::apart;
use crate::engine::arithmetic::{divide_half_even, finish_wide};
use crate::model::{AveragePool, MaxPool, Tensor, Window};

/// Channels pooled at a time: their sums stay on the stack.
const CHANNELS: usize = 16;

/// The greatest value; padding is left out.
pub(super) fn max(op: &MaxPool, arena: &mut [i8]) {
    pool(&op.window, &op.input, &op.output, arena, i8::MIN, |best, value| *best = value.max(*best), |_, best| best);
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
        |sum, value| *sum += i32::from(value) - zero_point,
        |inside, sum| {
            let count = if op.count_padding { op.window.taps() } else { inside };
            let mean = divide_half_even(i64::from(sum) * i64::from(op.multiplier), (count as i64) << op.shift);
            finish_wide(mean, op.output.zero_point, [i8::MIN, i8::MAX])
        },
    );
}

/// Folds the values under the window, a few channels at a time; `finish` gets the number of positions inside the input.
fn pool<S: Copy>(
    window: &Window,
    input: &Tensor,
    output: &Tensor,
    arena: &mut [i8],
    start: S,
    fold: impl Fn(&mut S, i8),
    finish: impl Fn(usize, S) -> i8,
) {
    let channels = input.channels as usize;
    let (values, results) = apart(arena, input, output);
    let columns = usize::from(output.width).max(1);
    for (index, results) in results.chunks_exact_mut(channels.max(1)).enumerate() {
        let rows = covered(window, 0, index / columns, input.height);
        let across = covered(window, 1, index % columns, input.width);
        let inside = rows.len() * across.len();
        for (block, results) in results.chunks_mut(CHANNELS).enumerate() {
            let mut state = [start; CHANNELS];
            for row in rows.clone() {
                for column in across.clone() {
                    let at = (row * usize::from(input.width) + column) * channels + block * CHANNELS;
                    let values = values.get(at..at + results.len()).unwrap_or(&[]);
                    state.iter_mut().zip(values).for_each(|(state, &value)| fold(state, value));
                }
            }
            results.iter_mut().zip(state).for_each(|(result, state)| *result = finish(inside, state));
        }
    }
}

/// The rows (axis 0) or columns (axis 1) of the input under the window at an output.
fn covered(window: &Window, axis: usize, position: usize, extent: u16) -> core::ops::Range<usize> {
    let start = position * usize::from(window.stride[axis]);
    let pad = usize::from(window.pad[axis]);
    let end = (start + usize::from(window.kernel[axis])).saturating_sub(pad).min(usize::from(extent));
    start.saturating_sub(pad).min(end)..end
}
