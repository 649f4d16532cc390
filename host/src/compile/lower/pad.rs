//! Pad with one value, where it is no part of a convolution: a larger tensor that is filled with the value, and the input copied into it.

use earmark_core::engine::layout::INT16_ENTRIES;
use earmark_core::model::Element;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::{Pad, PadMode};

use super::{Lowering, Operand};
use crate::Error;
use crate::compile::ir::{Kind, Op, Place};

impl Lowering<'_> {
    /// Pads the quantised tensor `source`.
    pub(super) fn padded(&mut self, node: &TypedNode, source: OutletId, pad: &Pad) -> Result<Operand, Error> {
        let PadMode::Constant(value) = &pad.mode else {
            return Err(self.unsupported(node, "padding is supported only by a constant"));
        };
        let value = value.cast_to_scalar::<i32>().ok().and_then(|value| self.step(source, value).ok());
        let value = value.ok_or_else(|| self.unsupported(node, "its value lies outside the range of its type"))?;
        let input = self.operands.get(&source).cloned();
        let input = input.ok_or_else(|| self.unsupported(node, "its input does not depend on the features"))?;
        self.surrounded(node, &input, &pad.pads, value)
    }

    /// An operand with one value before and behind it along each axis.
    pub(super) fn surrounded(
        &mut self,
        node: &TypedNode,
        input: &Operand,
        pads: &[(usize, usize)],
        value: i16,
    ) -> Result<Operand, Error> {
        let mut operand = input.clone();
        for (axis, &(before, after)) in pads.iter().enumerate().filter(|(_, pads)| **pads != (0, 0)) {
            if operand.layout.factors(axis).len() > 1 {
                operand = self.gathered(node, &operand, &[axis])?;
            }
            let layout = &operand.layout;
            // An axis of one value grows innermost, which is the place of channels.
            let place = match *layout.factors(axis) {
                [] => layout.memory().len(),
                [factor] => factor,
                _ => return Err(self.must_move(node)),
            };
            let extent = layout.extent(axis);
            let grown = layout.resized(axis, before + extent + after, place);
            let whole = grown.cut(place, place + 1);
            let element = self.graph.element(operand.tensor);
            let tensor = self.graph.add_tensor(grown.length(), element);
            let row = whole[2];
            if whole[0] == 1 {
                self.fill(node, &operand, tensor, 0..before * row, value);
                self.fill(node, &operand, tensor, (before + extent) * row..grown.length(), value);
            } else {
                self.fill(node, &operand, tensor, 0..grown.length(), value);
            }
            let copied = [whole[0], extent, whole[2]];
            let kind = Kind::Copy { from: [0, 0, 0], to: [0, before, 0], extent: copied };
            self.copy(node, operand.place(copied, 0), (tensor, whole), kind);
            operand = Operand { tensor, offset: 0, layout: grown, quant: operand.quant };
        }
        Ok(operand)
    }

    /// Sets values of a tensor to one value, by a table that gives it for every value of `source`, run after run.
    fn fill(&mut self, node: &TypedNode, source: &Operand, tensor: usize, values: std::ops::Range<usize>, value: i16) {
        let mut start = values.start;
        while start < values.end {
            let shape = [1, 1, source.layout.length().min(values.end - start)];
            let inputs = vec![source.place(shape, 0)];
            let output = Place { tensor, offset: start, shape, zero_point: 0 };
            let kind = match self.graph.element(tensor) {
                Element::Int8 => Kind::Lookup(Box::new([value as i8; 256])),
                Element::Int16 => Kind::Int16Lookup(vec![value; INT16_ENTRIES]),
            };
            self.graph.ops.push(Op { node: node.name.clone(), kind, inputs, output, clamp: [i8::MIN, i8::MAX] });
            start += shape[2];
        }
    }
}
