//! What follows a convolution or matrix product and becomes part of it: factors and summands a channel (batch norm, a bias) and
//! the bounds of Relu and Clip.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::math::{Add, Div, Max, Min, Mul, Sub};

/// What follows an outlet and is part of the same layer.
pub(super) struct Followers {
    /// The last outlet of the layer.
    pub(super) end: OutletId,
    /// One factor a channel, applied first.
    pub(super) gain: Vec<f32>,
    /// One summand a channel.
    pub(super) offset: Vec<f32>,
    /// Least and greatest output.
    pub(super) range: [f32; 2],
    /// The nodes that are taken in.
    pub(super) nodes: Vec<usize>,
}

/// Looks along the graph from `start`, whose channels are on `axis`.
///
/// Bounds need no operator if 0 lies within them: the range of the bytes ends where they are.
pub(super) fn followers(graph: &TypedModel, start: OutletId, axis: usize, channels: usize) -> Followers {
    let mut found = Followers {
        end: start,
        gain: vec![1.0; channels],
        offset: vec![0.0; channels],
        range: [f32::NEG_INFINITY, f32::INFINITY],
        nodes: Vec::new(),
    };
    while let Some((next, [factors, summands])) =
        only_reader(graph, found.end).and_then(|next| Some((next, affine(graph, next, found.end, axis, channels)?)))
    {
        for channel in 0..channels {
            found.gain[channel] *= factors[channel];
            found.offset[channel] = found.offset[channel] * factors[channel] + summands[channel];
        }
        found.end = next.id.into();
        found.nodes.push(next.id);
    }
    let (mut end, mut nodes) = (found.end, Vec::new());
    let mut range = found.range;
    while let Some((next, bound)) = only_reader(graph, end).and_then(|next| Some((next, bound(graph, next)?))) {
        range = range.map(|end| match bound {
            Bound::Least(least) => end.max(least),
            Bound::Most(most) => end.min(most),
        });
        end = next.id.into();
        nodes.push(next.id);
    }
    if range[0] <= 0.0 && range[1] >= 0.0 {
        found.end = end;
        found.range = range;
        found.nodes.extend(nodes);
    }
    found
}

/// The node that reads an outlet, if only one does and it is no output.
pub(super) fn only_reader(graph: &TypedModel, outlet: OutletId) -> Option<&TypedNode> {
    match graph.node(outlet.node).outputs[outlet.slot].successors.as_slice() {
        [reader] if !graph.outputs.contains(&outlet) => Some(graph.node(reader.node)),
        _ => None,
    }
}

/// A bound that Max or Min sets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bound {
    Least(f32),
    Most(f32),
}

/// The bound that a Max or Min with one number sets.
pub(super) fn bound(graph: &TypedModel, node: &TypedNode) -> Option<Bound> {
    let op = node.op.downcast_ref::<TypedBinOp>()?;
    let number = |inlet: usize| {
        let constant = graph.outlet_fact(node.inputs[inlet]).ok()?.konst.as_ref()?.as_uniform()?;
        constant.cast_to_scalar::<f32>().ok()
    };
    let number = number(0).or_else(|| number(1))?;
    if op.0.is::<Max>() {
        Some(Bound::Least(number))
    } else if op.0.is::<Min>() {
        Some(Bound::Most(number))
    } else {
        None
    }
}

/// Factors and summands, one each a channel, of a node that reads `from` and a constant and does nothing else.
pub(super) fn affine(
    graph: &TypedModel,
    node: &TypedNode,
    from: OutletId,
    axis: usize,
    channels: usize,
) -> Option<[Vec<f32>; 2]> {
    let op = node.op.downcast_ref::<TypedBinOp>()?;
    let place = node.inputs.iter().position(|&input| input == from)?;
    let constant = graph.outlet_fact(*node.inputs.get(1 - place)?).ok()?.konst.as_ref()?;
    if graph.outlet_fact(from).ok()?.shape != node.outputs[0].fact.shape {
        return None;
    }
    let values = by_channel(constant, axis, channels)?;
    let [zeros, ones] = [0.0, 1.0].map(|value| vec![value; channels]);
    let negated = || values.iter().map(|value| -value).collect();
    if op.0.is::<Add>() {
        Some([ones, values])
    } else if op.0.is::<Mul>() {
        Some([values, zeros])
    } else if op.0.is::<Sub>() {
        Some(if place == 0 { [ones, negated()] } else { [vec![-1.0; channels], values] })
    } else if op.0.is::<Div>() && place == 0 {
        Some([values.iter().map(|value| 1.0 / value).collect(), zeros])
    } else {
        None
    }
}

/// A constant as one number a channel, if it has no more.
fn by_channel(constant: &Tensor, axis: usize, channels: usize) -> Option<Vec<f32>> {
    if let Some(number) = constant.as_uniform() {
        return Some(vec![number.cast_to_scalar::<f32>().ok()?; channels]);
    }
    if constant.shape().get(axis) != Some(&channels) || constant.len() != channels {
        return None;
    }
    Some(constant.cast_to::<f32>().ok()?.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec())
}
