//! Operators that work value by value: sums, products and lookup tables, in place where the plan says so.

use super::apart;
use crate::engine::arithmetic::{finish_wide, shift_half_even};
use crate::engine::kernels::{KernelSet, Kernels, Sum};
use crate::model::{Addition, Lookup, Model, Multiplication, Tensor};

/// Values worked on at a time. They are copied to the stack first, so that an output may take an input's place.
const CHUNK: usize = 64;

/// Replaces each value by its table entry.
pub(super) fn lookup(model: &Model<'_>, op: &Lookup, arena: &mut [i8]) {
    let Ok(table) = <&[i8; 256]>::try_from(model.table::<i8>(op.table as usize, 256)) else { return };
    let entry = |value: i8| table[usize::from(value.cast_unsigned() ^ 0x80)];
    if op.input.offset == op.output.offset {
        let values = arena.get_mut(op.output.range()).unwrap_or(&mut []);
        values.iter_mut().for_each(|value| *value = entry(*value));
    } else {
        let (input, output) = apart(arena, &op.input, &op.output);
        output.iter_mut().zip(input).for_each(|(output, &input)| *output = entry(input));
    }
}

/// Adds two tensors.
pub(super) fn add(kernels: KernelSet, op: &Addition, arena: &mut [i8]) {
    let sum = Sum {
        zero_points: op.inputs.map(|input| input.zero_point),
        multipliers: op.multipliers,
        shift: u32::from(op.shift),
        zero_point: op.output.zero_point,
        clamp: op.clamp,
    };
    pairwise(&op.inputs, &op.output, arena, |a, b, output| kernels.sum(&sum, a, b, output));
}

/// Multiplies two tensors.
pub(super) fn multiply(op: &Multiplication, arena: &mut [i8]) {
    let [zero_a, zero_b] = op.inputs.map(|input| i64::from(input.zero_point));
    pairwise(&op.inputs, &op.output, arena, |a, b, output| {
        for ((output, &a), &b) in output.iter_mut().zip(a).zip(b) {
            let exact = (i64::from(a) - zero_a) * (i64::from(b) - zero_b) * i64::from(op.multiplier);
            *output = finish_wide(shift_half_even(exact, u32::from(op.shift)), op.output.zero_point, op.clamp);
        }
    });
}

/// Calls `compute` for chunk after chunk of two inputs, repeated to the output's shape, and stores what it gives.
fn pairwise(inputs: &[Tensor; 2], output: &Tensor, arena: &mut [i8], compute: impl Fn(&[i8], &[i8], &mut [i8])) {
    let same = |input: &Tensor| {
        input.height == output.height && input.width == output.width && input.channels == output.channels
    };
    // Without repetition the tensors are runs of equal length; with it, the runs are the channels of a position.
    let repeated = !inputs.iter().all(same);
    let (runs, run) =
        if repeated { (output.positions() as usize, output.channels as usize) } else { (1, output.length() as usize) };
    // Tensors apart from one another are read where they are.
    let ranges = [inputs[0].range(), inputs[1].range(), output.range()];
    if !repeated && let Ok([a, b, output]) = arena.get_disjoint_mut(ranges) {
        compute(a, b, output);
        return;
    }
    let columns = usize::from(output.width).max(1);
    for index in 0..runs {
        let position = [index / columns, index % columns];
        let starts = inputs.map(|input| run_start(&input, position));
        for first in (0..run).step_by(CHUNK) {
            let length = CHUNK.min(run - first);
            let mut values = [[0i8; CHUNK]; 2];
            for ((values, &start), input) in values.iter_mut().zip(&starts).zip(inputs) {
                load(input, arena, start, first, &mut values[..length], same(input));
            }
            let to = output.offset as usize + index * run + first;
            if let Some(output) = arena.get_mut(to..to + length) {
                compute(&values[0][..length], &values[1][..length], output);
            }
        }
    }
}

/// Where in the arena the channels of a position stand, for a tensor whose extents of 1 are repeated.
fn run_start(input: &Tensor, [row, column]: [usize; 2]) -> usize {
    let row = if input.height == 1 { 0 } else { row };
    let column = if input.width == 1 { 0 } else { column };
    input.offset as usize + (row * usize::from(input.width) + column) * input.channels as usize
}

/// Fills `values` from a run, or with the one channel that stands for all.
fn load(input: &Tensor, arena: &[i8], start: usize, first: usize, values: &mut [i8], whole: bool) {
    if whole || input.channels > 1 {
        if let Some(run) = arena.get(start + first..start + first + values.len()) {
            values.copy_from_slice(run);
        }
    } else if let Some(&value) = arena.get(start) {
        values.fill(value);
    }
}
