//! Recurrent layers: step after step over the rows of the input.

use crate::engine::recurrent::{CURVE, Recurrence};
use crate::model::{Model, Recurrent};

/// Goes over all rows of the input.
pub(super) fn run(model: &Model<'_>, op: &Recurrent, arena: &mut [i8], scratch: &mut [i8]) {
    let recurrence = Recurrence {
        kind: op.kind,
        inputs: op.inputs(),
        units: op.units(),
        weights: model.table(op.weights as usize, op.weights_length() as usize),
        rows: model.table(op.rows as usize, op.weight_rows() as usize),
        curves: model.table(op.curves as usize, 2 * CURVE),
        cell_bits: op.cell_bits,
        scale: op.scale,
    };
    let places = [op.input.range(), op.state_range(), op.output.range()];
    let Ok([input, state, output]) = arena.get_disjoint_mut(places) else { return };
    let Some((state, left_out)) = state.split_at_mut_checked(3 * op.units()) else { return };
    let Some(next) = scratch.get_mut(..op.units()) else { return };
    if !op.carried {
        state.fill(0);
    }
    let gives_all = op.output.height == op.input.height;
    let mut outputs = output.chunks_exact_mut(op.units().max(1));
    for row in input.chunks_exact(op.inputs().max(1)) {
        let output = if gives_all { outputs.next() } else { None };
        if is_left_out(op, left_out) {
            output.into_iter().for_each(|output| output.fill(0));
            continue;
        }
        recurrence.step(row, state, next);
        output.into_iter().flatten().zip(&*next).for_each(|(output, &value)| *output = value);
    }
    if !gives_all {
        // What is remembered ends with the last step's outputs.
        let last = state.get(2 * op.units()..).unwrap_or(&[]);
        outputs.next().into_iter().flatten().zip(last).for_each(|(output, &value)| *output = value);
    }
}

/// Whether a row lies before what was heard since the reset; counts it if so.
fn is_left_out(op: &Recurrent, left_out: &mut [i8]) -> bool {
    let Some(counter) = left_out.first_chunk_mut::<4>() else { return false };
    let count = u32::from_le_bytes(counter.map(i8::cast_unsigned));
    let is_left_out = count < op.skipped;
    *counter = (count + u32::from(is_left_out)).to_le_bytes().map(u8::cast_signed);
    is_left_out
}
