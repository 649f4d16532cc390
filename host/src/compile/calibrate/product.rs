//! Convolutions and matrix products: int8 weights with a scale each output channel, int32 biases.
//!
//! What follows with one number a channel (batch norm, a bias) is multiplied into weights and biases before they are rounded. The
//! mean error that the rounding of weights then makes, over what the calibration audio gave as input, is taken off the bias (Nagel et
//! al., "Data-free quantization through weight equalization and bias correction", 2019, equation 17).

use earmark_core::engine::layout;
use earmark_core::model::Element;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::axes::{AxesMapping, Axis};
use tract_onnx::tract_core::ops::TypedOp;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat};
use tract_onnx::tract_core::ops::einsum::EinSum;

use super::affine::{Followers, followers};
use super::rewrite::{Bytes, Rewriting};
use super::rounding::Row;
use crate::Error;
use crate::compile::int16::{Form, Int16Product, Numbers};

/// Greatest bias, which leaves room for the sum of products.
pub(super) const MAX_BIAS: f32 = (1u32 << 30) as f32;

/// How much larger than a product of an input's and a weight's scale an output's is at least.
const LEAST_RATIO: f32 = 1.001;
/// The same for an output of int16.
const FINER: f32 = LEAST_RATIO / (1u32 << (layout::MIN_SHIFT - layout::MIN_SHIFT_INT16)) as f32;

/// Inputs of tract's quantised operators, in order, from the bias on.
const PARAMETERS: [&str; 7] = [
    "bias",
    "input_zero_point",
    "input_scale",
    "weight_zero_point",
    "weight_scale",
    "output_zero_point",
    "output_scale",
];

/// Real weights.
struct Weights {
    shape: Vec<usize>,
    /// In the order of the file.
    values: Vec<f32>,
    /// One an output channel.
    biases: Vec<f32>,
    /// The output channel of each weight.
    channels: Vec<usize>,
    /// The mean of the input that each weight is multiplied by.
    means: Vec<f32>,
    /// So many weights in a row meet neighbours of one input channel.
    taps: usize,
}

/// The axes of a product with a matrix of weights.
pub(super) struct MatrixAxes {
    /// The summed axis of the input, and that of the weights.
    pub(super) inner: usize,
    pub(super) weight_inner: usize,
    /// What tract calls the columns, and their axis in the weights and in the output.
    column_name: char,
    weight_column: usize,
    pub(super) column: usize,
}

impl MatrixAxes {
    pub(super) fn of(op: &EinSum) -> Option<Self> {
        // The summed axis is in both inputs but not in the output, the columns in the weights and the output alone.
        let first = |positions: &[usize]| positions.first().copied();
        let places = |axis: &Axis| (first(&axis.inputs[0]), first(&axis.inputs[1]), first(&axis.outputs[0]));
        let (inner, weight_inner) = op.axes.iter_all_axes().find_map(|axis| match places(axis) {
            (Some(input), Some(weight), None) => Some((input, weight)),
            _ => None,
        })?;
        let (column_name, weight_column, column) = op.axes.iter_all_axes().find_map(|axis| match places(axis) {
            (None, Some(weight), Some(output)) => Some((axis.repr, weight, output)),
            _ => None,
        })?;
        Some(Self { inner, weight_inner, column_name, weight_column, column })
    }
}

impl Rewriting<'_> {
    pub(super) fn convolution(&mut self, node: &TypedNode, op: &Conv) -> Result<(), Error> {
        if op.kernel_fmt != KernelFormat::OIHW || op.q_params.is_some() {
            return Err(self.float.unsupported(node, "only Conv with real weights is supported in a float model"));
        }
        let outputs = op.pool_spec.output_channels;
        let axis = self.channel_axis(node, op)?;
        let (shape, values) = self.real_constant(node, 1)?;
        let depth = op.pool_spec.input_channels / op.group.max(1);
        let taps: usize = op.pool_spec.kernel_shape.iter().product();
        let input_axis = axis;
        let means = self.means(node, node.inputs[0], input_axis, op.pool_spec.input_channels)?;
        let group_of = |output: usize| output / (outputs / op.group.max(1)).max(1);
        let weights = Weights {
            channels: (0..values.len()).map(|index| index / (depth * taps).max(1)).collect(),
            means: (0..values.len())
                .map(|index| {
                    let (output, channel) = (index / (depth * taps).max(1), index / taps.max(1) % depth.max(1));
                    means.get(group_of(output) * depth + channel).copied().unwrap_or(0.0)
                })
                .collect(),
            biases: self.spread(node, 2, outputs)?,
            taps,
            shape,
            values,
        };
        let input = self.bytes(node, node.inputs[0])?;
        let found = followers(&self.float.graph, node.id.into(), axis, outputs);
        let op = Conv { q_params: Some(DatumType::I8), ..op.clone() };
        self.product(node, Form::Convolution(Box::new(op)), input, weights, &found, axis)
    }

    pub(super) fn matrix_product(&mut self, node: &TypedNode, op: &EinSum) -> Result<(), Error> {
        let refuse = || self.float.unsupported(node, "it must be a product with a matrix of weights");
        if op.q_params.is_some() || node.inputs.len() != 2 {
            return Err(refuse());
        }
        let (shape, values) = self.real_constant(node, 1)?;
        let MatrixAxes { inner, weight_inner, column_name, weight_column, column } =
            MatrixAxes::of(op).ok_or_else(refuse)?;
        let (depth, outputs) = (shape[weight_inner], shape[weight_column]);
        if depth * outputs != values.len() {
            return Err(refuse());
        }
        let means = self.means(node, node.inputs[0], inner, depth)?;
        let index_along = |axis: usize, index: usize| index / shape[axis + 1..].iter().product::<usize>() % shape[axis];
        let weights = Weights {
            channels: (0..values.len()).map(|index| index_along(weight_column, index)).collect(),
            means: (0..values.len()).map(|index| means[index_along(weight_inner, index)]).collect(),
            biases: vec![0.0; outputs],
            taps: 1,
            shape: shape.clone(),
            values,
        };
        let axes = op.axes.iter_all_axes().map(|axis| {
            let mut axis = axis.clone();
            axis.inputs.resize(2 + PARAMETERS.len(), tvec!());
            if axis.repr == column_name {
                // Biases and scales of the weights, one a column.
                axis.inputs[2] = tvec!(0);
                axis.inputs[6] = tvec!(0);
            }
            axis
        });
        let axes = AxesMapping::new(2 + PARAMETERS.len(), 1, axes.collect::<TVec<Axis>>());
        let axes = axes.map_err(|_| refuse())?;
        let input = self.bytes(node, node.inputs[0])?;
        let found = followers(&self.float.graph, node.id.into(), column, outputs);
        let op = EinSum { axes, operating_dt: DatumType::I32, q_params: Some(DatumType::I8) };
        self.product(node, Form::Matrix(Box::new(op)), input, weights, &found, column)
    }

    /// Quantises weights and biases and puts the quantised operator in place.
    fn product(
        &mut self,
        node: &TypedNode,
        form: Form,
        input: Bytes,
        mut weights: Weights,
        found: &Followers,
        axis: usize,
    ) -> Result<(), Error> {
        let outputs = found.gain.len();
        let mut output = self.quant(node, found.end)?;
        weights.values.iter_mut().zip(&weights.channels).for_each(|(weight, &channel)| *weight *= found.gain[channel]);
        for (bias, (gain, offset)) in weights.biases.iter_mut().zip(found.gain.iter().zip(&found.offset)) {
            *bias = *bias * gain + offset;
        }
        let mut rows = vec![Vec::new(); outputs];
        for (&weight, &channel) in weights.values.iter().zip(&weights.channels) {
            rows[channel].push(weight);
        }
        let has_int16 = [input.quant.element, output.element].contains(&Element::Int16);
        let rows: Vec<Row> = rows
            .iter()
            .zip(&weights.biases)
            .map(|(row, bias)| {
                // Room for biases that are large beside their weights.
                let least = (bias.abs() / (MAX_BIAS * input.quant.scale)).max(f32::MIN_POSITIVE / input.quant.scale);
                // Beside bytes what weights err by counts for little, and coarser steps of theirs may ask for coarser ones of the output.
                if has_int16 { Row::finest(row, weights.taps, least) } else { Row::nearest(row, least) }
            })
            .collect();
        let scales: Vec<f32> = rows.iter().map(|row| row.scale).collect();
        // The engine asks for a product of scales below the output's: outputs that hardly change get a wider range. One that is int16 may
        // have finer steps.
        let coarsest = scales.iter().copied().fold(0.0, f32::max) * input.quant.scale;
        let least = if output.element == Element::Int16 { FINER } else { LEAST_RATIO };
        output.scale = output.scale.max(coarsest * least);
        let mut steps: Vec<_> = rows.into_iter().map(|row| row.steps.into_iter()).collect();
        let rounded: Vec<i8> =
            weights.channels.iter().map(|&channel| steps[channel].next().unwrap_or_default()).collect();
        for (((&rounded, &weight), &channel), &mean) in
            rounded.iter().zip(&weights.values).zip(&weights.channels).zip(&weights.means)
        {
            weights.biases[channel] -= (f32::from(rounded) * scales[channel] - weight) * mean;
        }
        let biases: Vec<i32> = weights
            .biases
            .iter()
            .zip(&scales)
            .map(|(bias, scale)| (bias / (scale * input.quant.scale)).round_ties_even() as i32)
            .collect();
        let misshapen =
            |_: TractError| self.float.unsupported(node, "its weights do not have the size that its attributes give");
        let op: Box<dyn TypedOp> = match form {
            form if has_int16 => {
                let real = |(&step, &channel): (&i8, &usize)| f32::from(step) * scales[channel];
                let real: Vec<f32> = rounded.iter().zip(&weights.channels).map(real).collect();
                let numbers = Numbers {
                    input: input.quant,
                    output,
                    weights: Tensor::from_shape(&weights.shape, &real).map_err(misshapen)?,
                    biases: biases.iter().zip(&scales).map(|(&b, s)| b as f32 * s * input.quant.scale).collect(),
                    axis,
                    bounds: found.range,
                };
                let fact = self.fact(node, input.outlet)?;
                let product = Int16Product::new(form, node.op.clone(), &fact, numbers);
                Box::new(product.map_err(|error| self.failed(node, &error))?)
            }
            Form::Convolution(op) => op,
            Form::Matrix(op) => op,
        };
        let rounded = Tensor::from_shape(&weights.shape, &rounded).map_err(misshapen)?;
        let zero_point = |quant: crate::compile::ir::Quant| tensor0(i32::from(quant.zero_point));
        let parameters = [
            tensor1(&biases),
            zero_point(input.quant),
            tensor0(input.quant.scale),
            tensor0(0i32),
            tensor1(&scales),
            zero_point(output),
            tensor0(output.scale),
        ];
        let mut inputs = vec![input.outlet, self.constant(node, "weights", rounded)?];
        for (name, value) in PARAMETERS.iter().zip(parameters) {
            inputs.push(self.constant(node, name, value)?);
        }
        let outlet = self.wire(node, &node.name, op, &inputs)?;
        self.finish(node, found.end, Bytes { outlet, quant: output }, &found.nodes);
        Ok(())
    }

    fn channel_axis(&self, node: &TypedNode, op: &Conv) -> Result<usize, Error> {
        let shape = op.pool_spec.data_format.shape(node.outputs[0].fact.shape.to_tvec());
        shape.map(|shape| shape.c_axis()).map_err(|_| self.float.unsupported(node, "its shape is not known"))
    }

    /// A constant of real numbers: its shape and values.
    pub(super) fn real_constant(&self, node: &TypedNode, inlet: usize) -> Result<(Vec<usize>, Vec<f32>), Error> {
        let fact = node.inputs.get(inlet).and_then(|&input| self.float.graph.outlet_fact(input).ok());
        let values = fact.and_then(|fact| fact.konst.as_ref()).and_then(|constant| {
            let reals = constant.cast_to::<f32>().ok()?;
            Some((constant.shape().to_vec(), reals.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec()))
        });
        let values = values.filter(|(_, values)| values.iter().all(|value| value.is_finite()));
        values.ok_or_else(|| self.float.unsupported(node, "its weights must be finite constants"))
    }

    /// A bias as one number an output channel.
    fn spread(&self, node: &TypedNode, inlet: usize, outputs: usize) -> Result<Vec<f32>, Error> {
        match self.real_constant(node, inlet)?.1 {
            values if values.len() == outputs => Ok(values),
            values if values.len() == 1 => Ok(vec![values[0]; outputs]),
            _ => Err(self.float.unsupported(node, "it needs a bias for each output channel")),
        }
    }

    /// The mean of each of a tensor's channels on the calibration audio.
    pub(super) fn means(
        &self,
        node: &TypedNode,
        outlet: OutletId,
        axis: usize,
        channels: usize,
    ) -> Result<Vec<f32>, Error> {
        let unknown = || self.float.unsupported(node, "what it reads is not known");
        let means = &self.observed.get(&outlet).ok_or_else(unknown)?.mean;
        let fact = self.float.graph.outlet_fact(outlet).map_err(|_| unknown())?;
        let shape = fact.shape.as_concrete().filter(|shape| shape.get(axis) == Some(&channels)).ok_or_else(unknown)?;
        let inner: usize = shape[axis + 1..].iter().product();
        let mut sums = vec![0.0f64; channels];
        means.iter().enumerate().for_each(|(index, &mean)| sums[index / inner % channels] += f64::from(mean));
        Ok(sums.into_iter().map(|sum| (sum * channels as f64 / means.len().max(1) as f64) as f32).collect())
    }
}
