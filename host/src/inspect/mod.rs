//! What is in an artifact: as numbers, as a table for people, as a picture, and beside another one.

mod compare;
mod draw;
mod facts;
mod memory;
mod text;

use std::collections::HashSet;

use earmark_core::engine::layout;
use earmark_core::engine::recurrent::{CURVES, Row};
use earmark_core::frontend::Arithmetic;
use earmark_core::model::checksum::xxh32;
use earmark_core::model::{Model, Op, Tensor};
use serde::Serialize;
use serde_json::Value;

pub use compare::{Change, Comparison, Difference, LayerChange};
pub use draw::draw;
pub use memory::{Life, Timeline};

/// One operator of the plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// What it computes.
    pub operator: &'static str,
    /// The ONNX node that it comes from; empty if the artifact does not say.
    pub node: String,
    /// Bits of the values of its first input and of its output: 8 or 16.
    pub bits: [usize; 2],
    /// Height (time), width (frequency) and channels of its first input.
    pub input: [usize; 3],
    /// The same of its output.
    pub output: [usize; 3],
    /// Kernel, stride, dilation and groups, in words.
    pub details: String,
    /// Multiplications of one evaluation.
    pub macs: u64,
    /// Bytes of weights, biases, scales and tables that no operator before it uses.
    pub flash: usize,
    /// Bytes of its inputs, output and scratch memory.
    pub ram: usize,
    /// XXH32 of its weights, biases and scales or its table, to tell it from another; 0 if it has none.
    pub contents: u32,
}

/// An artifact, taken apart.
#[derive(Debug)]
pub struct Inspection<'m> {
    model: Model<'m>,
    /// The operators, in the order in which they run.
    pub steps: Vec<Step>,
    /// What the compiler noted: JSON.
    pub provenance: Value,
}

impl<'m> Inspection<'m> {
    /// The model.
    #[must_use]
    pub const fn model(&self) -> &Model<'m> {
        &self.model
    }

    /// Looks into a model.
    #[must_use]
    pub fn new(model: Model<'m>) -> Self {
        let provenance: Value = serde_json::from_str(model.provenance()).unwrap_or_default();
        let node = |index: usize| provenance["nodes"][index].as_str().unwrap_or_default().to_owned();
        let mut pieces = HashSet::new();
        let steps = model.plan().enumerate().map(|(index, op)| step(&model, &op, node(index), &mut pieces)).collect();
        Self { model, steps, provenance }
    }

    /// Multiplications of one evaluation.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.steps.iter().map(|step| step.macs).sum()
    }

    /// Multiplications of one step of a stream; of a whole window if the network can't stream.
    #[must_use]
    pub fn macs_a_step(&self) -> u64 {
        match self.model.streaming() {
            Some(plan) => plan.ops().map(|op| op.multiply_accumulates()).sum(),
            None => self.macs(),
        }
    }

    /// Multiplications a second of audio that is listened to.
    #[must_use]
    pub fn macs_a_second(&self) -> f64 {
        self.macs_a_step() as f64 * f64::from(self.model.sample_rate()) / self.model.step_samples() as f64
    }

    /// Whether a stream remembers all since its last reset.
    #[must_use]
    pub fn carries_state(&self) -> bool {
        let is_carried = |op: Op| matches!(op, Op::Recurrent(layer) if layer.carried);
        self.model.streaming().is_some_and(|plan| plan.ops().any(is_carried))
    }

    /// Bytes of weights, biases, scales and tables of all operators.
    #[must_use]
    pub fn network_flash(&self) -> usize {
        self.steps.iter().map(|step| step.flash).sum()
    }

    /// Bytes of the front end's tables.
    #[must_use]
    pub fn front_end_flash(&self) -> usize {
        let spec = self.model.front_end();
        let floats = [spec.window, spec.mel_weights, spec.dct, spec.offset, spec.scale];
        let integers = match &spec.arithmetic {
            Arithmetic::Float => 0,
            Arithmetic::Fixed(tables) => {
                size_of_val(tables.window) + size_of_val(tables.mel_weights) + size_of_val(tables.quantisers)
            }
        };
        floats.iter().map(|table| size_of_val(*table)).sum::<usize>() + size_of_val(spec.mel_bands) + integers
    }
}

fn step(model: &Model<'_>, op: &Op, node: String, pieces: &mut HashSet<u32>) -> Step {
    let (first, second) = op.inputs();
    let (mut flash, mut contents) = (0, 0);
    let mut piece = |offset: u32, length: u64| {
        flash += if pieces.insert(offset) { length as usize } else { 0 };
        let (start, end) = (offset as usize, offset as usize + length as usize);
        contents ^= model.bytes().get(..end).map_or(0, |bytes| xxh32(bytes, start));
    };
    let mut state = 0;
    let details = match op {
        Op::Convolution(op) | Op::Depthwise(op) => {
            let depthwise = op.groups > 1 && op.groups == op.input.channels && op.groups == op.output.channels;
            piece(op.weights, layout::weights_length(op, depthwise));
            piece(op.requantisation, 8 * layout::requantised_channels(op, depthwise));
            let groups = if op.groups > 1 && !depthwise { format!(", {} groups", op.groups) } else { String::new() };
            window(&op.window) + &groups
        }
        Op::Lookup(op) => {
            piece(op.table, op.table_length());
            String::new()
        }
        Op::Recurrent(op) => {
            piece(op.weights, op.weights_length());
            piece(op.rows, op.weight_rows() * size_of::<Row>() as u64);
            piece(op.curves, CURVES as u64);
            state = op.state_length();
            if op.carried { "state carried".to_owned() } else { "state empty at first".to_owned() }
        }
        Op::MaxPool(op) => window(&op.window),
        Op::AveragePool(op) => window(&op.window),
        _ => String::new(),
    };
    let tensors: HashSet<_> = [Some(first), second, Some(op.output())]
        .into_iter()
        .flatten()
        .map(|tensor| (tensor.offset, tensor.byte_length()))
        .collect();
    let ram = tensors.iter().map(|(_, length)| *length).sum::<u64>() + layout::scratch_length(op) + state;
    Step {
        operator: op.name(),
        node,
        bits: [first, op.output()].map(|tensor| 8 * tensor.element.bytes()),
        input: shape(&first),
        output: shape(&op.output()),
        details,
        macs: op.multiply_accumulates(),
        flash,
        ram: ram as usize,
        contents,
    }
}

/// A shape in words, with the bits of its values if they are 16.
fn in_words([height, width, channels]: [usize; 3], bits: usize) -> String {
    format!("{height}×{width}×{channels}{}", if bits == 16 { " int16" } else { "" })
}

fn shape(tensor: &Tensor) -> [usize; 3] {
    [usize::from(tensor.height), usize::from(tensor.width), tensor.channels as usize]
}

fn window(window: &earmark_core::model::Window) -> String {
    let pair = |[height, width]: [u16; 2]| format!("{height}×{width}");
    let mut text = pair(window.kernel);
    if window.stride != [1, 1] {
        text += &format!(", stride {}", pair(window.stride));
    }
    if window.dilation != [1, 1] {
        text += &format!(", dilation {}", pair(window.dilation));
    }
    if window.pad != [0, 0] {
        text += &format!(", padding {}", pair(window.pad));
    }
    text
}
