//! What convolutions and pools share: which axes are height, width and channels, and how the window slides.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::PoolSpec;

use super::{Lowering, Operand};
use crate::Error;
use crate::compile::ir::Window;
use crate::compile::layout::Layout;

/// Height, width and channels of a tensor whose memory runs over them in that order.
#[derive(Debug, Clone)]
pub(super) struct Sliding {
    /// What it slides over, in the order that it needs.
    pub operand: Operand,
    /// Height, width and channels of the input.
    pub input: [usize; 3],
    /// Height, width and channels of the output.
    pub output: [usize; 3],
    /// The output's axes.
    pub layout: Layout,
    /// How the window slides over height and width.
    pub window: Window,
    /// Whether height and width are the second and first axis of the kernel rather than the first and second.
    pub swapped: bool,
}

impl Lowering<'_> {
    /// Reads a window of tract's; `extra` is padding that a Pad operator put before each axis.
    pub(super) fn sliding(
        &mut self,
        node: &TypedNode,
        spec: &PoolSpec,
        input: &Operand,
        extra: &[(usize, usize)],
    ) -> Result<Sliding, Error> {
        let input_shape = self.model.outlet_fact(node.inputs[0]).map_err(|_| self.must_move(node))?;
        let padded = self.concrete(node, input_shape)?;
        let shape = spec.data_format.shape(padded).map_err(|_| self.must_move(node))?;
        let spatial: Vec<usize> = shape.hw_axes().collect();
        let channel = shape.c_axis();
        if spatial.is_empty() || spatial.len() > 2 {
            return Err(self.unsupported(node, "only windows over one or two axes are supported"));
        }
        let straight: Vec<usize> = spatial.iter().copied().chain([channel]).collect();
        let crossed: Vec<usize> = spatial.iter().rev().copied().chain([channel]).collect();
        let output_shape = self.output_shape(node)?;
        let is_ordered = |axes: &[usize]| input.layout.is_ordered(axes);
        let operand = if is_ordered(&straight) || is_ordered(&crossed) {
            input.clone()
        } else {
            // Either will do, and one of them may leave time where it is.
            self.ordered_cheaply(node, input, &[&straight, &crossed])?
        };
        let layout = &operand.layout;
        // An axis that is and stays of extent 1 is the width, so that time is the height wherever it stands.
        let is_flat = |axis: usize| layout.extent(axis) == 1 && output_shape[axis] == 1;
        let flat = spatial.len() == 2 && is_flat(spatial[0]) && !is_flat(spatial[1]);
        let swapped = match (layout.is_ordered(&straight), layout.is_ordered(&crossed)) {
            (true, true) => flat,
            (true, false) => false,
            (false, true) => true,
            (false, false) => return Err(self.must_move(node)),
        };
        let axes = if swapped { crossed } else { straight };
        let padding = spec.computed_padding(shape.hw_dims());
        let (strides, dilations) = (spec.strides(), spec.dilations());
        let along = |values: &dyn Fn(usize) -> usize, rest: usize| match (spatial.len(), swapped) {
            (1, _) => [values(0), rest],
            (_, false) => [values(0), values(1)],
            (_, true) => [values(1), values(0)],
        };
        let extra_of = |index: usize| extra.get(spatial[index]).map_or(0, |pads| pads.0);
        let window = Window {
            kernel: along(&|index| spec.kernel_shape[index], 1),
            stride: along(&|index| strides[index], 1),
            dilation: along(&|index| dilations[index], 1),
            pad: along(&|index| padding[index].pad_before + extra_of(index), 0),
        };
        let sizes = |extent: &dyn Fn(usize) -> usize| {
            let spatial = along(&|index| extent(spatial[index]), 1);
            [spatial[0], spatial[1], extent(channel)]
        };
        let batch = (0..output_shape.len()).filter(|axis| !axes.contains(axis));
        let order: Vec<usize> = batch.chain(axes.iter().copied()).collect();
        let input = sizes(&|axis| layout.extent(axis));
        Ok(Sliding {
            operand,
            input,
            output: sizes(&|axis| output_shape[axis]),
            layout: Layout::new(&output_shape, &order),
            window,
            swapped,
        })
    }
}
