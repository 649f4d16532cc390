//! QLinearMatMul: a convolution with a 1×1 kernel.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::InOut;
use tract_onnx::tract_core::ops::einsum::EinSum;

use super::moved::axes_in_memory;
use super::{Lowering, Operand};
use crate::Error;
use crate::compile::ir::{Kind, Window};
use crate::compile::layout::Layout;

impl Lowering<'_> {
    pub(super) fn matrix_product(&mut self, node: &TypedNode, op: &EinSum) -> Result<(), Error> {
        if op.q_params.is_none() {
            return Err(self.unsupported(node, "only QLinearMatMul is supported"));
        }
        let input = self.operand(node, 0)?;
        let output_shape = self.output_shape(node)?;
        let weights_shape = self.constant(node, 1)?.shape().to_vec();
        // The summed axis: in both inputs but not in the output. The columns: in the weights and the output alone.
        let single = |positions: &[usize]| positions.first().copied();
        let mut summed = None;
        let mut columns = None;
        for axis in op.axes.iter_all_axes() {
            let (a, b, out) = (single(&axis.inputs[0]), single(&axis.inputs[1]), single(&axis.outputs[0]));
            match (a, b, out) {
                (Some(a), Some(b), None) if summed.is_none() => summed = Some((a, b)),
                (None, Some(b), Some(out)) if columns.is_none() => columns = Some((b, out)),
                // Batches of one, and rows.
                (_, Some(b), Some(_)) if weights_shape[b] == 1 => {}
                (Some(_), None, Some(_)) => {}
                (None, None, _) | (_, None, None) => {}
                _ => return Err(self.unsupported(node, "its second factor must be a matrix of weights")),
            }
        }
        let (Some((inner, weight_inner)), Some((weight_column, column))) = (summed, columns) else {
            return Err(self.unsupported(node, "it must be a product with a matrix of weights"));
        };
        let (depth, outputs) = (input.layout.extent(inner), output_shape[column]);
        let quantisation = self.quantisation(node, outputs)?;
        let weights = self.signed_weights(node, depth * outputs)?;
        if weights_shape[weight_inner] != depth || weights_shape[weight_column] != outputs {
            return Err(self.unsupported(node, "its weights do not have the shape that its input gives"));
        }
        let rows_first = weight_inner < weight_column;
        let at =
            |inner: usize, output: usize| if rows_first { inner * outputs + output } else { output * depth + inner };
        let is_whole = |axis: usize| {
            let layout = &input.layout;
            axis == inner || layout.factors(axis).is_sorted() && layout.run_of(&[axis]).is_some()
        };
        let input = if inner_order(&input.layout, inner).is_some() && (0..input.layout.rank()).all(is_whole) {
            input
        } else {
            let rows = axes_in_memory(&input.layout).into_iter().filter(|&axis| axis != inner);
            let order: Vec<usize> = rows.chain([inner]).collect();
            self.ordered(node, &input, &order)?
        };
        let order = inner_order(&input.layout, inner).ok_or_else(|| self.must_move(node))?;
        let ordered: Vec<i8> = (0..outputs)
            .flat_map(|output| order.iter().map(move |&inner| (inner, output)))
            .map(|(i, o)| weights[at(i, o)])
            .collect();
        let filter = self.filter(node, Window::POINT, 1, ordered, &quantisation)?;
        // Rows of the product are the height: they are all factors before those of the summed axis.
        let rows = input.layout.length() / depth;
        let place = input.place([rows, 1, depth], quantisation.input.zero_point);
        let shape = [rows, 1, outputs];
        let tensor = self.push(node, Kind::Convolution(filter), vec![place], shape, quantisation.output);
        let layout = self.product_layout(node, op, &input.layout, (inner, column), &output_shape)?;
        let operand = Operand { tensor, offset: 0, layout, quant: Some(quantisation.output) };
        self.operands.insert(node.id.into(), operand);
        Ok(())
    }

    /// The output's axes: rows in the order in which they lie in the input's memory, then columns.
    fn product_layout(
        &self,
        node: &TypedNode,
        op: &EinSum,
        input: &Layout,
        (inner, column): (usize, usize),
        shape: &[usize],
    ) -> Result<Layout, Error> {
        let mut rows: Vec<(usize, usize)> = Vec::new();
        let mut flat: Vec<usize> = Vec::new();
        for (axis, &extent) in shape.iter().enumerate().filter(|&(axis, _)| axis != column) {
            let source = op.axes.axis((InOut::Out(0), axis)).ok().and_then(|found| found.inputs[0].first().copied());
            let factors = source.filter(|&source| source != inner).map_or(&[][..], |source| input.factors(source));
            match factors {
                [] if extent == 1 => flat.push(axis),
                [first, ..] if input.product(factors) == extent && factors.is_sorted() => rows.push((*first, axis)),
                _ => return Err(self.must_move(node)),
            }
        }
        rows.sort_unstable();
        let order: Vec<usize> =
            flat.into_iter().chain(rows.into_iter().map(|(_, axis)| axis)).chain([column]).collect();
        Ok(Layout::new(shape, &order))
    }
}

/// For each place in the innermost run of memory the index along axis `inner` that stands there; `None` if the axis
/// does not fill that run.
pub(super) fn inner_order(layout: &Layout, inner: usize) -> Option<Vec<usize>> {
    let factors = layout.factors(inner);
    let first = layout.memory().len() - factors.len();
    if factors.iter().any(|&factor| factor < first) {
        return None;
    }
    Some(layout.indices(first).into_iter().map(|place| place[inner]).collect())
}

#[cfg(test)]
mod tests {
    use super::{Layout, inner_order};

    #[test]
    fn a_flattened_tensor_is_read_in_the_order_of_memory() {
        // 2 channels × 3 frames, stored frame after frame, flattened channel after channel.
        let mut layout = Layout::new(&[1, 2, 3], &[0, 2, 1]);
        assert!(layout.reshape(1, 2, &[6]));
        assert_eq!(inner_order(&layout, 1), Some(vec![0, 3, 1, 4, 2, 5]));
    }

    #[test]
    fn an_axis_that_is_not_innermost_can_not_be_summed() {
        let layout = Layout::new(&[1, 2, 3], &[0, 1, 2]);
        assert_eq!(inner_order(&layout, 2), Some(vec![0, 1, 2]));
        assert_eq!(inner_order(&layout, 1), None);
    }
}
