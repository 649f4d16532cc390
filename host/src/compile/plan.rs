//! The network with its places: operators as the artifact holds them, and the data that they point at.

use std::collections::HashMap;

use earmark_core::engine::layout;
use earmark_core::engine::recurrent::curves;
use earmark_core::model::format::ALIGNMENT;
use earmark_core::model::{
    Addition, AveragePool, BlockCopy, Convolution, Element, Lookup, MaxPool, Multiplication, Op, Recurrent,
    RunningMean, Tensor, Window,
};

use super::fixed_point::fixed_point;
use super::import::printable;
use super::ir::{self, Filter, Graph, Kind, Place};
use super::memory::Arena;
use crate::Error;

/// Greatest shift of sums and products.
const MAX_SHIFT: u8 = 62;
/// Greatest shift of a mean.
const MAX_MEAN_SHIFT: u8 = 40;

/// Weights, biases, scales and tables, each at a multiple of 16; equal ones are kept once.
#[derive(Debug, Default)]
struct Data {
    bytes: Vec<u8>,
    places: HashMap<Vec<u8>, usize>,
}

impl Data {
    fn add(&mut self, piece: Vec<u8>) -> usize {
        if let Some(&place) = self.places.get(&piece) {
            return place;
        }
        let place = self.bytes.len().next_multiple_of(ALIGNMENT);
        self.bytes.resize(place, 0);
        self.bytes.extend_from_slice(&piece);
        self.places.insert(piece, place);
        place
    }
}

/// A plan.
#[derive(Debug)]
pub struct Plan {
    /// The operators.
    pub ops: Vec<Op>,
    /// Bytes of the executor's scratch memory.
    pub scratch: usize,
}

/// Places networks whose operators point at common data: what is equal is there once.
pub struct Planner {
    data: Data,
    data_start: usize,
}

impl Planner {
    /// `data_start` is where in the file the data will begin.
    pub fn new(data_start: usize) -> Self {
        Self { data: Data::default(), data_start }
    }

    /// Places a network.
    ///
    /// # Errors
    /// [`Error::UnsupportedOperator`] if an operator's numbers are beyond what the format can hold.
    pub fn plan(&mut self, graph: &Graph, arena: &Arena) -> Result<Plan, Error> {
        let mut placing = Placing { graph, arena, data: &mut self.data, data_start: self.data_start };
        let ops = graph.ops.iter().map(|op| placing.op(op)).collect::<Result<Vec<_>, _>>()?;
        let scratch = ops.iter().map(layout::scratch_length).max().unwrap_or(0) as usize;
        Ok(Plan { ops, scratch })
    }

    /// What the operators point at.
    pub fn data(&self) -> &[u8] {
        &self.data.bytes
    }
}

struct Placing<'a> {
    graph: &'a Graph,
    arena: &'a Arena,
    data: &'a mut Data,
    data_start: usize,
}

impl Placing<'_> {
    fn op(&mut self, op: &ir::Op) -> Result<Op, Error> {
        let refuse = |why: &str| refused(op, why);
        let output = self.tensor(op, &op.output)?;
        let inputs = op.inputs.iter().map(|place| self.tensor(op, place)).collect::<Result<Vec<_>, _>>()?;
        let input = *inputs.first().ok_or_else(|| refuse("it reads nothing"))?;
        let pair = || <[Tensor; 2]>::try_from(inputs.as_slice()).map_err(|_| refuse("it must have two inputs"));
        let clamp = op.clamp;
        Ok(match &op.kind {
            Kind::Convolution(filter) => self.convolution(op, filter, input, output)?,
            Kind::Lookup(table) => {
                let table = self.place(table.iter().map(|byte| byte.cast_unsigned()).collect(), op)?;
                Op::Lookup(Lookup { input, output, table })
            }
            Kind::Int16Lookup(table) => {
                let table = self.place(table.iter().flat_map(|entry| entry.to_le_bytes()).collect(), op)?;
                Op::Lookup(Lookup { input, output, table })
            }
            Kind::Add(factors) => {
                let (multipliers, shift) = fixed_point(*factors, MAX_SHIFT).ok_or_else(|| refuse(SCALE))?;
                Op::Add(Addition { inputs: pair()?, output, multipliers, shift, clamp })
            }
            Kind::Multiply(factor) => {
                let ([multiplier], shift) = fixed_point([*factor], MAX_SHIFT).ok_or_else(|| refuse(SCALE))?;
                Op::Multiply(Multiplication { inputs: pair()?, output, multiplier, shift, clamp })
            }
            Kind::MaxPool(window) => Op::MaxPool(MaxPool { input, output, window: self.window(op, window)? }),
            Kind::AveragePool { window, count_padding, ratio } => {
                let ([multiplier], shift) = fixed_point([*ratio], MAX_MEAN_SHIFT).ok_or_else(|| refuse(SCALE))?;
                let window = self.window(op, window)?;
                Op::AveragePool(AveragePool { input, output, window, count_padding: *count_padding, multiplier, shift })
            }
            Kind::Copy { from, to, extent } => {
                let narrow = |values: &[usize; 3]| values.map(|value| value as u32);
                Op::Copy(BlockCopy { input, output, from: narrow(from), to: narrow(to), extent: narrow(extent) })
            }
            Kind::Recurrent { numbers, state, carried } => {
                let bytes = |weights: &[i8]| weights.iter().map(|weight| weight.cast_unsigned()).collect();
                let weights = self.place(bytes(&numbers.weights), op)?;
                let rows = self.place(bytemuck::cast_slice(&numbers.rows).to_vec(), op)?;
                let curves = self.place(bytemuck::cast_slice(&curves().concat()).to_vec(), op)?;
                let too_large = |_| refuse("its tensors are too large");
                Op::Recurrent(Recurrent {
                    kind: numbers.kind,
                    input,
                    output,
                    state: u32::try_from(self.arena.offsets[*state]).map_err(too_large)?,
                    carried: carried.is_some(),
                    skipped: u32::try_from(carried.unwrap_or(0)).map_err(too_large)?,
                    weights,
                    rows,
                    curves,
                    cell_bits: numbers.cell_bits,
                    scale: numbers.scale,
                })
            }
            Kind::RunningMean { state, rows, ratio } => {
                let ([multiplier], shift) = fixed_point([*ratio], MAX_MEAN_SHIFT).ok_or_else(|| refuse(SCALE))?;
                let too_large = |_| refuse("its tensors are too large");
                let state = u32::try_from(self.arena.offsets[*state]).map_err(too_large)?;
                let rows = u32::try_from(*rows).map_err(too_large)?;
                Op::RunningMean(RunningMean { input, output, state, rows, multiplier, shift })
            }
        })
    }

    fn tensor(&self, op: &ir::Op, place: &Place) -> Result<Tensor, Error> {
        let [height, width, channels] = place.shape;
        let start = self.arena.offsets[place.tensor] + self.graph.byte_offset(place);
        let too_large = |_| refused(op, "its tensors are too large");
        let channels = u32::try_from(channels).map_err(too_large)?;
        if channels >= 1 << 23 {
            return Err(refused(op, "its tensors are too large"));
        }
        Ok(Tensor {
            offset: u32::try_from(start).map_err(too_large)?,
            height: u16::try_from(height).map_err(too_large)?,
            width: u16::try_from(width).map_err(too_large)?,
            channels,
            zero_point: place.zero_point,
            element: self.graph.element(place.tensor),
        })
    }

    fn window(&self, op: &ir::Op, window: &ir::Window) -> Result<Window, Error> {
        let narrow = |[height, width]: [usize; 2]| match (u16::try_from(height), u16::try_from(width)) {
            (Ok(height), Ok(width)) => Ok([height, width]),
            _ => Err(refused(op, "its window is too large")),
        };
        Ok(Window {
            kernel: narrow(window.kernel)?,
            stride: narrow(window.stride)?,
            dilation: narrow(window.dilation)?,
            pad: narrow(window.pad)?,
        })
    }

    fn place(&mut self, piece: Vec<u8>, op: &ir::Op) -> Result<u32, Error> {
        let place = self.data_start + self.data.add(piece);
        u32::try_from(place).map_err(|_| refused(op, "the model is larger than 4 GiB"))
    }

    fn convolution(&mut self, op: &ir::Op, filter: &Filter, input: Tensor, output: Tensor) -> Result<Op, Error> {
        let groups = u32::try_from(filter.groups).map_err(|_| refused(op, "it has too many groups"))?;
        let depthwise = groups > 1 && groups == input.channels && groups == output.channels;
        let window = self.window(op, &filter.window)?;
        let mut planned = Convolution { input, output, window, groups, clamp: op.clamp, weights: 0, requantisation: 0 };
        let weights = if depthwise { depthwise_weights(&planned, filter) } else { tiled_weights(&planned, filter) };
        planned.weights = self.place(weights, op)?;
        let requantisation = requantisation(&planned, filter, depthwise).ok_or_else(|| {
            refused(
                op,
                "a product of input and weight scale is not below its output scale: calibrate with a wider \
                 output range",
            )
        })?;
        planned.requantisation = self.place(requantisation, op)?;
        Ok(if depthwise { Op::Depthwise(planned) } else { Op::Convolution(planned) })
    }
}

const SCALE: &str = "its scales differ by too much";

fn refused(op: &ir::Op, why: &str) -> Error {
    let shapes = op.inputs.iter().map(|place| format!("{:?}", place.shape));
    Error::UnsupportedOperator {
        node: printable(&op.node),
        operator: operator(&op.kind).to_owned(),
        shape: shapes.collect::<Vec<_>>().join(" and "),
        why: why.to_owned(),
        supported: super::screen::SUPPORTED,
    }
}

fn operator(kind: &Kind) -> &'static str {
    match kind {
        Kind::Convolution(_) => "convolution",
        Kind::Lookup(_) | Kind::Int16Lookup(_) => "lookup table",
        Kind::Add(_) => "Add",
        Kind::Multiply(_) => "Mul",
        Kind::MaxPool(_) => "MaxPool",
        Kind::AveragePool { .. } | Kind::RunningMean { .. } => "AveragePool",
        Kind::Copy { .. } => "Concat or Slice",
        Kind::Recurrent { numbers, .. } => numbers.kind.name(),
    }
}

/// Weights in blocks of channels: see [`layout`].
fn tiled_weights(op: &Convolution, filter: &Filter) -> Vec<u8> {
    let (depth, padded) = (layout::depth(op) as usize, layout::padded_group(op) as usize);
    let channels = (op.output.channels / op.groups) as usize;
    let row = filter.weights.len() / op.output.channels as usize;
    let mut packed = vec![0; layout::weights_length(op, false) as usize];
    for (output, weights) in filter.weights.chunks_exact(row).enumerate() {
        let group = (output / channels) * padded * depth;
        for (index, weight) in weights.iter().enumerate() {
            let channel = output % channels;
            packed[group + layout::weight_index(channel, index, depth)] = layout::pack_weight(channel, *weight);
        }
    }
    packed
}

/// Weights tap after tap: see [`layout`].
fn depthwise_weights(op: &Convolution, filter: &Filter) -> Vec<u8> {
    let (taps, row) = (op.window.taps(), layout::depthwise_row(op.input.channels) as usize);
    let mut packed = vec![0; layout::weights_length(op, true) as usize];
    for (channel, weights) in filter.weights.chunks_exact(taps).enumerate() {
        for (tap, weight) in weights.iter().enumerate() {
            packed[tap * row + channel] = weight.cast_unsigned();
        }
    }
    packed
}

/// Biases and packed scales, padded to whole blocks; `None` if a scale is out of range.
fn requantisation(op: &Convolution, filter: &Filter, depthwise: bool) -> Option<Vec<u8>> {
    let count = layout::requantised_channels(op, depthwise) as usize;
    let channels = (op.output.channels / op.groups) as usize;
    let padded = if depthwise { 1 } else { layout::padded_group(op) as usize };
    let place = |output: usize| (output / channels) * padded + output % channels;
    // Channels that only pad a block: any valid scale.
    let mut biases = vec![0i32; count];
    let mut scales = vec![layout::pack_scale(0.5)?; count];
    let pack = match op.output.element {
        Element::Int8 => layout::pack_scale,
        Element::Int16 => layout::pack_scale_int16,
    };
    for (output, (&bias, &scale)) in filter.biases.iter().zip(&filter.scales).enumerate() {
        biases[place(output)] = bias;
        scales[place(output)] = pack(f64::from(scale))?;
    }
    let biases = biases.into_iter().flat_map(i32::to_le_bytes);
    Some(biases.chain(scales.into_iter().flat_map(u32::to_le_bytes)).collect())
}
