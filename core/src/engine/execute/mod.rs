//! Running a plan: one file a family of operators.

mod convolution;
mod copy;
mod elementwise;
mod pool;

use super::kernels::KernelSet;
use crate::model::{Model, Op};

/// Runs all operators over the arena. Bounds were checked with the model: what would not fit is left out, never a panic.
pub(super) fn run(kernels: KernelSet, model: &Model<'_>, arena: &mut [i8], scratch: &mut [i8]) {
    for op in model.plan() {
        match op {
            Op::Convolution(op) => convolution::full(kernels, model, &op, arena, scratch),
            Op::Depthwise(op) => convolution::depthwise(kernels, model, &op, arena, scratch),
            Op::Lookup(op) => elementwise::lookup(model, &op, arena),
            Op::Add(op) => elementwise::add(kernels, &op, arena),
            Op::Multiply(op) => elementwise::multiply(&op, arena),
            Op::MaxPool(op) => pool::max(&op, arena),
            Op::AveragePool(op) => pool::average(&op, arena),
            Op::Copy(op) => copy::block(&op, arena),
        }
    }
}

/// An input to read and an output to write, where they do not overlap; empty slices otherwise.
fn apart<'a>(
    arena: &'a mut [i8],
    input: &crate::model::Tensor,
    output: &crate::model::Tensor,
) -> (&'a [i8], &'a mut [i8]) {
    let (from, to) = (input.range(), output.range());
    if from.end.max(to.end) > arena.len() || (from.start < to.end && to.start < from.end) {
        return (&[], &mut []);
    }
    if from.end <= to.start {
        let (low, high) = arena.split_at_mut(to.start);
        (&low[from], &mut high[..to.end - to.start])
    } else {
        let (low, high) = arena.split_at_mut(from.start);
        (&high[..from.end - from.start], &mut low[to])
    }
}
