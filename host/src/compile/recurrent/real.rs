//! A GRU or LSTM in real numbers.

use earmark_core::model::RecurrentKind;
use tract_onnx::tract_core::internal::*;

/// A layer over the rows of one sequence, as ONNX defines it. It gives each step's outputs and, of an LSTM, its cells.
///
/// It takes the sequence and three constants, those of the node: weights of inputs, of former outputs, and biases. What it begins with, if the
/// node says so, follows; it is to be zeros, and not looked at here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealLayer {
    pub kind: RecurrentKind,
    /// Number of units.
    pub units: usize,
}

impl RealLayer {
    /// Gates of all units.
    pub fn rows(&self) -> usize {
        self.kind.gates() * self.units
    }

    /// The outputs and the cells of each step.
    fn run(&self, sequence: &[f32], [input_weights, output_weights, biases]: [&[f32]; 3]) -> [Vec<f32>; 2] {
        let (units, rows) = (self.units, self.rows());
        let (of_input, of_outputs) = biases.split_at(rows.min(biases.len()));
        let (mut outputs, mut cells) = (vec![0.0f32; units], vec![0.0f32; units]);
        let mut all = [Vec::new(), Vec::new()];
        for input in sequence.chunks_exact((input_weights.len() / rows.max(1)).max(1)) {
            let of_input = products(input_weights, of_input, input);
            let of_outputs = products(output_weights, of_outputs, &outputs);
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
        let plain = inputs.iter().take(4).map(|input| input.try_as_plain_ram()).collect::<TractResult<Vec<_>>>()?;
        let values = plain.iter().map(|input| input.as_slice::<f32>()).collect::<TractResult<Vec<_>>>()?;
        let [sequence, input_weights, output_weights, biases] = *values else {
            bail!("it needs a sequence and weights")
        };
        let [outputs, cells] = self.run(sequence, [input_weights, output_weights, biases]);
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
