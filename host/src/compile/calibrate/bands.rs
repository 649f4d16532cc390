//! Convolutions whose output is scaled and shifted band by band along an axis, such as by a norm for each band of frequency (Chang et
//! al., "Subspectral normalization for neural audio data processing", 2021): a convolution for each band.
//!
//! Factors and summands that differ from channel to channel become part of a convolution, those that differ from band to band cannot.
//! Then the output would be rounded twice, the first time in a range that holds the bands' different means, which the norm takes off. A
//! convolution for each band has weights and biases of its own, and their outputs are joined. The network stays the same function.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::{Slice, TypedConcat};
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, PaddingSpec};
use tract_onnx::tract_core::ops::math::{add, mul};

use super::affine::only_reader;
use crate::Error;
use crate::compile::import::describe;
use crate::compile::lower::scaled_input;

/// Most bands; each is an operator of its own.
const MOST_BANDS: usize = 8;

/// A convolution and what follows it.
struct Banded {
    convolution: usize,
    /// The outlet behind the last factor or summand.
    end: OutletId,
    /// The axis of the bands.
    axis: usize,
    bands: Vec<Band>,
}

struct Band {
    /// Places along the axis.
    places: std::ops::Range<usize>,
    /// One a channel.
    gain: Vec<f32>,
    /// One a channel.
    offset: Vec<f32>,
}

/// A graph with such convolutions split, which computes the same.
///
/// # Errors
/// [`Error::Onnx`] if tract cannot put the parts in place.
pub(super) fn split(graph: &TypedModel) -> Result<TypedModel, Error> {
    let failed = |error: TractError| Error::Onnx { what: describe(&error) };
    let mut split = graph.clone();
    let mut is_changed = false;
    for id in graph.eval_order().map_err(failed)? {
        if let Some(banded) = banded(graph, graph.node(id)) {
            apply(&mut split, &banded).map_err(failed)?;
            is_changed = true;
        }
    }
    // What was replaced goes: it would count as a reader.
    if is_changed { split.into_compact().map_err(failed) } else { Ok(split) }
}

fn banded(graph: &TypedModel, node: &TypedNode) -> Option<Banded> {
    let op = node.op.downcast_ref::<Conv>()?;
    let shape = node.outputs[0].fact.shape.as_concrete()?;
    if op.kernel_fmt != KernelFormat::OIHW || op.q_params.is_some() || shape.len() != 4 || shape[0] != 1 {
        return None;
    }
    let data = op.pool_spec.data_format.shape(shape.to_vec()).ok()?;
    let (channel, spatial) = (data.c_axis(), data.hw_axes());
    let (end, chain) = chain(graph, node)?;
    let run = |values: &[f32]| evaluated(graph, node, &chain, values).ok();
    let length = shape.iter().product();
    let (offset, sum) = (run(&vec![0.0; length])?, run(&vec![1.0; length])?);
    // Each value must stand behind the chain where it stood before it.
    let ramp: Vec<f32> = (0..length).map(|index| index as f32 / length as f32).collect();
    let is_in_place = run(&ramp)?.iter().zip(&ramp).zip(offset.iter().zip(&sum)).all(|((value, at), (offset, sum))| {
        let expected = (sum - offset) * at + offset;
        (value - expected).abs() <= (sum.abs() + offset.abs()) * 1e-5
    });
    if !is_in_place {
        return None;
    }
    let step = |axis: usize| shape[axis + 1..].iter().product::<usize>();
    // Factors and summands of all channels at one place along an axis; none if they differ along another.
    let at = |axis: usize, place: usize| {
        let mut numbers = vec![[f32::NAN; 2]; shape[channel]];
        for index in (0..offset.len()).filter(|index| index / step(axis) % shape[axis] == place) {
            let number = [sum[index] - offset[index], offset[index]];
            let known = &mut numbers[index / step(channel) % shape[channel]];
            if !known[0].is_nan() && *known != number {
                return None;
            }
            *known = number;
        }
        Some(numbers)
    };
    spatial.into_iter().find_map(|axis| {
        let places: Vec<Vec<[f32; 2]>> = (0..shape[axis]).map(|place| at(axis, place)).collect::<Option<_>>()?;
        let mut bands: Vec<Band> = Vec::new();
        for run in places.chunk_by(|a, b| a == b) {
            let start = bands.last().map_or(0, |band| band.places.end);
            let [gain, offset] = [0, 1].map(|which: usize| run[0].iter().map(|number| number[which]).collect());
            bands.push(Band { places: start..start + run.len(), gain, offset });
        }
        let finite = places.iter().flatten().flatten().all(|number| number.is_finite());
        let is_banded = finite && (2..=MOST_BANDS).contains(&bands.len());
        is_banded.then_some(Banded { convolution: node.id, end, axis, bands })
    })
}

/// What follows a convolution, each alone: factors, summands and other views, up to the last factor or summand behind which the axes are
/// the convolution's.
fn chain(graph: &TypedModel, node: &TypedNode) -> Option<(OutletId, Vec<usize>)> {
    let shape = &node.outputs[0].fact.shape;
    let mut chain = Vec::new();
    let mut whole = 0;
    let (mut end, mut at) = (None, OutletId::from(node.id));
    let mut is_scaled = false;
    while let Some(next) = only_reader(graph, at) {
        let scales = scaled_input(graph, next).is_some();
        if !scales && !next.op.is::<AxisOp>() {
            break;
        }
        is_scaled |= scales;
        chain.push(next.id);
        at = next.id.into();
        if is_scaled && next.outputs[0].fact.shape == *shape {
            (end, whole) = (Some(at), chain.len());
        }
    }
    chain.truncate(whole);
    Some((end.filter(|end| !graph.outputs.contains(end))?, chain))
}

/// What a chain makes of the values of a convolution's output.
fn evaluated(graph: &TypedModel, node: &TypedNode, chain: &[usize], values: &[f32]) -> TractResult<Vec<f32>> {
    let mut model = TypedModel::default();
    let shape = node.outputs[0].fact.shape.as_concrete().ok_or_else(|| TractError::msg("its shape is open"))?;
    let input = Tensor::from_shape(shape, values)?;
    let mut wire = model.add_source("values", f32::fact(shape))?;
    let mut before = OutletId::from(node.id);
    for &id in chain {
        let next = graph.node(id);
        let mut inputs = TVec::new();
        for (inlet, &outlet) in next.inputs.iter().enumerate() {
            let constant = graph.outlet_fact(outlet)?.konst.clone();
            inputs.push(match constant {
                _ if outlet == before => wire,
                Some(constant) => model.add_const(format!("{}.{inlet}", next.name), constant)?,
                None => return Err(TractError::msg("it reads what is not constant")),
            });
        }
        wire = model.wire_node(&next.name, next.op.clone(), &inputs)?[0];
        before = id.into();
    }
    model.select_output_outlets(&[wire])?;
    let outputs = model.into_runnable()?.run(tvec!(input.into()))?;
    Ok(outputs[0].cast_to::<f32>()?.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
}

fn apply(graph: &mut TypedModel, banded: &Banded) -> TractResult<()> {
    let Banded { convolution, end, axis, bands } = banded;
    let node = graph.node(*convolution).clone();
    let op = node.op.downcast_ref::<Conv>().ok_or_else(|| TractError::msg("it is no convolution"))?;
    let input = graph
        .outlet_fact(node.inputs[0])?
        .shape
        .as_concrete()
        .ok_or_else(|| TractError::msg("its shape is open"))?
        .to_vec();
    let data = op.pool_spec.data_format.shape(input.clone())?;
    let index = axis - data.h_axis();
    let padding = op.pool_spec.computed_padding(data.hw_dims());
    let extent = (op.pool_spec.kernel_shape[index] - 1) * op.pool_spec.dilation(index) + 1;
    let mut parts = TVec::new();
    for (number, Band { places, gain, offset }) in bands.iter().enumerate() {
        let name = format!("{}.band{number}", node.name);
        // The places that the band reads, counted from the first one of the padding.
        let (first, last) =
            (places.start * op.pool_spec.stride(index), (places.end - 1) * op.pool_spec.stride(index) + extent);
        let before = padding[index].pad_before;
        let start = first.saturating_sub(before).min(input[*axis]);
        let stop = last.saturating_sub(before).clamp(start, input[*axis]);
        let mut pads: [TVec<usize>; 2] =
            [padding.iter().map(|pad| pad.pad_before).collect(), padding.iter().map(|pad| pad.pad_after).collect()];
        pads[0][index] = before.saturating_sub(first);
        pads[1][index] = last.saturating_sub(before + input[*axis]);
        let [pads_before, pads_after] = pads;
        let mut inputs = node.inputs.clone();
        inputs[0] = graph.wire_node(format!("{name}.part"), Slice::new(*axis, start, stop), &[inputs[0]])?[0];
        let mut op = op.clone();
        op.pool_spec.padding = PaddingSpec::Explicit(pads_before, pads_after);
        let mut wire = graph.wire_node(&name, op, &inputs)?[0];
        let mut shape = vec![1; input.len()];
        shape[data.c_axis()] = gain.len();
        for (which, op, numbers) in [("gain", mul(), gain), ("offset", add(), offset)] {
            let constant = graph.add_const(format!("{name}.{which}s"), Tensor::from_shape(&shape, numbers)?)?;
            wire = graph.wire_node(format!("{name}.{which}"), op, &[wire, constant])?[0];
        }
        parts.push(wire);
    }
    let joined = graph.wire_node(format!("{}.bands", node.name), TypedConcat::new(*axis), &parts)?[0];
    for inlet in graph.node(end.node).outputs[end.slot].successors.clone() {
        graph.add_edge(joined, inlet)?;
    }
    Ok(())
}
