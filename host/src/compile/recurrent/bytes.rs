//! A GRU or LSTM on bytes, as the engine computes it.

use std::sync::Arc;

use earmark_core::engine::recurrent::{Recurrence, Row, curves};
use earmark_core::model::RecurrentKind;
use tract_onnx::tract_core::internal::*;

/// The numbers of a quantised layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers {
    pub kind: RecurrentKind,
    /// Values of one step's input.
    pub inputs: usize,
    /// Number of units.
    pub units: usize,
    /// For each unit and gate the weights of the inputs and behind them those of the former outputs.
    pub weights: Vec<i8>,
    /// For each unit and gate; the input's zero point is already subtracted.
    pub rows: Vec<Row>,
    /// Fractional bits of an LSTM's cells.
    pub cell_bits: u8,
    /// Packed factor from outputs in steps of 2⁻¹⁵ to bytes.
    pub scale: u32,
}

/// A quantised layer over the rows of one sequence; it gives each step's outputs, with a zero point of 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByteLayer {
    pub numbers: Arc<Numbers>,
}

impl Op for ByteLayer {
    fn name(&self) -> StaticName {
        self.numbers.kind.name().into()
    }

    op_as_typed_op!();
}

impl EvalOp for ByteLayer {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let Numbers { kind, inputs: depth, units, weights, rows, cell_bits, scale } = &*self.numbers;
        let (kind, depth, units, cell_bits, scale) = (*kind, *depth, *units, *cell_bits, *scale);
        let curves = curves().concat();
        let layer = Recurrence { kind, inputs: depth, units, weights, rows, curves: &curves, cell_bits, scale };
        let sequence = inputs[0].try_as_plain_ram()?;
        let (mut state, mut next) = (vec![0; 3 * units], vec![0; units]);
        let mut outputs: Vec<i8> = Vec::new();
        for input in sequence.as_slice::<i8>()?.chunks_exact(depth) {
            layer.step(input, &mut state, &mut next);
            outputs.extend_from_slice(&next);
        }
        Ok(tvec!(Tensor::from_shape(&[outputs.len() / units, units], &outputs)?.into()))
    }
}

impl TypedOp for ByteLayer {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(i8::fact([inputs[0].shape[0].clone(), self.numbers.units.to_dim()])))
    }
}
