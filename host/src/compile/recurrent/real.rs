//! A GRU or LSTM in real numbers.

use earmark_core::model::RecurrentKind;
use tract_onnx::tract_core::internal::*;

/// A layer over the rows of one sequence, as ONNX defines it. It gives each step's outputs and, of an LSTM, its cells.
#[derive(Debug, Clone, PartialEq)]
pub struct RealLayer {
    pub kind: RecurrentKind,
    /// Number of units.
    pub units: usize,
    /// Of each gate and unit the weights of the inputs.
    pub input_weights: Vec<f32>,
    /// Of each gate and unit the weights of the former outputs.
    pub output_weights: Vec<f32>,
    /// Of each gate and unit what is added to the products of the inputs, then of each what is added to those of the former outputs.
    pub biases: Vec<f32>,
}

impl Eq for RealLayer {}

impl RealLayer {
    /// From a node's tensors: weights of one direction, gate after gate.
    pub fn new(kind: RecurrentKind, inputs: &Tensor, outputs: &Tensor, biases: Option<&Tensor>) -> TractResult<Self> {
        let values = |tensor: &Tensor| -> TractResult<Vec<f32>> {
            let values = tensor.cast_to::<f32>()?.try_as_plain_ram()?.as_slice::<f32>()?.to_vec();
            ensure!(values.iter().all(|value| value.is_finite()), "its weights must be finite");
            Ok(values)
        };
        ensure!(inputs.rank() == 3 && outputs.rank() == 3, "its weights must have three axes");
        let (units, depth) = (outputs.shape()[2], inputs.shape()[2]);
        let rows = kind.gates() * units;
        ensure!(rows > 0 && depth > 0, "its weights are empty");
        ensure!(
            outputs.shape() == [1, rows, units] && inputs.shape() == [1, rows, depth],
            "its weights must be those of one direction"
        );
        let biases = biases.map_or_else(|| Ok(vec![0.0; 2 * rows]), values)?;
        ensure!(biases.len() == 2 * rows, "its biases must be those of one direction");
        Ok(Self { kind, units, input_weights: values(inputs)?, output_weights: values(outputs)?, biases })
    }

    /// Values of one step's input.
    pub fn inputs(&self) -> usize {
        self.input_weights.len() / self.rows()
    }

    /// Gates of all units.
    pub fn rows(&self) -> usize {
        self.kind.gates() * self.units
    }

    /// The outputs and the cells of each step.
    fn run(&self, sequence: &[f32]) -> [Vec<f32>; 2] {
        let (units, rows) = (self.units, self.rows());
        let (mut outputs, mut cells) = (vec![0.0f32; units], vec![0.0f32; units]);
        let mut all = [Vec::new(), Vec::new()];
        for input in sequence.chunks_exact(self.inputs()) {
            let of_input = products(&self.input_weights, &self.biases[..rows], input);
            let of_outputs = products(&self.output_weights, &self.biases[rows..], &outputs);
            for unit in 0..units {
                let at = |gate: usize| gate * units + unit;
                let gate = |gate: usize| sigmoid(of_input[at(gate)] + of_outputs[at(gate)]);
                match self.kind {
                    RecurrentKind::Gru => {
                        let (update, reset) = (gate(0), gate(1));
                        let candidate = (of_input[at(2)] + reset * of_outputs[at(2)]).tanh();
                        outputs[unit] = (1.0 - update) * candidate + update * outputs[unit];
                    }
                    RecurrentKind::Lstm => {
                        let candidate = (of_input[at(3)] + of_outputs[at(3)]).tanh();
                        cells[unit] = gate(2) * cells[unit] + gate(0) * candidate;
                        outputs[unit] = gate(1) * cells[unit].tanh();
                    }
                }
            }
            all[0].extend_from_slice(&outputs);
            all[1].extend_from_slice(&cells);
        }
        all
    }
}

fn products(weights: &[f32], biases: &[f32], values: &[f32]) -> Vec<f32> {
    let row = |(weights, bias): (&[f32], &f32)| weights.iter().zip(values).map(|(a, b)| a * b).sum::<f32>() + bias;
    weights.chunks_exact(values.len().max(1)).zip(biases).map(row).collect()
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

impl Op for RealLayer {
    fn name(&self) -> StaticName {
        self.kind.name().into()
    }

    op_as_typed_op!();
}

impl EvalOp for RealLayer {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let sequence = inputs[0].try_as_plain_ram()?;
        let [outputs, cells] = self.run(sequence.as_slice::<f32>()?);
        let tensor = |values: &[f32]| Tensor::from_shape(&[values.len() / self.units, self.units], values);
        let mut given = tvec!(tensor(&outputs)?.into());
        if self.kind == RecurrentKind::Lstm {
            given.push(tensor(&cells)?.into());
        }
        Ok(given)
    }
}

impl TypedOp for RealLayer {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let fact = f32::fact([inputs[0].shape[0].clone(), self.units.to_dim()]);
        let count = if self.kind == RecurrentKind::Lstm { 2 } else { 1 };
        Ok(tvec!(fact; count))
    }
}
