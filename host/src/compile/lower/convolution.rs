//! QLinearConv.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::{Pad, PadMode};
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat};

use super::{Lowering, Operand};
use crate::Error;
use crate::compile::ir::{Filter, Kind, Quant};

/// Places of the inputs of tract's quantised Conv and EinSum.
mod inlet {
    pub(super) const WEIGHTS: usize = 1;
    pub(super) const BIAS: usize = 2;
    pub(super) const INPUT_ZERO_POINT: usize = 3;
    pub(super) const WEIGHT_ZERO_POINT: usize = 5;
    pub(super) const WEIGHT_SCALE: usize = 6;
    pub(super) const OUTPUT_ZERO_POINT: usize = 7;
}

/// The numbers of a quantised product with its weights still as in the file.
pub(super) struct Quantisation {
    pub(super) input: Quant,
    pub(super) output: Quant,
    /// One an output channel.
    pub(super) scales: Vec<f32>,
    /// One an output channel, as in the file.
    pub(super) biases: Vec<i32>,
}

impl Lowering<'_> {
    pub(super) fn convolution(&mut self, node: &TypedNode, op: &Conv) -> Result<(), Error> {
        if op.kernel_fmt != KernelFormat::OIHW || op.q_params.is_none() {
            return Err(self.unsupported(node, "only QLinearConv is supported"));
        }
        let spec = &op.pool_spec;
        let (inputs, outputs) = (spec.input_channels, spec.output_channels);
        if op.group == 0 || inputs % op.group != 0 || outputs % op.group != 0 {
            return Err(self.unsupported(node, "its channels do not divide into its groups"));
        }
        let quantisation = self.quantisation(node, outputs)?;
        let (input, pads) = self.padded_input(node, op, quantisation.input.zero_point)?;
        let sliding = self.sliding(node, spec, &input, &pads)?;
        let taps: usize = spec.kernel_shape.iter().product();
        let weights = self.signed_weights(node, outputs * taps * (inputs / op.group))?;
        let columns = spec.kernel_shape.get(1).copied().unwrap_or(1);
        let tap = |index: usize| {
            // Taps in the order of the engine, given where they stand in the file.
            if sliding.swapped {
                (index % sliding.window.kernel[1]) * columns + index / sliding.window.kernel[1]
            } else {
                index
            }
        };
        let depth = inputs / op.group;
        let ordered: Vec<i8> = (0..outputs)
            .flat_map(|output| (0..taps).flat_map(move |index| (0..depth).map(move |channel| (output, index, channel))))
            .map(|(output, index, channel)| weights[(output * depth + channel) * taps + tap(index)])
            .collect();
        let filter = self.filter(node, sliding.window, op.group, ordered, &quantisation)?;
        let place = sliding.operand.place(sliding.input, quantisation.input.zero_point);
        let output = quantisation.output;
        let tensor = self.push(node, Kind::Convolution(filter), vec![place], sliding.output, output);
        let operand = Operand { tensor, offset: 0, layout: sliding.layout, quant: Some(output) };
        self.operands.insert(node.id.into(), operand);
        Ok(())
    }

    /// The input of a convolution and the padding that a Pad operator before it adds to each axis, if that can be part of it.
    fn padded_input(
        &mut self,
        node: &TypedNode,
        op: &Conv,
        zero_point: i8,
    ) -> Result<(Operand, Vec<(usize, usize)>), Error> {
        let Some((source, pad)) = self.pads.get(&node.inputs[0]).cloned() else {
            return Ok((self.operand(node, 0)?, Vec::new()));
        };
        let spec = &op.pool_spec;
        let fact = self.model.outlet_fact(node.inputs[0]).map_err(|_| self.must_move(node))?;
        let shape = spec.data_format.shape(self.concrete(node, fact)?).map_err(|_| self.must_move(node))?;
        let (spatial, dilations, own) = (shape.hw_axes(), spec.dilations(), spec.computed_padding(shape.hw_dims()));
        // The engine pads by less than the kernel's extent.
        let fits = |(axis, &(before, after)): (usize, &(usize, usize))| {
            if !spatial.contains(&axis) {
                return before == 0 && after == 0;
            }
            let index = axis - spatial.start;
            let extent = (spec.kernel_shape[index] - 1) * dilations[index] + 1;
            before + own[index].pad_before < extent && after + own[index].pad_after < extent
        };
        match self.operands.get(&source).cloned() {
            Some(operand)
                if self.pads_with(&pad, node.inputs[0], zero_point) && pad.pads.iter().enumerate().all(fits) =>
            {
                Ok((operand, pad.pads.clone()))
            }
            _ => Ok((self.operand(node, 0)?, Vec::new())),
        }
    }

    fn pads_with(&self, pad: &Pad, outlet: OutletId, zero_point: i8) -> bool {
        let PadMode::Constant(value) = &pad.mode else { return false };
        let value = value.cast_to_scalar::<i32>().ok().and_then(|value| self.byte(outlet, value).ok());
        value == Some(zero_point)
    }

    /// Scales, zero points and biases of a product with `outputs` output channels.
    pub(super) fn quantisation(&self, node: &TypedNode, outputs: usize) -> Result<Quantisation, Error> {
        let input = self.quant_of(node, inlet::INPUT_ZERO_POINT, node.inputs[0])?;
        let output = self.quant_of(node, inlet::OUTPUT_ZERO_POINT, node.id.into())?;
        let weight_scales = self.spread(node, self.constants::<f32>(node, inlet::WEIGHT_SCALE)?, outputs)?;
        let biases = self.spread(node, self.constants::<i32>(node, inlet::BIAS)?, outputs)?;
        // The order of operations that onnxruntime has, in f32 as well.
        let scales = weight_scales.iter().map(|scale| input.scale * scale / output.scale).collect();
        Ok(Quantisation { input, output, scales, biases })
    }

    /// One value an output channel, from one or as many.
    fn spread<T: Copy>(&self, node: &TypedNode, values: Vec<T>, outputs: usize) -> Result<Vec<T>, Error> {
        match values.as_slice() {
            [one] => Ok(vec![*one; outputs]),
            many if many.len() == outputs => Ok(values),
            _ => Err(self.unsupported(node, "it needs one scale, zero point and bias, or one for each output channel")),
        }
    }

    /// The weights as signed bytes whose zero is 0.
    pub(super) fn signed_weights(&self, node: &TypedNode, count: usize) -> Result<Vec<i8>, Error> {
        let unsigned = self.constant(node, inlet::WEIGHTS)?.datum_type() == DatumType::U8;
        let offset = if unsigned { 128 } else { 0 };
        let zero_points = self.constants::<i32>(node, inlet::WEIGHT_ZERO_POINT)?;
        if zero_points.iter().any(|&zero_point| zero_point != offset) {
            return Err(self.unsupported(node, "its weights must be symmetric: int8 with zero points of 0"));
        }
        let weights = self.constants::<i32>(node, inlet::WEIGHTS)?;
        let signed: Result<Vec<i8>, _> = weights.iter().map(|&weight| i8::try_from(weight - offset)).collect();
        match signed {
            Ok(weights) if weights.len() == count => Ok(weights),
            _ => {
                Err(self
                    .unsupported(node, "its weights do not have the size that its attributes give, or are not int8"))
            }
        }
    }

    /// Folds the input's zero point into the biases. `weights` has one run an output channel.
    pub(super) fn filter(
        &self,
        node: &TypedNode,
        window: crate::compile::ir::Window,
        groups: usize,
        weights: Vec<i8>,
        quantisation: &Quantisation,
    ) -> Result<Filter, Error> {
        let run = weights.len() / quantisation.biases.len().max(1);
        let zero_point = i64::from(quantisation.input.zero_point);
        let folded = weights.chunks_exact(run.max(1)).zip(&quantisation.biases).map(|(weights, &bias)| {
            let sum: i64 = weights.iter().map(|&weight| i64::from(weight)).sum();
            i32::try_from(i64::from(bias) - zero_point * sum)
        });
        let biases = folded.collect::<Result<Vec<i32>, _>>();
        let biases = biases.map_err(|_| self.unsupported(node, "its biases overflow 32 bits"))?;
        Ok(Filter { window, groups, weights, biases, scales: quantisation.scales.clone() })
    }
}
