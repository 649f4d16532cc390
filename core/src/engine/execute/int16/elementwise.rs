//! Operators that work value by value, in place where the plan says so.

use super::{UNBOUNDED, finish, set, value};
use crate::engine::arithmetic::{interpolate, shift_half_even};
use crate::engine::layout::INT16_ENTRIES;
use crate::model::{Addition, Lookup, Model, Multiplication, Tensor};

/// Replaces each value by what a table says.
pub(super) fn lookup(model: &Model<'_>, op: &Lookup, arena: &mut [i8]) {
    let (from, to) = (op.input.element, op.output.element);
    let entries = if from.is_int16() { INT16_ENTRIES } else { 256 };
    let table: &[i16] = model.table(op.table as usize, entries);
    if table.len() != entries {
        return;
    }
    let plain = Tensor { zero_point: 0, ..op.output };
    for index in 0..op.output.length() as usize {
        let given = arena.get(op.input.range()).map_or(0, |input| value(input, from, index));
        // In 128ths, of which a byte's entries need none.
        let exact = if from.is_int16() {
            interpolate(table, given)
        } else {
            table.get((given + 128) as usize).map_or(0, |&entry| i32::from(entry) << 7)
        };
        // A byte is 256 times as coarse.
        let places = if to.is_int16() { 7 } else { 15 };
        let result = finish(&plain, UNBOUNDED, i64::from((exact + (1 << (places - 1))) >> places));
        if let Some(output) = arena.get_mut(op.output.range()) {
            set(output, to, index, result);
        }
    }
}

/// Adds two tensors.
pub(super) fn add(op: &Addition, arena: &mut [i8]) {
    let factors = op.multipliers.map(i64::from);
    pairwise(&op.inputs, &op.output, arena, |[a, b]| {
        finish(&op.output, op.clamp, shift_half_even(a * factors[0] + b * factors[1], op.shift.into()))
    });
}

/// Multiplies two tensors.
pub(super) fn multiply(op: &Multiplication, arena: &mut [i8]) {
    pairwise(&op.inputs, &op.output, arena, |[a, b]| {
        finish(&op.output, op.clamp, shift_half_even(a * b * i64::from(op.multiplier), op.shift.into()))
    });
}

/// Stores what `compute` makes of two inputs, repeated to the output's shape, of which the zero points are taken off.
fn pairwise(inputs: &[Tensor; 2], output: &Tensor, arena: &mut [i8], compute: impl Fn([i64; 2]) -> i32) {
    let (width, channels) = (usize::from(output.width).max(1), output.channels as usize);
    for position in 0..output.positions() as usize {
        let starts = inputs.map(|input| {
            let row = if input.height == 1 { 0 } else { position / width };
            let column = if input.width == 1 { 0 } else { position % width };
            (row * usize::from(input.width) + column) * input.channels as usize
        });
        for channel in 0..channels {
            let given = [0, 1].map(|which: usize| {
                let input = &inputs[which];
                let at = starts[which] + if input.channels == 1 { 0 } else { channel };
                let step = arena.get(input.range()).map_or(0, |bytes| value(bytes, input.element, at));
                i64::from(step) - i64::from(input.zero_point)
            });
            let result = compute(given);
            if let Some(bytes) = arena.get_mut(output.range()) {
                set(bytes, output.element, position * channels + channel, result);
            }
        }
    }
}
