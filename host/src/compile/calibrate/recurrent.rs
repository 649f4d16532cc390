//! GRU and LSTM: int8 weights with a scale for each row, gates and cells of 16 bits.
//!
//! What lies in −1..1 and what comes before a curve needs no range. A layer's outputs are bytes as a tensor's, but with a zero point of 0,
//! since the layer reads them, too; an LSTM's cells have as many fractional bits as leave room for twice what the calibration audio gave.

use std::sync::Arc;

use earmark_core::engine::layout::pack_scale;
use earmark_core::engine::recurrent::Row;
use earmark_core::model::RecurrentKind;
use tract_onnx::prelude::*;

use super::product::MAX_BIAS;
use super::range::Ranges;
use super::rewrite::{Bytes, Rewriting};
use super::rounding;
use crate::Error;
use crate::compile::fixed_point::fixed_point;
use crate::compile::ir::Quant;
use crate::compile::recurrent::{ByteLayer, NOT_EMPTY, Numbers, RealLayer};

/// Steps of a gate in 1.
const GATE_STEPS: f32 = 4096.0;
/// Steps of what lies in −1..1.
const UNIT_STEPS: f32 = 32_768.0;
/// Greatest shift of a row's factors.
const MAX_SHIFT: u8 = 62;

/// One row's weights of inputs or of outputs, and its bias, as integers.
struct Rounded {
    weights: Vec<i8>,
    bias: i32,
    /// What the sum of products counts in.
    unit: f32,
}

impl Rounded {
    /// `means` are those of the values that the weights meet: what their rounding changes on average is taken off the bias.
    fn new(weights: &[f32], bias: f32, scale: f32, means: &[f32]) -> Self {
        let least = (bias.abs() / (MAX_BIAS * scale)).max(f32::MIN_POSITIVE / scale);
        let rounding::Row { scale: step, steps: rounded } = rounding::Row::nearest(weights, least);
        let errors = rounded.iter().zip(weights).zip(means).map(|((&a, b), mean)| (f32::from(a) * step - b) * mean);
        let bias = bias - errors.sum::<f32>();
        Self { weights: rounded, bias: (bias / (step * scale)).round_ties_even() as i32, unit: step * scale }
    }
}

impl Rewriting<'_> {
    pub(super) fn recurrent(&mut self, node: &TypedNode, layer: &RealLayer) -> Result<(), Error> {
        let outlet = OutletId::from(node.id);
        let units = layer.units;
        let constants = [1, 2, 3].map(|inlet| self.real_constant(node, inlet));
        let [input_weights, output_weights, biases] = constants;
        let (input_weights, output_weights, biases) = (input_weights?.1, output_weights?.1, biases?.1);
        for inlet in 4..node.inputs.len() {
            if self.real_constant(node, inlet)?.1.iter().any(|&value| value != 0.0) {
                return Err(self.float.unsupported(node, NOT_EMPTY));
            }
        }
        let inputs = input_weights.len() / layer.rows();
        let means = [self.means(node, node.inputs[0], 1, inputs)?, self.means(node, outlet, 1, units)?];
        let input = self.int8(node, node.inputs[0])?;
        let output = self.output_quant(node)?;
        let too_far = || self.float.unsupported(node, "its scales differ by too much");
        let mut weights = Vec::new();
        let mut rows = Vec::new();
        for unit in 0..units {
            for gate in 0..layer.kind.gates() {
                let row = gate * units + unit;
                let part = |weights: &[f32], bias: usize, scale: f32, means: &[f32]| {
                    let weights = &weights[row * means.len()..][..means.len()];
                    Rounded::new(weights, biases[bias], scale, means)
                };
                let of_input = part(&input_weights, row, input.quant.scale, &means[0]);
                let of_outputs = part(&output_weights, layer.rows() + row, output.scale, &means[1]);
                let factors = [of_input.unit * GATE_STEPS, of_outputs.unit * GATE_STEPS];
                let (multipliers, shift) = fixed_point(factors, MAX_SHIFT).ok_or_else(too_far)?;
                let sum: i32 = of_input.weights.iter().map(|&weight| i32::from(weight)).sum();
                let bias = of_input.bias.checked_sub(i32::from(input.quant.zero_point) * sum).ok_or_else(too_far)?;
                rows.push(Row { biases: [bias, of_outputs.bias], multipliers, shift: shift.into() });
                weights.extend(of_input.weights.into_iter().chain(of_outputs.weights));
            }
        }
        let scale = pack_scale(1.0 / (f64::from(UNIT_STEPS) * f64::from(output.scale))).ok_or_else(too_far)?;
        let cell_bits = self.cell_bits(node, layer)?;
        let numbers = Numbers { kind: layer.kind, inputs, units, weights, rows, cell_bits, scale };
        let op = ByteLayer { numbers: Arc::new(numbers) };
        let bytes = self.wire(node, &node.name, op, &[input.outlet])?;
        self.finish(node, outlet, Bytes { outlet: bytes, quant: output }, &[]);
        Ok(())
    }

    /// Outputs: as much of −1..1 as they fill.
    fn output_quant(&self, node: &TypedNode) -> Result<Quant, Error> {
        let [low, high] = self.range(node, node.id.into(), None)?;
        // A byte's step is larger than one of 16 bits.
        let scale = (high.max(-low) / 127.0).max(1.001 / UNIT_STEPS);
        Ok(Quant::bytes(scale, 0))
    }

    fn cell_bits(&self, node: &TypedNode, layer: &RealLayer) -> Result<u8, Error> {
        if layer.kind == RecurrentKind::Gru {
            return Ok(0);
        }
        let [low, high] = self.range(node, OutletId::new(node.id, 1), Some(Ranges::MinMax))?;
        let greatest = 2.0 * high.max(-low);
        let bits = (0..=15u8).rev().find(|&bits| greatest * f32::from(bits).exp2() <= UNIT_STEPS);
        bits.ok_or_else(|| self.float.unsupported(node, "its cells grow too large"))
    }
}
