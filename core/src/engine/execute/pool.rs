//! Pools: the greatest value or the mean under a sliding window.

use super::apart;
use crate::engine::arithmetic::Mean;
use crate::model::{AveragePool, MaxPool, RunningMean, Tensor, Window};

/// Channels pooled at a time: their sums stay on the stack.
const CHANNELS: usize = 16;

/// The greatest value; padding is left out.
pub(super) fn max(op: &MaxPool, arena: &mut [i8]) {
    pool(&op.window, &op.input, &op.output, arena, i8::MIN, |best, value| *best = value.max(*best), |_| |best| best);
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
        |inside| {
            let count = if op.count_padding { op.window.taps() } else { inside };
            let mean = Mean::new(op.multiplier, op.shift.into(), count as u32);
            move |sum| byte(&mean, sum, op.output.zero_point)
        },
    );
}

/// The mean of a sum as a byte of the output.
#[inline(always)]
fn byte(mean: &Mean, sum: i32, zero_point: i8) -> i8 {
    mean.round(sum).saturating_add(zero_point.into()).clamp(i8::MIN.into(), i8::MAX.into()) as i8
}

/// The mean over the latest rows of a stream: new rows go into the sums, those that leave the window come out of them.
#[inline(never)] // On its own its variables stay in registers.
pub(super) fn running(op: &RunningMean, arena: &mut [i8]) {
    let (rows, row) = (op.rows as usize, usize::from(op.input.width) * op.input.channels as usize);
    let channels = op.input.channels as usize;
    let places = [op.input.range(), op.state_range(), op.output.range()];
    let Ok([input, state, output]) = arena.get_disjoint_mut(places) else { return };
    let Some((ring, words)) = state.split_at_mut_checked(rows * row) else { return };
    let Some((next, sums)) = words.split_first_chunk_mut::<4>() else { return };
    let mut oldest = word(next) as usize % rows.max(1);
    for fresh in input.chunks_exact(row.max(1)) {
        let Some(place) = ring.get_mut(oldest * row..).and_then(|ring| ring.get_mut(..row)) else { return };
        for (fresh, place) in fresh.chunks_exact(channels.max(1)).zip(place.chunks_exact_mut(channels.max(1))) {
            for ((&fresh, place), sum) in fresh.iter().zip(place).zip(sums.as_chunks_mut::<4>().0) {
                *sum = bytes(word(sum).wrapping_add(i32::from(fresh) - i32::from(*place)));
                *place = fresh;
            }
        }
        oldest = if oldest + 1 == rows { 0 } else { oldest + 1 };
    }
    *next = bytes(oldest as i32);
    let count = rows * usize::from(op.input.width);
    let zero = i32::from(op.input.zero_point) * count as i32;
    let mean = Mean::new(op.multiplier, op.shift.into(), count as u32);
    for (output, sum) in output.iter_mut().zip(sums.as_chunks::<4>().0) {
        *output = byte(&mean, word(sum).wrapping_sub(zero), op.output.zero_point);
    }
}

/// Words of the arena: it is bytes to everybody else, at any address.
pub(super) fn word(bytes: &[i8; 4]) -> i32 {
    i32::from_le_bytes(bytes.map(i8::cast_unsigned))
}

pub(super) fn bytes(word: i32) -> [i8; 4] {
    word.to_le_bytes().map(u8::cast_signed)
}

/// Folds the values under the window, a few channels at a time; `finish` says what becomes of them for a number of positions inside the
/// input.
fn pool<S: Copy, F: Fn(S) -> i8>(
    window: &Window,
    input: &Tensor,
    output: &Tensor,
    arena: &mut [i8],
    start: S,
    fold: impl Fn(&mut S, i8),
    finish: impl Fn(usize) -> F,
) {
    let channels = input.channels as usize;
    let (values, results) = apart(arena, input, output);
    let columns = usize::from(output.width).max(1);
    for (index, results) in results.chunks_exact_mut(channels.max(1)).enumerate() {
        let rows = covered(window, 0, index / columns, input.height);
        let across = covered(window, 1, index % columns, input.width);
        let finish = finish(rows.len() * across.len());
        for (block, results) in results.chunks_mut(CHANNELS).enumerate() {
            let mut state = [start; CHANNELS];
            for row in rows.clone() {
                for column in across.clone() {
                    let at = (row * usize::from(input.width) + column) * channels + block * CHANNELS;
                    let values = values.get(at..at + results.len()).unwrap_or(&[]);
                    state.iter_mut().zip(values).for_each(|(state, &value)| fold(state, value));
                }
            }
            results.iter_mut().zip(state).for_each(|(result, state)| *result = finish(state));
        }
    }
}

/// The rows (axis 0) or columns (axis 1) of the input under the window at an output.
pub(super) fn covered(window: &Window, axis: usize, position: usize, extent: u16) -> core::ops::Range<usize> {
    let start = position * usize::from(window.stride[axis]);
    let pad = usize::from(window.pad[axis]);
    let end = (start + usize::from(window.kernel[axis])).saturating_sub(pad).min(usize::from(extent));
    start.saturating_sub(pad).min(end)..end
}
