//! Slice: along the outermost axis, which is time, a view; along another a copy.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::DimLike;
use tract_onnx::tract_core::ops::array::{Gather, Slice, StridedSlice};

use super::{Lowering, Operand};
use crate::Error;
use crate::compile::import::describe;
use crate::compile::ir::Kind;

impl Lowering<'_> {
    pub(super) fn sliced(&mut self, node: &TypedNode, input: &Operand) -> Result<Operand, Error> {
        let mut output = input.clone();
        for (axis, start, end) in self.bounds(node, input)? {
            output = self.cut(node, &output, axis, start, end)?;
        }
        Ok(output)
    }

    /// A Gather of one place along an axis, which is how exporters write `x[:, 0]`: a slice without its axis.
    pub(super) fn picked(&mut self, node: &TypedNode, op: &Gather, input: &Operand) -> Result<Operand, Error> {
        let (rank, places) = (self.constant(node, 1)?.rank(), self.constants::<i64>(node, 1)?);
        let extent = input.layout.extent(op.axis);
        let place = match *places.as_slice() {
            [place] if rank <= 1 => usize::try_from(if place < 0 { place + extent as i64 } else { place }).ok(),
            _ => None,
        };
        let place = place.ok_or_else(|| self.unsupported(node, "only one place along an axis may be gathered"))?;
        let mut output = self.cut(node, input, op.axis, place, place + 1)?;
        if rank == 0 {
            output.layout.remove_axis(op.axis);
        }
        Ok(output)
    }

    /// Axis, first and last (excluded) of every axis that a node cuts.
    fn bounds(&self, node: &TypedNode, input: &Operand) -> Result<Vec<(usize, usize, usize)>, Error> {
        if let Some(op) = node.op.downcast_ref::<Slice>() {
            let bounds = op.start.to_usize().and_then(|start| Ok((op.axis, start, op.end.to_usize()?)));
            return bounds.map(|bounds| vec![bounds]).map_err(|error| self.unsupported(node, &error.to_string()));
        }
        let Some(op) = node.op.downcast_ref::<StridedSlice>() else {
            return Err(self.unsupported(node, "it is not supported on int8 tensors"));
        };
        let (begin, end) = (self.constant(node, 1)?, self.constant(node, 2)?);
        let axes = match op.optional_axes_input {
            Some(inlet) => self.constants::<i64>(node, inlet)?,
            None => (0..begin.len() as i64).collect(),
        };
        let steps = match op.optional_steps_input {
            Some(inlet) => self.constants::<i32>(node, inlet)?,
            None => vec![1; axes.len()],
        };
        let rank = input.layout.rank();
        let bound = |index: usize, axis: i64| -> TractResult<(usize, usize, usize, i32)> {
            let axis = usize::try_from(if axis < 0 { axis + rank as i64 } else { axis })?;
            if axis >= rank {
                return Err(TractError::msg("its axes are out of range"));
            }
            let dim = op.prepare_one_dim(index, &input.layout.extent(axis).to_dim(), begin, end, &steps)?;
            Ok((axis, dim.begin.to_usize()?, dim.end.to_usize()?, dim.stride))
        };
        axes.iter()
            .enumerate()
            .map(|(index, &axis)| match bound(index, axis) {
                Ok((axis, start, end, 1)) => Ok((axis, start, end)),
                Ok(_) => Err(self.unsupported(node, "a slice must have steps of 1")),
                Err(error) => Err(self.unsupported(node, &describe(&error))),
            })
            .collect()
    }

    fn cut(
        &mut self,
        node: &TypedNode,
        input: &Operand,
        axis: usize,
        start: usize,
        end: usize,
    ) -> Result<Operand, Error> {
        let extent = input.layout.extent(axis);
        let (start, end) = (start.min(extent), end.min(extent));
        if start >= end {
            return Err(self.unsupported(node, "it cuts everything away"));
        }
        if end - start == extent {
            return Ok(input.clone());
        }
        let gathered;
        let mut input = input;
        if input.layout.factors(axis).len() > 1 {
            gathered = self.gathered(node, input, &[axis])?;
            input = &gathered;
        }
        let [factor] = *input.layout.factors(axis) else { return Err(self.must_move(node)) };
        let layout = input.layout.resized(axis, end - start, factor);
        if factor == 0 {
            let row: usize = input.layout.memory()[1..].iter().product();
            return Ok(Operand { offset: input.offset + start * row, layout, ..input.clone() });
        }
        let from = input.layout.cut(factor, factor + 1);
        let extent = [from[0], end - start, from[2]];
        let kind = Kind::Copy { from: [0, start, 0], to: [0, 0, 0], extent };
        let tensor = self.push(node, kind, vec![input.place(from, 0)], extent, self.untouched(input));
        Ok(Operand { tensor, offset: 0, layout, quant: input.quant })
    }
}
