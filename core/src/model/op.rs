//! The operators of a plan.

/// What the values of a tensor are held in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Element {
    /// A byte, with any zero point.
    #[default]
    Int8,
    /// Two bytes, the lower first, at any address; the zero point is 0.
    #[cfg(feature = "int16")]
    Int16,
}

impl Element {
    /// Whether this build has int16: the feature `int16`.
    pub const HAS_INT16: bool = cfg!(feature = "int16");

    /// Int16 if it is to be that and this build has it, else int8. A build without has nothing to tell apart, and so no code for it.
    #[must_use]
    pub const fn int16_if(_wanted: bool) -> Self {
        #[cfg(feature = "int16")]
        if _wanted {
            return Self::Int16;
        }
        Self::Int8
    }

    /// Bytes of a value: 1 or 2.
    #[must_use]
    pub const fn bytes(self) -> usize {
        if self.is_int16() { 2 } else { 1 }
    }

    /// Whether it is int16.
    #[must_use]
    pub const fn is_int16(self) -> bool {
        !matches!(self, Self::Int8)
    }
}

/// A tensor in the arena: height (time) × width (frequency) × channels, channels last, without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tensor {
    /// First byte in the arena.
    pub offset: u32,
    /// Extent along time; 1..=65535.
    pub height: u16,
    /// Extent along frequency; 1..=65535.
    pub width: u16,
    /// Channels; 1..2^23.
    pub channels: u32,
    /// The quantised value that stands for zero.
    pub zero_point: i8,
    /// What its values are held in.
    pub element: Element,
}

impl Tensor {
    /// Number of values.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.height as u64 * self.width as u64 * self.channels as u64
    }

    /// Number of bytes.
    #[must_use]
    pub const fn byte_length(&self) -> u64 {
        self.length() * self.element.bytes() as u64
    }

    /// Number of positions (height × width).
    #[must_use]
    pub const fn positions(&self) -> u64 {
        self.height as u64 * self.width as u64
    }

    /// The bytes of the arena that it occupies. Only for tensors of a checked plan: their ends fit a `usize`.
    #[must_use]
    pub const fn range(&self) -> core::ops::Range<usize> {
        self.offset as usize..self.offset as usize + self.byte_length() as usize
    }
}

/// A sliding window over height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Kernel height and width.
    pub kernel: [u16; 2],
    /// Step between two outputs along height and width.
    pub stride: [u16; 2],
    /// Step between two taps along height and width.
    pub dilation: [u16; 2],
    /// Padding before the first row and before the first column. What is needed behind the last follows from the shapes.
    pub pad: [u16; 2],
}

impl Window {
    /// Number of taps.
    #[must_use]
    pub const fn taps(&self) -> usize {
        self.kernel[0] as usize * self.kernel[1] as usize
    }

    /// Rows (axis 0) or columns (axis 1) from the first tap to the last, both included.
    #[must_use]
    pub const fn extent(&self, axis: usize) -> u32 {
        (self.kernel[axis] as u32 - 1) * self.dilation[axis] as u32 + 1
    }
}

/// A convolution; with a 1×1 kernel over a 1×1 tensor a fully connected layer.
///
/// `output = clamp(round((bias + Σ weight · input) · scale) + output zero point)`, per output channel, with the input's zero
/// point already subtracted in the bias: `bias = original bias − input zero point · Σ weight`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convolution {
    /// Where it reads. Padding has the input's zero point as its value.
    pub input: Tensor,
    /// Where it writes.
    pub output: Tensor,
    /// How the kernel slides.
    pub window: Window,
    /// Groups of channels. In a [`Op::Depthwise`] it equals the channels.
    pub groups: u32,
    /// Least and greatest output, or of int16 its upper byte: the fused activation.
    pub clamp: [i8; 2],
    /// File offset of the weights, laid out as [`layout`](crate::engine::layout) says.
    pub weights: u32,
    /// File offset of the biases and, behind them, the packed scales: see [`layout`](crate::engine::layout).
    pub requantisation: u32,
}

impl Convolution {
    /// Input channels of one group; 0 without groups, which no checked plan has.
    #[must_use]
    pub const fn group_inputs(&self) -> u32 {
        match self.input.channels.checked_div(self.groups) {
            Some(channels) => channels,
            None => 0,
        }
    }

    /// Output channels of one group; 0 without groups, which no checked plan has.
    #[must_use]
    pub const fn group_outputs(&self) -> u32 {
        match self.output.channels.checked_div(self.groups) {
            Some(channels) => channels,
            None => 0,
        }
    }
}

/// `output = clamp(round(((a − a₀)·multiplier[0] + (b − b₀)·multiplier[1]) / 2^shift) + output zero point)`, ties to even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addition {
    /// The two terms. An extent of 1 in either is repeated to the output's.
    pub inputs: [Tensor; 2],
    /// Where it writes.
    pub output: Tensor,
    /// Fixed-point factors of the two terms; negative to subtract.
    pub multipliers: [i32; 2],
    /// Binary places of the factors; 0..=62.
    pub shift: u8,
    /// Least and greatest output, or of int16 its upper byte: the fused activation.
    pub clamp: [i8; 2],
}

/// `output = clamp(round((a − a₀)·(b − b₀)·multiplier / 2^shift) + output zero point)`, ties to even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Multiplication {
    /// The two factors. An extent of 1 in either is repeated to the output's.
    pub inputs: [Tensor; 2],
    /// Where it writes.
    pub output: Tensor,
    /// Fixed-point factor.
    pub multiplier: i32,
    /// Binary places of the factor; 0..=62.
    pub shift: u8,
    /// Least and greatest output, or of int16 its upper byte: the fused activation.
    pub clamp: [i8; 2],
}

/// The greatest value under the window, padding left out. Input and output share scale and zero point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool {
    /// Where it reads.
    pub input: Tensor,
    /// Where it writes.
    pub output: Tensor,
    /// How the window slides.
    pub window: Window,
}

/// `output = round(Σ (input − input zero point) · multiplier / (count · 2^shift)) + output zero point`, ties to even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AveragePool {
    /// Where it reads.
    pub input: Tensor,
    /// Where it writes.
    pub output: Tensor,
    /// How the window slides; at most 65536 taps.
    pub window: Window,
    /// Whether padding counts in the divisor.
    pub count_padding: bool,
    /// Fixed-point ratio of the input's scale to the output's.
    pub multiplier: i32,
    /// Binary places of the ratio; 0..=40.
    pub shift: u8,
}

/// Copies a block of one tensor into another: concatenation, and slices along other axes than time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockCopy {
    /// Where it reads.
    pub input: Tensor,
    /// Where it writes; values outside the block stay as they are.
    pub output: Tensor,
    /// First row, column and channel read.
    pub from: [u32; 3],
    /// First row, column and channel written.
    pub to: [u32; 3],
    /// Rows, columns and channels copied.
    pub extent: [u32; 3],
}

/// Replaces each value by its entry in a table: any function of one variable, or a change of scale.
///
/// From int8 to int8 the table has 256 bytes. Otherwise its entries are `i16`. Of an int16 input there is one for every 128th value from
/// −32768 to 32768, and what lies between two of them is on the straight line between them, rounded to the nearest, upwards in the middle.
/// An int8 output is 1/256 of what the table gives, rounded likewise and saturated; its zero point is part of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookup {
    /// Where it reads.
    pub input: Tensor,
    /// Where it writes; may be the input's place.
    pub output: Tensor,
    /// File offset of the table: the entry for an int8 `v` is the one at `v + 128`, that for an int16 at `(v + 32768) / 128`.
    pub table: u32,
}

impl Lookup {
    /// Bytes of the table.
    #[must_use]
    pub const fn table_length(&self) -> u64 {
        match (self.input.element.is_int16(), self.output.element.is_int16()) {
            (false, false) => 256,
            (false, true) => 512,
            (true, _) => 2 * crate::engine::layout::INT16_ENTRIES as u64,
        }
    }
}

/// The mean over the latest `rows` rows of a stream, of which a step brings those of `input`; only in streaming plans.
///
/// `output = round(Σ (input − input zero point) · multiplier / (rows · width · 2^shift)) + output zero point`, ties to even: what an
/// [`AveragePool`] over the window's whole height and width gives. The sums are kept, so that a step costs the new rows and the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningMean {
    /// The new rows.
    pub input: Tensor,
    /// Where it writes: one position.
    pub output: Tensor,
    /// First byte in the arena of what it remembers: the rows, as a ring; the place of the oldest, and a sum a channel, as `i32`.
    pub state: u32,
    /// Rows that the mean is taken of.
    pub rows: u32,
    /// Fixed-point ratio of the input's scale to the output's.
    pub multiplier: i32,
    /// Binary places of the ratio; 0..=40.
    pub shift: u8,
}

impl RunningMean {
    /// Bytes of what it remembers.
    #[must_use]
    pub const fn state_length(&self) -> u64 {
        let row = self.input.width as u64 * self.input.channels as u64 * self.input.element.bytes() as u64;
        self.rows as u64 * row + 4 + 4 * self.input.channels as u64
    }

    /// The bytes of the arena where it remembers. Only for an operator of a checked plan: its end fits a `usize`.
    #[must_use]
    pub const fn state_range(&self) -> core::ops::Range<usize> {
        self.state as usize..self.state as usize + self.state_length() as usize
    }
}

/// What a [`Recurrent`] operator computes in each step.
#[cfg(feature = "recurrent")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecurrentKind {
    /// A gated recurrent unit whose reset gate scales the product of the former output (ONNX: `linear_before_reset`).
    Gru,
    /// Long short-term memory, without peepholes.
    Lstm,
}

#[cfg(feature = "recurrent")]
impl RecurrentKind {
    /// Sums of products for each unit, in the order in which they stand in the file: update, reset and candidate of a GRU; input, output
    /// and forget gate and candidate of an LSTM. It is the order of ONNX.
    #[must_use]
    pub const fn gates(self) -> usize {
        match self {
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gru => "GRU",
            Self::Lstm => "LSTM",
        }
    }
}

/// A recurrent layer: it goes over the rows of its input, oldest first, and remembers. How it computes says
/// [`recurrent`](crate::engine::recurrent).
#[cfg(feature = "recurrent")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recurrent {
    /// What each step computes.
    pub kind: RecurrentKind,
    /// Where it reads: each row is one step's input.
    pub input: Tensor,
    /// Where it writes, a channel a unit, with a zero point of 0: as many rows as the input has, or one, that of the last step.
    pub output: Tensor,
    /// First byte in the arena of what it remembers: see [`state_length`](Self::state_length).
    pub state: u32,
    /// Whether what it remembers outlives a run, which only a streaming plan's may; else each run begins with nothing.
    pub carried: bool,
    /// With a carried state the rows after a reset that are left out, because they lie before what was heard since.
    pub skipped: u32,
    /// File offset of the weights: see [`recurrent`](crate::engine::recurrent).
    pub weights: u32,
    /// File offset of the [rows' numbers](crate::engine::recurrent::Row).
    pub rows: u32,
    /// File offset of the sigmoid's table and, behind it, the hyperbolic tangent's.
    pub curves: u32,
    /// Fractional bits of an LSTM's cells; 0..=15.
    pub cell_bits: u8,
    /// Packed factor from what it computes, in steps of 2⁻¹⁵, to the output's bytes.
    pub scale: u32,
}

#[cfg(feature = "recurrent")]
impl Recurrent {
    /// Values of one step's input.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        self.input.width as usize * self.input.channels as usize
    }

    /// Number of units.
    #[must_use]
    pub const fn units(&self) -> usize {
        self.output.channels as usize
    }

    /// Bytes of what it remembers: a cell of 16 bits and an output of 8 a unit and, if that is carried, how many rows were left out.
    #[must_use]
    pub const fn state_length(&self) -> u64 {
        3 * self.output.channels as u64 + if self.carried { 4 } else { 0 }
    }

    /// The bytes of the arena where it remembers. Only for an operator of a checked plan: its end fits a `usize`.
    #[must_use]
    pub const fn state_range(&self) -> core::ops::Range<usize> {
        self.state as usize..self.state as usize + self.state_length() as usize
    }

    /// Number of its rows of weights.
    #[must_use]
    pub const fn weight_rows(&self) -> u64 {
        self.kind.gates() as u64 * self.output.channels as u64
    }

    /// Bytes of its weights.
    #[must_use]
    pub const fn weights_length(&self) -> u64 {
        self.weight_rows() * (self.input.width as u64 * self.input.channels as u64 + self.output.channels as u64)
    }
}

/// One step of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Op {
    /// Convolution or fully connected layer.
    Convolution(Convolution),
    /// Convolution of each channel with its own kernel.
    Depthwise(Convolution),
    /// Table lookup.
    Lookup(Lookup),
    /// Sum or difference of two tensors.
    Add(Addition),
    /// Product of two tensors.
    Multiply(Multiplication),
    /// Greatest value under a window.
    MaxPool(MaxPool),
    /// Mean under a window.
    AveragePool(AveragePool),
    /// Copy of a block.
    Copy(BlockCopy),
    /// Mean over the latest rows of a stream.
    RunningMean(RunningMean),
    /// GRU or LSTM.
    #[cfg(feature = "recurrent")]
    Recurrent(Recurrent),
}

impl Op {
    /// What people call it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Convolution(_) => "convolution",
            Self::Depthwise(_) => "depthwise convolution",
            Self::Lookup(_) => "lookup",
            Self::Add(_) => "add",
            Self::Multiply(_) => "multiply",
            Self::MaxPool(_) => "max pool",
            Self::AveragePool(_) => "average pool",
            Self::Copy(_) => "copy",
            Self::RunningMean(_) => "running mean",
            #[cfg(feature = "recurrent")]
            Self::Recurrent(op) => op.kind.name(),
        }
    }

    /// The tensor it writes.
    #[must_use]
    pub const fn output(&self) -> Tensor {
        match self {
            Self::Convolution(op) | Self::Depthwise(op) => op.output,
            Self::Lookup(op) => op.output,
            Self::Add(op) => op.output,
            Self::Multiply(op) => op.output,
            Self::MaxPool(op) => op.output,
            Self::AveragePool(op) => op.output,
            Self::Copy(op) => op.output,
            Self::RunningMean(op) => op.output,
            #[cfg(feature = "recurrent")]
            Self::Recurrent(op) => op.output,
        }
    }

    /// The tensors it reads; the second only for operators with two.
    #[must_use]
    pub const fn inputs(&self) -> (Tensor, Option<Tensor>) {
        match self {
            Self::Convolution(op) | Self::Depthwise(op) => (op.input, None),
            Self::Lookup(op) => (op.input, None),
            Self::Add(op) => (op.inputs[0], Some(op.inputs[1])),
            Self::Multiply(op) => (op.inputs[0], Some(op.inputs[1])),
            Self::MaxPool(op) => (op.input, None),
            Self::AveragePool(op) => (op.input, None),
            Self::Copy(op) => (op.input, None),
            Self::RunningMean(op) => (op.input, None),
            #[cfg(feature = "recurrent")]
            Self::Recurrent(op) => (op.input, None),
        }
    }

    /// Whether a tensor of it is int16.
    #[must_use]
    pub const fn has_int16(&self) -> bool {
        let (first, second) = self.inputs();
        let second_is = match second {
            Some(second) => second.element.is_int16(),
            None => false,
        };
        second_is || first.element.is_int16() || self.output().element.is_int16()
    }

    /// Multiplications of weights or factors that one evaluation takes; 0 for operators without any.
    #[must_use]
    pub const fn multiply_accumulates(&self) -> u64 {
        match self {
            Self::Convolution(op) | Self::Depthwise(op) => {
                op.output.length() * op.window.taps() as u64 * op.group_inputs() as u64
            }
            Self::Multiply(op) => op.output.length(),
            #[cfg(feature = "recurrent")]
            Self::Recurrent(op) => op.input.height as u64 * op.weights_length(),
            _ => 0,
        }
    }
}
