//! Operators of which a tensor is int16: value by value, the same code on every target.

mod convolution;
mod elementwise;
mod pool;

use super::{apart, copy};
use crate::engine::arithmetic::{finish_int16, finish_wide};
use crate::model::{Element, Model, Op, Tensor};

/// No bounds but those of the type.
const UNBOUNDED: [i8; 2] = [i8::MIN, i8::MAX];

/// Runs an operator.
pub(super) fn run(model: &Model<'_>, op: &Op, arena: &mut [i8]) {
    match op {
        Op::Convolution(op) => convolution::full(model, op, arena),
        Op::Depthwise(op) => convolution::depthwise(model, op, arena),
        Op::Lookup(op) => elementwise::lookup(model, op, arena),
        Op::Add(op) => elementwise::add(op, arena),
        Op::Multiply(op) => elementwise::multiply(op, arena),
        Op::MaxPool(op) => pool::max(op, arena),
        Op::AveragePool(op) => pool::average(op, arena),
        Op::Copy(op) => copy::block(op, arena),
        Op::RunningMean(op) => pool::running(op, arena),
        // In bytes alone: a checked plan has no other.
        #[cfg(feature = "recurrent")]
        Op::Recurrent(_) => (),
    }
}

/// A value of a tensor's bytes; 0 where there is none.
#[inline(always)]
fn value(bytes: &[i8], element: Element, index: usize) -> i32 {
    if element.is_int16() {
        let pair = bytes.get(2 * index..).and_then(|bytes| bytes.first_chunk::<2>());
        pair.map_or(0, |pair| i16::from_le_bytes(pair.map(i8::cast_unsigned)).into())
    } else {
        bytes.get(index).map_or(0, |&byte| byte.into())
    }
}

/// Puts a value that fits into a tensor's bytes.
#[inline(always)]
fn set(bytes: &mut [i8], element: Element, index: usize, value: i32) {
    if element.is_int16() {
        if let Some(pair) = bytes.get_mut(2 * index..).and_then(|bytes| bytes.first_chunk_mut::<2>()) {
            *pair = (value as i16).to_le_bytes().map(u8::cast_signed);
        }
    } else if let Some(byte) = bytes.get_mut(index) {
        *byte = value as i8;
    }
}

/// Brings a result to the output's zero point and into its range.
#[inline(always)]
fn finish(output: &Tensor, clamp: [i8; 2], value: i64) -> i32 {
    if output.element.is_int16() {
        finish_int16(value, clamp).into()
    } else {
        finish_wide(value, output.zero_point, clamp).into()
    }
}
