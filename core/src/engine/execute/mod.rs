//! Running a plan: one file a family of operators.

mod convolution;
mod copy;
mod elementwise;
mod int16;
mod pool;
#[cfg(feature = "recurrent")]
mod recurrent;

use super::kernels::KernelSet;
use crate::model::{Model, Op, Tensor};

/// Runs operators over the arena, in their order. Bounds were checked with the model: what would not fit is left out, never a panic.
pub(super) fn run(
    kernels: KernelSet,
    model: &Model<'_>,
    plan: impl Iterator<Item = Op>,
    arena: &mut [i8],
    scratch: &mut [i8],
) {
    for op in plan {
        if op.has_int16() {
            int16::run(model, &op, arena);
            continue;
        }
        match op {
            Op::Convolution(op) => convolution::full(kernels, model, &op, arena, scratch),
            Op::Depthwise(op) => convolution::depthwise(kernels, model, &op, arena, scratch),
            Op::Lookup(op) => elementwise::lookup(model, &op, arena),
            Op::Add(op) => elementwise::add(kernels, &op, arena),
            Op::Multiply(op) => elementwise::multiply(&op, arena),
            Op::MaxPool(op) => pool::max(&op, arena),
            Op::AveragePool(op) => pool::average(&op, arena),
            Op::Copy(op) => copy::block(&op, arena),
            Op::RunningMean(op) => pool::running(&op, arena),
            #[cfg(feature = "recurrent")]
            Op::Recurrent(op) => recurrent::run(model, &op, arena, scratch),
        }
    }
}

/// An input to read and an output to write, where they do not overlap; empty slices otherwise.
fn apart<'a>(arena: &'a mut [i8], input: &Tensor, output: &Tensor) -> (&'a [i8], &'a mut [i8]) {
    match arena.get_disjoint_mut([input.range(), output.range()]) {
        Ok([input, output]) => (input, output),
        Err(_) => (&[], &mut []),
    }
}
