//! Transpose, Reshape, Flatten, Squeeze and Unsqueeze: no operator, only another view of the same bytes.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::DimLike;
use tract_onnx::tract_core::ops::change_axes::AxisOp;

use super::{Lowering, Operand};
use crate::Error;

impl Lowering<'_> {
    pub(super) fn changed_axes(&mut self, node: &TypedNode, op: &AxisOp, input: &Operand) -> Result<Operand, Error> {
        let mut output = input.clone();
        if let AxisOp::Reshape(at, from, to) = op {
            let to: Option<Vec<usize>> = to.iter().map(|extent| extent.to_usize().ok()).collect();
            let to = to.ok_or_else(|| self.must_move(node))?;
            if !output.layout.clone().reshape(*at, from.len(), &to) {
                // One behind the other they may be cut anywhere.
                let axes: Vec<usize> = (*at..*at + from.len()).filter(|&axis| input.layout.extent(axis) > 1).collect();
                output = self.gathered(node, input, &axes)?;
                output.layout.join(*at, from.len());
            }
        }
        let layout = &mut output.layout;
        let done = match op {
            AxisOp::Add(axis) => {
                layout.add_axis(*axis);
                true
            }
            AxisOp::Rm(axis) => layout.remove_axis(*axis),
            AxisOp::Move(from, to) => {
                layout.move_axis(*from, *to);
                true
            }
            AxisOp::Reshape(at, from, to) => {
                let to: Option<Vec<usize>> = to.iter().map(|extent| extent.to_usize().ok()).collect();
                to.is_some_and(|to| layout.reshape(*at, from.len(), &to))
            }
        };
        if done && layout.shape() == self.output_shape(node)? { Ok(output) } else { Err(self.must_move(node)) }
    }
}
