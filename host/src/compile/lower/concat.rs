//! Concat: each input is copied to its part of the output.

use tract_onnx::prelude::*;

use super::{Lowering, Operand};
use crate::Error;
use crate::compile::ir::{Kind, Op, Place};

impl Lowering<'_> {
    pub(super) fn quantised_concat(&mut self, node: &TypedNode, axis: usize) -> Result<(), Error> {
        let inputs: Vec<Operand> =
            (0..node.inputs.len()).map(|inlet| self.operand(node, inlet)).collect::<Result<_, _>>()?;
        let output = self.concatenated(node, axis, &inputs)?;
        self.operands.insert(node.id.into(), output);
        Ok(())
    }

    /// Joins operands along an axis; all must have their other axes in the same order in memory.
    pub(super) fn concatenated(&mut self, node: &TypedNode, axis: usize, inputs: &[Operand]) -> Result<Operand, Error> {
        let total = self.output_shape(node)?[axis];
        // Where the joined axis lies: where it does in the first input that has it. Rows of one value each are joined
        // innermost, which is the place of channels.
        let joined = inputs.iter().find_map(|input| input.layout.factors(axis).first().copied());
        let place = joined.unwrap_or(inputs[0].layout.memory().len());
        let layouts: Option<Vec<_>> = inputs
            .iter()
            .map(|input| {
                let single = input.layout.factors(axis).len() <= 1;
                single.then(|| input.layout.resized(axis, total, place))
            })
            .collect();
        let layout = match layouts.as_deref() {
            Some([first, rest @ ..]) if rest.iter().all(|other| other.merged() == first.merged()) => first.clone(),
            _ => return Err(self.must_move(node)),
        };
        let whole = layout.cut(place, (place + 1).min(layout.memory().len()));
        let element = self.graph.element(inputs[0].tensor);
        let tensor = self.graph.add_tensor(layout.length(), element);
        let mut start = 0;
        for input in inputs {
            let extent = [whole[0], input.layout.extent(axis), whole[2]];
            let kind = Kind::Copy { from: [0, 0, 0], to: [0, start, 0], extent };
            let output = Place { tensor, offset: 0, shape: whole, zero_point: 0 };
            let inputs = vec![input.place(extent, 0)];
            self.graph.ops.push(Op { node: node.name.clone(), kind, inputs, output, clamp: [i8::MIN, i8::MAX] });
            start += extent[1];
        }
        let quant = inputs[0].quant.filter(|quant| inputs.iter().all(|input| input.quant == Some(*quant)));
        Ok(Operand { tensor, offset: 0, layout, quant })
    }
}
