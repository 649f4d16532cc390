//! Pools over windows and over whole axes.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{MaxPool, PaddingSpec, SumPool};
use tract_onnx::tract_core::ops::nn::Reduce;

use super::moved::axes_in_memory;
use super::{Lowering, Operand};
use crate::Error;
use crate::compile::ir::{Kind, Window};
use crate::compile::layout::Layout;

/// A pool's window over an operand and what it gives.
pub(super) struct Pool {
    /// What it slides over, in the order that it needs.
    pub(super) operand: Operand,
    pub(super) input: [usize; 3],
    pub(super) output: [usize; 3],
    pub(super) layout: Layout,
    pub(super) window: Window,
    pub(super) count_padding: bool,
}

impl Lowering<'_> {
    pub(super) fn max_pool(&mut self, node: &TypedNode, op: &MaxPool, input: &Operand) -> Result<Operand, Error> {
        if op.with_index_outputs.is_some() {
            return Err(self.unsupported(node, "the indices of the greatest values are not supported"));
        }
        let sliding = self.sliding(node, &op.pool_spec, input, &[])?;
        if sliding.window.dilation != [1, 1] {
            return Err(self.unsupported(node, "pools with dilation are not supported"));
        }
        let place = sliding.operand.place(sliding.input, 0);
        let quant = self.untouched(input);
        let tensor = self.push(node, Kind::MaxPool(sliding.window), vec![place], sliding.output, quant);
        Ok(Operand { tensor, offset: 0, layout: sliding.layout, quant: input.quant })
    }

    pub(super) fn reduced_max(&mut self, node: &TypedNode, op: &Reduce, input: &Operand) -> Result<Operand, Error> {
        let pool = self.reduction(node, &op.axes, input)?;
        let place = pool.operand.place(pool.input, 0);
        let quant = self.untouched(input);
        let tensor = self.push(node, Kind::MaxPool(pool.window), vec![place], pool.output, quant);
        Ok(Operand { tensor, offset: 0, layout: pool.layout, quant: input.quant })
    }

    /// The window of an average pool.
    pub(super) fn average_window(&mut self, node: &TypedNode, op: &SumPool, input: &Operand) -> Result<Pool, Error> {
        let sliding = self.sliding(node, &op.pool_spec, input, &[])?;
        if !op.normalize || sliding.window.dilation != [1, 1] {
            return Err(self.unsupported(node, "sums over windows, and pools with dilation, are not supported"));
        }
        let rounds_up = matches!(op.pool_spec.padding, PaddingSpec::ExplicitOnnxPool(_, _, true));
        if rounds_up && op.count_include_pad {
            return Err(self.unsupported(node, "ceil_mode together with count_include_pad is not supported"));
        }
        Ok(Pool {
            operand: sliding.operand,
            input: sliding.input,
            output: sliding.output,
            layout: sliding.layout,
            window: sliding.window,
            count_padding: op.count_include_pad,
        })
    }

    /// The window that covers whole axes; they are moved together in memory if they do not lie so.
    pub(super) fn reduction(&mut self, node: &TypedNode, axes: &[usize], input: &Operand) -> Result<Pool, Error> {
        let mut operand = input.clone();
        if operand.layout.run_of(axes).is_none() {
            let (reduced, rest): (Vec<usize>, Vec<usize>) =
                axes_in_memory(&operand.layout).into_iter().partition(|axis| axes.contains(axis));
            let orders = [[reduced.clone(), rest.clone()].concat(), [rest, reduced].concat()];
            operand = self.ordered_cheaply(node, input, &[&orders[0], &orders[1]])?;
        }
        let layout = &operand.layout;
        let factors = layout.run_of(axes).ok_or_else(|| self.must_move(node))?;
        let (first, end) = (factors.start, factors.end);
        // Time stays the height where it can: a mean over time and frequency runs over height and width.
        let shape = if first == 0 && factors.len() > 1 { layout.cut(1, end) } else { layout.cut(first, end) };
        let (shape, kernel) = match (first, factors.len()) {
            (0, 1) => ([shape[1], 1, shape[2]], [shape[1], 1]),
            (0, _) => (shape, [shape[0], shape[1]]),
            _ => (shape, [1, shape[1]]),
        };
        let output = [shape[0] / kernel[0], shape[1] / kernel[1], shape[2]];
        let mut reduced = layout.clone();
        for &axis in axes {
            // The last factor first: taking one out renumbers those behind it.
            let mut factors = reduced.factors(axis).to_vec();
            factors.sort_unstable();
            for &factor in factors.iter().rev() {
                reduced.drop_factor(factor);
            }
        }
        let window = Window { kernel, ..Window::POINT };
        Ok(Pool { operand, input: shape, output, layout: reduced, window, count_padding: false })
    }
}
