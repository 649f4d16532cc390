//! A GRU or LSTM of an ONNX file as an operator on the rows of one sequence.

use earmark_core::model::RecurrentKind;
use tract_onnx::model::{ParsingContext, optional_inputs, optional_outputs};
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::Slice;
use tract_onnx::tract_hir::internal::{
    Expansion, InferenceOp, InferenceResult, Solver, TensorProxy, check_output_arity, expand,
};

use super::inlet;
use super::real::RealLayer;

/// Builds the operator from an ONNX node; see [`Onnx::op_register`](tract_onnx::Onnx::op_register).
pub fn parse(_context: &ParsingContext<'_>, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let inputs: Vec<Option<usize>> = optional_inputs(node).take(inlet::PEEPHOLES).collect();
    let mut outputs = optional_outputs(node);
    let mut output = || outputs.next().flatten();
    let layer = RecurrentNode {
        kind: if node.op_type == "GRU" { RecurrentKind::Gru } else { RecurrentKind::Lstm },
        batch_first: node.get_attr_opt::<i64>("layout")?.unwrap_or(0) == 1,
        biases: inputs[inlet::BIASES],
        states: [inputs[inlet::OUTPUT], inputs[inlet::CELL]],
        outputs: [output(), output(), output()],
    };
    Ok((expand(layer), Vec::new()))
}

/// The node before its numbers are known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RecurrentNode {
    kind: RecurrentKind,
    /// Whether the axis of the batch comes before that of time.
    batch_first: bool,
    /// Which input holds the biases.
    biases: Option<usize>,
    /// Which inputs hold what it begins with.
    states: [Option<usize>; 2],
    /// Where the outputs of all steps go, the last one's, and the last cells.
    outputs: [Option<usize>; 3],
}

impl RecurrentNode {
    /// The axes of time and batch of the sequence.
    fn axes(&self) -> (usize, usize) {
        if self.batch_first { (1, 0) } else { (0, 1) }
    }
}

impl Expansion for RecurrentNode {
    fn name(&self) -> StaticName {
        self.kind.name().into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(self.outputs.iter().flatten().count())
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_output_arity(outputs, self.nboutputs()?)?;
        ensure!(inputs.len() > 2 && !outputs.is_empty(), "it needs a sequence, weights and an output");
        for input in &inputs[..3] {
            solver.equals(&input.rank, 3)?;
            solver.equals(&input.datum_type, f32::datum_type())?;
        }
        for output in outputs {
            solver.equals(&output.datum_type, f32::datum_type())?;
        }
        solver.given_2(&inputs[0].shape, &inputs[2].shape, move |solver, sequence, weights| {
            let (time, batch) = self.axes();
            let (time, batch, units) = (sequence[time].clone(), sequence[batch].clone(), weights[2].clone());
            let one = TDim::from(1);
            let all = if self.batch_first {
                tvec!(batch.clone(), time, one.clone(), units.clone())
            } else {
                tvec!(time, one.clone(), batch.clone(), units.clone())
            };
            let last = if self.batch_first { tvec!(batch, one, units) } else { tvec!(one, batch, units) };
            for (place, shape) in self.outputs.iter().zip([all, last.clone(), last]) {
                if let Some(place) = place {
                    solver.equals(&outputs[*place].shape, shape)?;
                }
            }
            Ok(())
        })
    }

    fn wire(&self, prefix: &str, target: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let shape = |target: &TypedModel, inlet: usize| {
            let shape = target.outlet_fact(inputs[inlet])?.shape.as_concrete().map(<[usize]>::to_vec);
            shape.context("its sizes must be known")
        };
        let (sequence, input_weights, output_weights) = (shape(target, 0)?, shape(target, 1)?, shape(target, 2)?);
        let (time, batch) = self.axes();
        let (steps, depth, units) = (sequence[time], sequence[2], output_weights[2]);
        let rows = self.kind.gates() * units;
        ensure!(sequence[batch] == 1, "only one sequence at a time is supported");
        ensure!(steps > 0 && depth > 0 && units > 0, "its sequence or its weights are empty");
        ensure!(
            input_weights == [1, rows, depth] && output_weights == [1, rows, units],
            "its weights must be those of one direction, and fit its sequence"
        );
        let biases = match self.biases {
            Some(inlet) => {
                ensure!(shape(target, inlet)? == [1, 2 * rows], "its biases must be those of one direction");
                inputs[inlet]
            }
            None => target.add_const(format!("{prefix}.biases"), Tensor::zero::<f32>(&[1, 2 * rows])?)?,
        };
        let sequence = target.wire_node(format!("{prefix}.rows"), AxisOp::Rm(batch), &inputs[..1])?[0];
        let mut wires = vec![sequence, inputs[1], inputs[2], biases];
        wires.extend(self.states.into_iter().flatten().map(|inlet| inputs[inlet]));
        let outlets = target.wire_node(prefix, RealLayer { kind: self.kind, units }, &wires)?;
        let axis = |target: &mut TypedModel, name: &str, outlet: OutletId, at: usize| -> TractResult<OutletId> {
            Ok(target.wire_node(format!("{prefix}.{name}"), AxisOp::Add(at), &[outlet])?[0])
        };
        let mut wires = tvec!(outlets[0]; self.nboutputs()?);
        if let Some(place) = self.outputs[0] {
            let directions = axis(target, "directions", outlets[0], 1)?;
            wires[place] = axis(target, "batch", directions, if self.batch_first { 0 } else { 1 })?;
        }
        for (place, (name, outlet)) in
            self.outputs[1..].iter().zip([("last", outlets.first()), ("last_cells", outlets.get(1))])
        {
            if let (Some(place), Some(&outlet)) = (place, outlet) {
                let last = Slice::new(0, steps - 1, steps);
                let last = target.wire_node(format!("{prefix}.{name}_step"), last, &[outlet])?[0];
                wires[*place] = axis(target, name, last, 1)?;
            }
        }
        Ok(wires)
    }
}
