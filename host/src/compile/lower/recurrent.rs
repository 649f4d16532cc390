//! GRU and LSTM, as calibration makes them: over rows of time, of which each is a run of memory.

use std::sync::Arc;

use earmark_core::engine::recurrent::Row;
use earmark_core::model::Element;
use tract_onnx::prelude::*;

use super::product::inner_order;
use super::{Lowering, Operand};
use crate::Error;
use crate::compile::ir::{Kind, Quant};
use crate::compile::layout::Layout;
use crate::compile::recurrent::{ByteLayer, Numbers};

impl Lowering<'_> {
    pub(super) fn recurrent(&mut self, node: &TypedNode, op: &ByteLayer) -> Result<(), Error> {
        let input = self.operand(node, 0)?;
        let layer = &*op.numbers;
        let steps = self.output_shape(node)?[0];
        let order = inner_order(&input.layout, 1).filter(|order| order.len() == layer.inputs);
        // Time must run as it lies in memory.
        let (Some(order), true) = (order, input.layout.factors(0).is_sorted()) else {
            return Err(self.must_move(node));
        };
        let zero_point = input.quant.map_or(0, |quant| quant.zero_point);
        let place = input.place([steps, 1, layer.inputs], zero_point);
        let state = self.graph.add_tensor(3 * layer.units, Element::Int8);
        let kind = Kind::Recurrent { numbers: Arc::new(reordered(layer, &order)), state, carried: None };
        let quant = self.declared_quant(node.id.into()).map(|quant| Quant::bytes(quant.scale, 0));
        let tensor = self.push(node, kind, vec![place], [steps, 1, layer.units], Quant::bytes(1.0, 0));
        let layout = Layout::new(&[steps, layer.units], &[0, 1]);
        self.operands.insert(node.id.into(), Operand { tensor, offset: 0, layout, quant });
        Ok(())
    }
}

/// The same layer with the weights of its inputs in another order: at each place stands that of the input named there.
fn reordered(layer: &Numbers, order: &[usize]) -> Numbers {
    let row = |weights: &[i8]| {
        let (of_input, of_outputs) = weights.split_at(layer.inputs);
        order.iter().map(|&input| of_input[input]).chain(of_outputs.iter().copied()).collect::<Vec<_>>()
    };
    let weights = layer.weights.chunks_exact(layer.inputs + layer.units).flat_map(row).collect();
    let rows: Vec<Row> = layer.rows.clone();
    Numbers { weights, rows, ..layer.clone() }
}
