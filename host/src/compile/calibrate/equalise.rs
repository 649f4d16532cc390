//! Channels of one tensor brought to like ranges before they share a scale: cross-layer equalisation (Nagel et al., "Data-free
//! quantization through weight equalization and bias correction", 2019, section 4.1).
//!
//! A factor a channel behind a convolution or matrix product passes through Relu, pools and changes of axes, and through sums if all that
//! is added has it, too; what reads the channels takes it off again in its weights. The network stays the same function. The ranges are those that the channels have on the
//! calibration audio, not those of the weights. Where nothing but factors and summands reads the channels, such as a norm for each band
//! of frequency, the middle of each range is taken off, too: a norm would take it off only after it had been rounded.

use std::collections::{BTreeMap, HashMap, HashSet};

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::DimLike;
use tract_onnx::tract_core::ops::array::Slice;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::cnn::{Conv, MaxPool, PoolSpec, SumPool};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::math::{Add, Div, Mul, Sub, add, div, mul, sub};
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer};

use super::affine::{Bound, affine, bound, only_reader};
use super::observe::{Observed, wider};
use super::product::MatrixAxes;
use crate::Error;
use crate::compile::import::describe;
use crate::compile::lower::scaled_input;

/// Greatest factor: what a quiet channel holds beyond its range on the calibration audio must not be cut off.
const MOST: f32 = 64.0;

/// For each place of a tensor the channel that it belongs to; an axis along which that does not change has the extent 1.
#[derive(Debug, Clone, PartialEq)]
struct Places {
    shape: Vec<usize>,
    channels: Vec<usize>,
}

impl Places {
    /// Channels along one axis of `rank`.
    fn along(axis: usize, channels: usize, rank: usize) -> Self {
        let mut shape = vec![1; rank];
        shape[axis] = channels;
        Self { shape, channels: (0..channels).collect() }
    }

    /// The channel of each place along an axis, if they change along no other.
    fn of_axis(&self, axis: usize, extent: usize) -> Option<Vec<usize>> {
        let others = self.shape.iter().enumerate().any(|(other, &extent)| other != axis && extent > 1);
        match *self.channels.as_slice() {
            _ if others => None,
            [one] => Some(vec![one; extent]),
            _ => Some(self.channels.clone()),
        }
    }

    /// The places after a change of axes of a tensor of shape `from`.
    fn changed(&self, op: &AxisOp, from: &[usize]) -> Option<Self> {
        let mut shape = self.shape.clone();
        match op {
            AxisOp::Add(axis) => shape.insert(*axis, 1),
            AxisOp::Rm(axis) => drop(shape.remove(*axis)),
            AxisOp::Move(at, to) => {
                let varying: Vec<usize> = (0..shape.len()).filter(|&axis| shape[axis] > 1).collect();
                if varying.len() > 1 {
                    return None;
                }
                let extent = shape.remove(*at);
                shape.insert(*to, extent);
            }
            AxisOp::Reshape(at, old, new) => {
                let to: Vec<usize> = new.iter().map(|extent| extent.to_usize().ok()).collect::<Option<_>>()?;
                let replaced = *at..at + old.len();
                if shape[replaced.clone()].iter().all(|&extent| extent == 1) {
                    shape.splice(replaced, vec![1; to.len()]);
                } else {
                    let mut whole = self.clone();
                    for axis in replaced.clone() {
                        whole = whole.spread(axis, from[axis]);
                    }
                    whole.shape.splice(replaced, to);
                    return Some(whole.narrowed());
                }
            }
        }
        Some(Self { shape, channels: self.channels.clone() })
    }

    /// The same with every place along an axis of its own.
    fn spread(&self, axis: usize, extent: usize) -> Self {
        if self.shape[axis] == extent {
            return self.clone();
        }
        let inner: usize = self.shape[axis + 1..].iter().product();
        let mut shape = self.shape.clone();
        shape[axis] = extent;
        let channels = self.channels.chunks(inner).flat_map(|run| run.repeat(extent)).collect();
        Self { shape, channels }
    }

    /// The same with extents of 1 where nothing changes.
    fn narrowed(mut self) -> Self {
        for axis in 0..self.shape.len() {
            let (extent, inner) = (self.shape[axis], self.shape[axis + 1..].iter().product::<usize>());
            let mut runs = self.channels.chunks(extent * inner);
            if extent > 1 && runs.all(|run| run.chunks(inner).all(|part| part == &run[..inner])) {
                self.channels = self.channels.chunks(extent * inner).flat_map(|run| run[..inner].to_vec()).collect();
                self.shape[axis] = 1;
            }
        }
        self
    }
}

/// What takes the factors off again.
enum Reader {
    /// Weights of a product: for each the channel that it is multiplied by.
    Weights { node: usize, channels: Vec<usize>, weights: Tensor, is_dense: bool },
    /// Constants that scale or shift an input from place to place: a factor before them.
    Scaled { node: usize, inlet: usize, places: Places },
}

/// Tensors that have the same channels: what a product gives, its Relu and other views and parts, and the tensors that it is added to.
struct Group<'g> {
    graph: &'g TypedModel,
    /// In order, so that sums over them round alike every time.
    tensors: BTreeMap<OutletId, Places>,
    /// Where the factors are put on: outlets of products, or of what scales and shifts.
    makers: Vec<(OutletId, Places)>,
    readers: Vec<Reader>,
    waiting: Vec<(OutletId, Places)>,
    /// Whether all tensors are views of one.
    is_view: bool,
}

/// A graph with equalised channels, which computes the same. `strength` is the power of the factors where products sum over channels:
/// their weights then spread as far as the channels did.
///
/// # Errors
/// [`Error::Onnx`] if tract cannot put the factors in place.
pub(super) fn equalised(
    graph: &TypedModel,
    observed: &HashMap<OutletId, Observed>,
    strength: f32,
) -> Result<TypedModel, Error> {
    let failed = |error: TractError| Error::Onnx { what: describe(&error) };
    let mut equalised = graph.clone();
    let mut done = HashSet::new();
    for id in graph.eval_order().map_err(failed)? {
        let Some((at, places)) = product(graph, graph.node(id)).filter(|(at, _)| !done.contains(at)) else { continue };
        let channels = places.channels.len();
        let Some(group) =
            Group::around(graph, at, places).filter(|group| group.makers.iter().all(|(at, _)| !done.contains(at)))
        else {
            continue;
        };
        done.extend(group.makers.iter().map(|&(at, _)| at));
        if let Some((middles, factors)) = group.numbers(observed, channels, strength) {
            let Group { makers, readers, .. } = group;
            apply(&mut equalised, &makers, readers, &middles, &factors).map_err(failed)?;
        }
    }
    Ok(equalised)
}

/// The last outlet at which the channels of a product may be changed, and its channels.
fn product(graph: &TypedModel, node: &TypedNode) -> Option<(OutletId, Places)> {
    let shape = node.outputs[0].fact.shape.as_concrete()?;
    let axis = if let Some(op) = node.op.downcast_ref::<Conv>() {
        channel_axis(&op.pool_spec, shape)?
    } else {
        MatrixAxes::of(node.op.downcast_ref::<EinSum>()?)?.column
    };
    graph.outlet_fact(*node.inputs.get(1)?).ok()?.konst.as_ref()?;
    let channels = shape[axis];
    let mut at = OutletId::from(node.id);
    while let Some(next) = only_reader(graph, at).filter(|next| affine(graph, next, at, axis, channels).is_some()) {
        at = next.id.into();
    }
    Some((at, Places::along(axis, channels, shape.len())))
}

impl<'g> Group<'g> {
    /// The group that an outlet belongs to; `None` if a member has a maker or reader that can't take part.
    fn around(graph: &'g TypedModel, at: OutletId, places: Places) -> Option<Self> {
        let mut group = Self {
            graph,
            tensors: BTreeMap::new(),
            makers: Vec::new(),
            readers: Vec::new(),
            waiting: vec![(at, places)],
            is_view: true,
        };
        while let Some((outlet, places)) = group.waiting.pop() {
            match group.tensors.get(&outlet) {
                Some(known) if *known == places => {}
                Some(_) => return None,
                None => {
                    group.tensors.insert(outlet, places.clone());
                    group.made(outlet, &places)?;
                    group.read(outlet, &places)?;
                }
            }
        }
        Some(group)
    }

    /// Looks at what makes a member.
    fn made(&mut self, outlet: OutletId, places: &Places) -> Option<()> {
        let graph = self.graph;
        let node = graph.node(outlet.node);
        if product(graph, node).is_some() || (scaled_input(graph, node).is_some() && !is_factor(graph, node)) {
            self.makers.push((outlet, places.clone()));
            return Some(());
        }
        if is_sum(graph, node) {
            self.is_view = false;
            return node.inputs.iter().try_for_each(|&input| self.add(input, places));
        }
        let input = match scaled_input(graph, node) {
            Some(inlet) => node.inputs[inlet],
            None => *node.inputs.iter().find(|&&input| is_variable(graph, input))?,
        };
        let shape = graph.outlet_fact(outlet).ok()?.shape.as_concrete()?.to_vec();
        let before = match node.op.downcast_ref::<AxisOp>() {
            Some(op) => places.changed(&op.recip(), &shape)?,
            None => self.passed(node, places)?,
        };
        self.add(input, &before)
    }

    /// Looks at all that reads a member.
    fn read(&mut self, outlet: OutletId, places: &Places) -> Option<()> {
        let graph = self.graph;
        if graph.outputs.contains(&outlet) {
            return None;
        }
        let shape = graph.outlet_fact(outlet).ok()?.shape.as_concrete()?.to_vec();
        for inlet in &graph.node(outlet.node).outputs[outlet.slot].successors {
            let node = graph.node(inlet.node);
            if let Some(op) = node.op.downcast_ref::<Conv>() {
                self.readers.push(convolution(graph, node, op, places, &shape)?);
            } else if let Some(op) = node.op.downcast_ref::<EinSum>() {
                self.readers.push(matrix_product(graph, node, op, places)?);
            } else if is_sum(graph, node) {
                self.is_view = false;
                self.add(node.id.into(), places)?;
            } else if let Some(op) = node.op.downcast_ref::<AxisOp>() {
                let changed = places.changed(op, &shape)?;
                self.add(node.id.into(), &changed)?;
            } else if let Some(passed) = self.passed(node, places) {
                self.add(node.id.into(), &passed)?;
            } else if scaled_input(graph, node) == Some(inlet.slot) {
                self.readers.push(Reader::Scaled { node: node.id, inlet: inlet.slot, places: places.clone() });
            } else {
                return None;
            }
        }
        Some(())
    }

    fn add(&mut self, outlet: OutletId, places: &Places) -> Option<()> {
        let shape = self.graph.outlet_fact(outlet).ok()?.shape.as_concrete()?;
        // What is repeated in a sum may not be repeated along the channels.
        let fits = shape.len() == places.shape.len()
            && places.shape.iter().zip(shape).all(|(&extent, &whole)| extent == 1 || extent == whole);
        fits.then(|| self.waiting.push((outlet, places.clone())))
    }

    /// The places on the other side of an operator that factors pass through.
    fn passed(&mut self, node: &TypedNode, places: &Places) -> Option<Places> {
        let axes = if is_factor(self.graph, node) || bound(self.graph, node) == Some(Bound::Least(0.0)) {
            Vec::new()
        } else if let Some(op) = node.op.downcast_ref::<SumPool>() {
            spatial_axes(&op.pool_spec, node.outputs[0].fact.shape.as_concrete()?)?
        } else if let Some(op) = node.op.downcast_ref::<MaxPool>() {
            spatial_axes(&op.pool_spec, node.outputs[0].fact.shape.as_concrete()?)?
        } else if let Some(op) = node.op.downcast_ref::<Reduce>() {
            matches!(op.reducer, Reducer::Sum | Reducer::Max).then(|| op.axes.to_vec())?
        } else {
            vec![node.op.downcast_ref::<Slice>()?.axis]
        };
        self.is_view = false;
        axes.iter().all(|&axis| places.shape[axis] == 1).then(|| places.clone())
    }

    /// What is taken off each channel and what it is then multiplied by.
    fn numbers(
        &self,
        observed: &HashMap<OutletId, Observed>,
        channels: usize,
        strength: f32,
    ) -> Option<(Vec<f32>, Vec<f32>)> {
        let mut logarithms = vec![0.0f32; channels];
        let mut middles = vec![0.0f32; channels];
        let mut count = 0;
        let is_centred = self.is_view
            && self.makers.len() == 1
            && self.readers.iter().all(|reader| matches!(reader, Reader::Scaled { .. }));
        for (&outlet, places) in &self.tensors {
            // Before Relu, and another view of it: not rounded as it is.
            let is_rounded = only_reader(self.graph, outlet)
                .is_none_or(|next| !next.op.is::<AxisOp>() && bound(self.graph, next) != Some(Bound::Least(0.0)));
            if !is_rounded && !is_centred {
                continue;
            }
            let mut ranges = ranges(observed.get(&outlet)?, places, self.graph.outlet_fact(outlet).ok()?, channels)?;
            if is_centred {
                for (middle, [low, high]) in middles.iter_mut().zip(&mut ranges) {
                    *middle = (*low + *high) / 2.0;
                    [*low, *high] = [*low - *middle, *high - *middle];
                }
            }
            let peaks = ranges.iter().map(|[low, high]| high.max(-low));
            let greatest = peaks.clone().fold(0.0, f32::max);
            if greatest > 0.0 {
                logarithms.iter_mut().zip(peaks).for_each(|(sum, peak)| *sum += (greatest / peak).min(MOST).ln());
                count += 1;
            }
        }
        let is_dense = self.readers.iter().any(|reader| matches!(reader, Reader::Weights { is_dense: true, .. }));
        let power = if is_dense { strength } else { 1.0 };
        (count > 0).then(|| (middles, logarithms.iter().map(|sum| (sum / count as f32 * power).exp()).collect()))
    }
}

/// Whether a node adds two tensors, neither of which is constant.
fn is_sum(graph: &TypedModel, node: &TypedNode) -> bool {
    let is_sum = node.op.downcast_ref::<TypedBinOp>().is_some_and(|op| op.0.is::<Add>() || op.0.is::<Sub>());
    is_sum && node.inputs.iter().all(|&input| is_variable(graph, input))
}

fn is_variable(graph: &TypedModel, outlet: OutletId) -> bool {
    graph.outlet_fact(outlet).is_ok_and(|fact| fact.konst.is_none())
}

/// Whether a node multiplies or divides by one number.
fn is_factor(graph: &TypedModel, node: &TypedNode) -> bool {
    let is_product = node.op.downcast_ref::<TypedBinOp>().is_some_and(|op| op.0.is::<Mul>() || op.0.is::<Div>());
    let is_number = |inlet: usize| {
        let fact = node.inputs.get(inlet).and_then(|&input| graph.outlet_fact(input).ok());
        fact.and_then(|fact| fact.konst.as_ref()).is_some_and(|constant| constant.as_uniform().is_some())
    };
    is_product && scaled_input(graph, node).is_some_and(|variable| is_number(1 - variable))
}

fn channel_axis(spec: &PoolSpec, shape: &[usize]) -> Option<usize> {
    Some(spec.data_format.shape(shape.to_vec()).ok()?.c_axis())
}

fn spatial_axes(spec: &PoolSpec, shape: &[usize]) -> Option<Vec<usize>> {
    Some(spec.data_format.shape(shape.to_vec()).ok()?.hw_axes().collect())
}

fn convolution(graph: &TypedModel, node: &TypedNode, op: &Conv, places: &Places, shape: &[usize]) -> Option<Reader> {
    let weights = constant(graph, node)?;
    let spec = &op.pool_spec;
    let inputs = places.of_axis(channel_axis(spec, shape)?, spec.input_channels)?;
    let depth = spec.input_channels / op.group.max(1);
    let taps: usize = spec.kernel_shape.iter().product();
    let outputs_of_group = (spec.output_channels / op.group.max(1)).max(1);
    let input_of = |index: usize| {
        let output = index / (depth * taps).max(1);
        output / outputs_of_group * depth + index / taps.max(1) % depth.max(1)
    };
    let channels = (0..weights.len()).map(|index| inputs.get(input_of(index)).copied()).collect::<Option<_>>()?;
    Some(Reader::Weights { node: node.id, channels, weights, is_dense: depth > 1 })
}

fn matrix_product(graph: &TypedModel, node: &TypedNode, op: &EinSum, places: &Places) -> Option<Reader> {
    let weights = constant(graph, node)?;
    let axes = MatrixAxes::of(op)?;
    let shape = weights.shape();
    let inputs = places.of_axis(axes.inner, shape[axes.weight_inner])?;
    let step: usize = shape[axes.weight_inner + 1..].iter().product();
    let channels = (0..weights.len()).map(|index| inputs[index / step % shape[axes.weight_inner]]).collect();
    Some(Reader::Weights { node: node.id, channels, weights, is_dense: true })
}

/// The weights of a product.
fn constant(graph: &TypedModel, node: &TypedNode) -> Option<Tensor> {
    let constant = graph.outlet_fact(*node.inputs.get(1)?).ok()?.konst.as_ref()?;
    Some(constant.cast_to::<f32>().ok()?.into_owned())
}

/// The range of each channel.
fn ranges(observed: &Observed, places: &Places, fact: &TypedFact, channels: usize) -> Option<Vec<[f32; 2]>> {
    let shape = fact.shape.as_concrete()?;
    let whole = (0..shape.len()).fold(places.clone(), |places, axis| places.spread(axis, shape[axis]));
    let mut ranges = vec![[f32::INFINITY, f32::NEG_INFINITY]; channels];
    for (&channel, &range) in whole.channels.iter().zip(&observed.range) {
        ranges[channel] = wider(ranges[channel], range);
    }
    Some(ranges)
}

fn apply(
    graph: &mut TypedModel,
    makers: &[(OutletId, Places)],
    readers: Vec<Reader>,
    middles: &[f32],
    factors: &[f32],
) -> TractResult<()> {
    let is_centred = middles.iter().any(|&middle| middle != 0.0);
    for (at, places) in makers {
        let name = format!("{}.equalised", graph.node(at.node).name);
        let followers = graph.node(at.node).outputs[at.slot].successors.clone();
        let mut changed = *at;
        if is_centred {
            changed = wire(graph, format!("{name}.middles"), sub(), changed, places, middles)?;
        }
        changed = wire(graph, name, mul(), changed, places, factors)?;
        for inlet in followers {
            graph.add_edge(changed, inlet)?;
        }
    }
    for reader in readers {
        match reader {
            Reader::Weights { node, channels, mut weights, .. } => {
                let mut values = weights.try_as_plain_ram_mut()?;
                let values = values.as_slice_mut::<f32>()?;
                values.iter_mut().zip(channels).for_each(|(weight, channel)| *weight /= factors[channel]);
                let name = format!("{}.equalised_weights", graph.node(node).name);
                let weights = graph.add_const(name, weights)?;
                graph.add_edge(weights, InletId::new(node, 1))?;
            }
            Reader::Scaled { node, inlet, places } => {
                let name = format!("{}.equalised_input{inlet}", graph.node(node).name);
                let mut input = graph.node(node).inputs[inlet];
                input = wire(graph, name.clone(), div(), input, &places, factors)?;
                if is_centred {
                    input = wire(graph, format!("{name}.middles"), add(), input, &places, middles)?;
                }
                graph.add_edge(input, InletId::new(node, inlet))?;
            }
        }
    }
    Ok(())
}

/// A tensor and, by an operator, the number of the channel at each place.
fn wire(
    graph: &mut TypedModel,
    name: String,
    op: TypedBinOp,
    input: OutletId,
    places: &Places,
    numbers: &[f32],
) -> TractResult<OutletId> {
    let values: Vec<f32> = places.channels.iter().map(|&channel| numbers[channel]).collect();
    let constant = graph.add_const(format!("{name}.numbers"), Tensor::from_shape(&places.shape, &values)?)?;
    Ok(graph.wire_node(name, op, &[input, constant])?[0])
}

#[cfg(test)]
mod tests {
    use super::Places;
    use tract_onnx::prelude::*;
    use tract_onnx::tract_core::ops::change_axes::AxisOp;

    #[test]
    fn channels_are_followed_through_changes_of_axes() {
        let places = Places::along(1, 2, 4);
        let split = AxisOp::Reshape(1, tvec!(2.to_dim(), 6.to_dim()), tvec!(6.to_dim(), 2.to_dim()));
        let bands = places.changed(&split, &[1, 2, 6, 9]).unwrap();
        assert_eq!(bands, Places { shape: vec![1, 6, 1, 1], channels: vec![0, 0, 0, 1, 1, 1] });
        let flat = AxisOp::Reshape(1, tvec!(2.to_dim(), 1.to_dim(), 3.to_dim()), tvec!(6.to_dim()));
        assert_eq!(places.changed(&flat, &[1, 2, 1, 3]).unwrap().of_axis(1, 6).unwrap(), [0, 0, 0, 1, 1, 1]);
        assert_eq!(places.changed(&AxisOp::Move(1, 3), &[1, 2, 6, 9]).unwrap().shape, [1, 1, 1, 2]);
        assert_eq!(places.of_axis(2, 6), None);
    }
}
