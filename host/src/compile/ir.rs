//! The quantised network between ONNX and the artifact: operators over int8 and int16 tensors that have a size but no place yet.

use std::collections::BTreeSet;

use earmark_core::model::Element;

use std::sync::Arc;

use super::recurrent::Numbers;

/// Index of a tensor in [`Graph::tensors`].
pub type TensorId = usize;

/// How a real number is held in a byte or two: `real = (step − zero_point) · scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quant {
    /// Size of one step.
    pub scale: f32,
    /// The byte that stands for zero. Tensors of `uint8` are held 128 lower, as `int8`. Of int16 it is 0.
    pub zero_point: i8,
    /// What a step is held in.
    pub element: Element,
}

impl Quant {
    /// Steps of one byte.
    pub const fn bytes(scale: f32, zero_point: i8) -> Self {
        Self { scale, zero_point, element: Element::Int8 }
    }

    /// Steps of two bytes.
    pub const fn int16(scale: f32) -> Self {
        Self { scale, zero_point: 0, element: Element::Int16 }
    }

    /// The real number that a step stands for, as DequantizeLinear computes it.
    pub fn real(self, step: i16) -> f32 {
        (i32::from(step) - i32::from(self.zero_point)) as f32 * self.scale
    }

    /// The real numbers that a table has entries for: of each byte, or of every 128th step of int16, up to one behind the last.
    pub fn points(self) -> Vec<f32> {
        let steps: Vec<i32> = match self.element {
            Element::Int8 => (-128..128).collect(),
            Element::Int16 => (-256..=256).map(|index| 128 * index).collect(),
        };
        steps.into_iter().map(|step| (step - i32::from(self.zero_point)) as f32 * self.scale).collect()
    }

    /// The step nearest to a real number, as QuantizeLinear computes it.
    pub fn step(self, real: f32) -> i16 {
        let [low, high] = match self.element {
            Element::Int8 => [i8::MIN.into(), i8::MAX.into()],
            Element::Int16 => [i32::from(i16::MIN), i32::from(i16::MAX)],
        };
        // What is no number becomes 0, and what is beyond 32 bits is at their end.
        let steps = (real / self.scale).round_ties_even() as i32;
        steps.saturating_add(self.zero_point.into()).clamp(low, high) as i16
    }
}

/// A tensor, or a part of one, as an operator sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// The tensor.
    pub tensor: TensorId,
    /// First value within the tensor.
    pub offset: usize,
    /// Height (time), width (frequency) and channels.
    pub shape: [usize; 3],
    /// The byte that stands for zero.
    pub zero_point: i8,
}

impl Place {
    /// Number of values.
    pub fn length(&self) -> usize {
        self.shape.iter().product()
    }
}

/// A sliding window over height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Height and width.
    pub kernel: [usize; 2],
    /// Steps between outputs.
    pub stride: [usize; 2],
    /// Steps between taps.
    pub dilation: [usize; 2],
    /// Padding before the first row and column.
    pub pad: [usize; 2],
}

impl Window {
    /// A window of one position.
    pub const POINT: Self = Self { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pad: [0, 0] };
}

/// The numbers of a convolution or fully connected layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// How it slides.
    pub window: Window,
    /// Groups of channels.
    pub groups: usize,
    /// `output channels × kernel height × kernel width × input channels of a group`, the last index fastest.
    pub weights: Vec<i8>,
    /// One an output channel, with `−input zero point · Σ weights` added.
    pub biases: Vec<i32>,
    /// One an output channel: input scale · weight scale / output scale.
    pub scales: Vec<f32>,
}

/// What an operator computes.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Convolution or fully connected layer.
    Convolution(Filter),
    /// Every byte is replaced: the entry for byte `b` is at `b + 128`.
    Lookup(Box<[i8; 256]>),
    /// The same where the input or the output is int16: see [`Lookup`](earmark_core::model::Lookup).
    Int16Lookup(Vec<i16>),
    /// Sum of two tensors, each scaled by input scale / output scale (negated to subtract).
    Add([f32; 2]),
    /// Product of two tensors, scaled by the product of the input scales / output scale.
    Multiply(f32),
    /// The greatest value under a window.
    MaxPool(Window),
    /// The mean under a window, scaled by input scale / output scale.
    AveragePool {
        /// How it slides.
        window: Window,
        /// Whether padding counts in the divisor.
        count_padding: bool,
        /// Input scale / output scale.
        ratio: f32,
    },
    /// Copy of a block of `extent` from position `from` of the input to `to` of the output.
    Copy {
        /// First row, column and channel read.
        from: [usize; 3],
        /// First row, column and channel written.
        to: [usize; 3],
        /// Rows, columns and channels.
        extent: [usize; 3],
    },
    /// GRU or LSTM over the rows.
    Recurrent {
        /// Its numbers, the weights of the inputs in the order in which these lie in memory.
        numbers: Arc<Numbers>,
        /// The tensor that holds what it remembers.
        state: TensorId,
        /// In a stream that remembers since its last reset: the rows after it that are left out.
        carried: Option<usize>,
    },
    /// In a stream: the mean over the latest rows, scaled by input scale / output scale.
    RunningMean {
        /// The tensor that holds what it remembers.
        state: TensorId,
        /// Rows that the mean is taken of.
        rows: usize,
        /// Input scale / output scale.
        ratio: f32,
    },
}

impl Kind {
    /// Whether the operator can clamp its output at no cost.
    pub const fn can_clamp(&self) -> bool {
        matches!(self, Self::Convolution(_) | Self::Add(_) | Self::Multiply(_))
    }

    /// The tensor that holds what the operator remembers.
    pub const fn state(&self) -> Option<TensorId> {
        match self {
            Self::Recurrent { state, .. } | Self::RunningMean { state, .. } => Some(*state),
            _ => None,
        }
    }

    /// Whether the output may take an input's place: each value depends only on the values at its own position.
    pub const fn works_in_place(&self) -> bool {
        matches!(self, Self::Lookup(_) | Self::Int16Lookup(_) | Self::Add(_) | Self::Multiply(_))
    }
}

/// One step of the network.
#[derive(Debug, Clone, PartialEq)]
pub struct Op {
    /// The ONNX node that it comes from.
    pub node: String,
    /// What it computes.
    pub kind: Kind,
    /// What it reads: one place, or two for sums and products.
    pub inputs: Vec<Place>,
    /// What it writes.
    pub output: Place,
    /// Least and greatest output, of int16 its upper byte; only where [`Kind::can_clamp`].
    pub clamp: [i8; 2],
}

/// The whole network.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// Values of each tensor. Tensor 0 holds the features.
    pub tensors: Vec<usize>,
    /// The tensors that are int16; all others are int8.
    pub int16: BTreeSet<TensorId>,
    /// The steps in the order in which they run.
    pub ops: Vec<Op>,
    /// Frames of features that a window has.
    pub frames: usize,
    /// Features of a frame.
    pub features: usize,
    /// Tensors that keep their place from one run to the next; the features are one of them.
    pub lasting: Vec<TensorId>,
    /// How the features are quantised.
    pub input: Quant,
    /// The logits, one after another.
    pub output: Place,
    /// How the logits are quantised.
    pub output_quant: Quant,
}

impl Graph {
    /// The tensor of the features.
    pub const FEATURES: TensorId = 0;

    /// What the values of a tensor are held in.
    pub fn element(&self, tensor: TensorId) -> Element {
        if self.int16.contains(&tensor) { Element::Int16 } else { Element::Int8 }
    }

    /// Bytes of a tensor's values.
    pub fn bytes(&self, tensor: TensorId) -> usize {
        self.tensors[tensor] * self.element(tensor).bytes()
    }

    /// The first byte of a place within its tensor.
    pub fn byte_offset(&self, place: &Place) -> usize {
        place.offset * self.element(place.tensor).bytes()
    }

    /// Adds a tensor of so many values.
    pub fn add_tensor(&mut self, length: usize, element: Element) -> TensorId {
        let tensor = self.tensors.len();
        self.tensors.push(length);
        if element == Element::Int16 {
            self.int16.insert(tensor);
        }
        tensor
    }

    /// Number of operators, and the output, that read a tensor or part of it.
    pub fn readers(&self, tensor: TensorId) -> usize {
        let reads = self.ops.iter().flat_map(|op| &op.inputs).filter(|place| place.tensor == tensor).count();
        reads + usize::from(self.output.tensor == tensor)
    }
}
