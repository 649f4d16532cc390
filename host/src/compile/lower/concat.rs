//! Concat: each input is copied to its part of the output.

use tract_onnx::prelude::*;

use super::moved::axes_in_memory;
use super::{Lowering, Operand};
use crate::Error;
use crate::compile::ir::Kind;

impl Lowering<'_> {
    pub(super) fn quantised_concat(&mut self, node: &TypedNode, axis: usize) -> Result<(), Error> {
        let inputs: Vec<Operand> =
            (0..node.inputs.len()).map(|inlet| self.operand(node, inlet)).collect::<Result<_, _>>()?;
        let output = self.concatenated(node, axis, &inputs)?;
        self.operands.insert(node.id.into(), output);
        Ok(())
    }

    /// Joins operands along an axis; they are brought to the order of the first in memory if they have another.
    pub(super) fn concatenated(&mut self, node: &TypedNode, axis: usize, inputs: &[Operand]) -> Result<Operand, Error> {
        if let Some(joined) = self.joined(node, axis, inputs) {
            return Ok(joined);
        }
        let order = axes_in_memory(&inputs[0].layout);
        let inputs = inputs.iter().map(|input| {
            // Axes of one place in the first input may have more in another.
            let others = axes_in_memory(&input.layout).into_iter().filter(|axis| !order.contains(axis));
            let order: Vec<usize> = order.iter().copied().chain(others).collect();
            self.ordered(node, input, &order)
        });
        let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
        self.joined(node, axis, &inputs).ok_or_else(|| self.must_move(node))
    }

    /// Joins operands that have their axes in the same order.
    fn joined(&mut self, node: &TypedNode, axis: usize, inputs: &[Operand]) -> Option<Operand> {
        let total = self.output_shape(node).ok()?[axis];
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
            _ => return None,
        };
        let whole = layout.cut(place, (place + 1).min(layout.memory().len()));
        let element = self.graph.element(inputs[0].tensor);
        let tensor = self.graph.add_tensor(layout.length(), element);
        let mut start = 0;
        for input in inputs {
            let extent = [whole[0], input.layout.extent(axis), whole[2]];
            let kind = Kind::Copy { from: [0, 0, 0], to: [0, start, 0], extent };
            self.copy(node, input.place(extent, 0), (tensor, whole), kind);
            start += extent[1];
        }
        let quant = inputs[0].quant.filter(|quant| inputs.iter().all(|input| input.quant == Some(*quant)));
        Some(Operand { tensor, offset: 0, layout, quant })
    }
}
