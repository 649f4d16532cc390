//! The plan, checked: every shape, offset and number that the executor relies on.
//!
//! All of it runs in constant evaluation, so that [`include_model!`](crate::include_model) fails a build.

use super::format::{ALIGNMENT, int16, word};
use super::header::{bad_header, element, feature_count, header_word};
#[cfg(feature = "recurrent")]
use super::op::Recurrent;
use super::op::{
    Addition, AveragePool, BlockCopy, Convolution, Lookup, MaxPool, Multiplication, Op, RunningMean, Tensor, Window,
};
use super::reader::{holds, word_at};
use super::stream::Delay;
use crate::Error;
use crate::engine::layout;

/// Largest arena: offsets fit an `i32` with room to spare.
const MAX_ARENA: u64 = 1 << 30;

type Check = Result<(), &'static str>;

macro_rules! ensure {
    ($condition:expr, $what:literal) => {
        if !$condition {
            return Err($what);
        }
    };
}

/// Const functions have no `?` yet.
macro_rules! try_check {
    ($check:expr) => {
        if let Err(what) = $check {
            return Err(what);
        }
    };
}

/// Checks every operator, and that features and outputs have their place in the arena.
pub(super) const fn check_plan(bytes: &[u8]) -> Result<(), Error> {
    let arena = header_word(bytes, word::ARENA) as u64;
    let features = header_word(bytes, word::FRAMES) as u64 * frame_length(bytes);
    if arena > MAX_ARENA || arena < features {
        return bad_header(word::ARENA, "the arena does not hold the features");
    }
    let output = header_word(bytes, word::OUTPUT) as u64;
    if output + outputs_length(bytes) > arena {
        return bad_header(word::OUTPUT, "the outputs lie outside the arena");
    }
    let scratch = header_word(bytes, word::SCRATCH) as u64;
    let ops = Ops { plan: word::PLAN, length: word::PLAN_LENGTH, count: word::OP_COUNT };
    // Neighbouring windows share the features.
    check_ops(bytes, &ops, arena, scratch, features, false)
}

/// Bytes of a frame of features.
const fn frame_length(bytes: &[u8]) -> u64 {
    (feature_count(bytes) * element(bytes, int16::FEATURES).bytes()) as u64
}

/// Bytes of the outputs.
const fn outputs_length(bytes: &[u8]) -> u64 {
    header_word(bytes, word::LABEL_COUNT) as u64 * element(bytes, int16::OUTPUTS).bytes() as u64
}

/// Checks the streaming plan, if there is one: every operator, the delay lines, and that the outputs have their place in its arena.
pub(super) const fn check_stream(bytes: &[u8]) -> Result<(), Error> {
    let stride = header_word(bytes, word::STREAM_STRIDE);
    if stride == 0 {
        return Ok(());
    }
    if stride > header_word(bytes, word::FRAMES) {
        return bad_header(word::STREAM_STRIDE, "a step of the stream is longer than the window");
    }
    let arena = header_word(bytes, word::STREAM_ARENA) as u64;
    if arena > MAX_ARENA {
        return bad_header(word::STREAM_ARENA, "the streaming arena is too large");
    }
    let output = header_word(bytes, word::STREAM_OUTPUT) as u64;
    if output + outputs_length(bytes) > arena {
        return bad_header(word::STREAM_OUTPUT, "the outputs lie outside the streaming arena");
    }
    let (delays, count) = (header_word(bytes, word::DELAYS), header_word(bytes, word::DELAY_COUNT));
    if count == 0 || !holds(bytes, delays, Delay::LENGTH as u64 * count as u64, ALIGNMENT as u32) {
        return bad_header(word::DELAYS, "the delay lines' table lies outside the file");
    }
    let step = stride as u64 * frame_length(bytes);
    let mut index = 0;
    while index < count as usize {
        let delay = Delay::at(bytes, delays as usize, index);
        let fits = delay.offset as u64 + delay.length as u64 <= arena && delay.shift <= delay.length;
        let holds_features = index > 0 || (delay.shift as u64 == step && delay.length as u64 >= step);
        if !fits || !holds_features {
            return bad_header(word::DELAYS, "a delay line has no place in the streaming arena");
        }
        index += 1;
    }
    let ops = Ops { plan: word::STREAM_PLAN, length: word::STREAM_PLAN_LENGTH, count: word::STREAM_OP_COUNT };
    check_ops(bytes, &ops, arena, header_word(bytes, word::STREAM_SCRATCH) as u64, 0, true)
}

/// The header's words that say where operators stand.
struct Ops {
    plan: usize,
    length: usize,
    count: usize,
}

/// Checks operators over an arena of which none may write the first `kept` bytes.
const fn check_ops(bytes: &[u8], ops: &Ops, arena: u64, scratch: u64, kept: u64, is_stream: bool) -> Result<(), Error> {
    let plan = header_word(bytes, ops.plan);
    let length = header_word(bytes, ops.length);
    let count = header_word(bytes, ops.count);
    if count > 65_535 || scratch > MAX_ARENA || !holds(bytes, plan, length as u64, ALIGNMENT as u32) {
        return bad_header(ops.plan, "the plan lies outside the file");
    }
    let end = plan as usize + length as usize;
    let mut at = plan as usize;
    let mut index = 0;
    let mut scales = 0;
    while index < count {
        let (op, next) = match Op::decode(bytes, at) {
            Some(decoded) if decoded.1 <= end => decoded,
            _ => {
                if let Some(feature) = Op::left_out(bytes, at) {
                    return Err(Error::FeatureLeftOut { feature });
                }
                return Err(Error::BadOp {
                    index: index as u16,
                    what: "it is of no known kind or its record is cut short",
                });
            }
        };
        if let Err(what) = check_op(bytes, &op, arena, scratch) {
            return Err(Error::BadOp { index: index as u16, what });
        }
        // Operators may share their tables. Where they do so without end, checking would take the square of the file's length.
        scales += scale_count(&op);
        if scales > bytes.len() as u64 {
            return Err(Error::BadOp { index: index as u16, what: "the plan has more scales than the file has bytes" });
        }
        if (op.output().offset as u64) < kept {
            return Err(Error::BadOp { index: index as u16, what: "it writes over the features" });
        }
        if !is_stream && matches!(op, Op::RunningMean(_)) {
            return Err(Error::BadOp { index: index as u16, what: "a running mean stands outside a stream" });
        }
        #[cfg(feature = "recurrent")]
        if !is_stream && matches!(op, Op::Recurrent(Recurrent { carried: true, .. })) {
            return Err(Error::BadOp { index: index as u16, what: "a carried state stands outside a stream" });
        }
        at = next;
        index += 1;
    }
    Ok(())
}

/// The scales that [`check_op`] goes through, one by one.
const fn scale_count(op: &Op) -> u64 {
    match op {
        Op::Convolution(op) => layout::requantised_channels(op, false),
        Op::Depthwise(op) => layout::requantised_channels(op, true),
        #[cfg(feature = "recurrent")]
        Op::Recurrent(op) => op.weight_rows(),
        _ => 0,
    }
}

const fn check_op(bytes: &[u8], op: &Op, arena: u64, scratch: u64) -> Check {
    let (first, second) = op.inputs();
    try_check!(check_tensor(&first, arena));
    try_check!(check_tensor(&op.output(), arena));
    if let Some(second) = second {
        try_check!(check_tensor(&second, arena));
    }
    if op.has_int16() {
        ensure!(header_word(bytes, word::INT16) != 0, "it has an int16 tensor, and the header says that there is none");
        try_check!(check_elements(op));
    }
    try_check!(match op {
        Op::Convolution(op) => check_convolution(bytes, op, false),
        Op::Depthwise(op) => check_convolution(bytes, op, true),
        Op::Lookup(op) => check_lookup(bytes, op),
        Op::Add(op) => check_addition(op),
        Op::Multiply(op) => check_multiplication(op),
        Op::MaxPool(op) => check_max_pool(op),
        Op::AveragePool(op) => check_average_pool(op),
        Op::Copy(op) => check_copy(op),
        Op::RunningMean(op) => check_running_mean(op, arena),
        #[cfg(feature = "recurrent")]
        Op::Recurrent(op) => check_recurrent(bytes, op, arena),
    });
    ensure!(layout::scratch_length(op) <= scratch, "it takes more scratch memory than the header states");
    Ok(())
}

const fn check_tensor(tensor: &Tensor, arena: u64) -> Check {
    ensure!(tensor.length() > 0, "a tensor is empty");
    ensure!(
        tensor.length() <= arena && tensor.offset as u64 + tensor.byte_length() <= arena,
        "a tensor lies outside the arena"
    );
    Ok(())
}

/// What only operators with int16 tensors can have wrong.
const fn check_elements(op: &Op) -> Check {
    let ((first, second), output) = (op.inputs(), op.output());
    let second_has = match &second {
        Some(second) => second.element.is_int16() && second.zero_point != 0,
        None => false,
    };
    ensure!(
        !second_has
            && (!first.element.is_int16() || first.zero_point == 0)
            && (!output.element.is_int16() || output.zero_point == 0),
        "an int16 tensor has a zero point"
    );
    if matches!(op, Op::MaxPool(_) | Op::Copy(_)) {
        ensure!(first.element.is_int16() == output.element.is_int16(), "int8 becomes int16, or the other way round");
    }
    Ok(())
}

const fn disjoint(a: &Tensor, b: &Tensor) -> bool {
    a.offset as u64 + a.byte_length() <= b.offset as u64 || b.offset as u64 + b.byte_length() <= a.offset as u64
}

const fn same_shape(a: &Tensor, b: &Tensor) -> bool {
    a.height == b.height
        && a.width == b.width
        && a.channels == b.channels
        && a.element.is_int16() == b.element.is_int16()
}

const fn check_clamp(clamp: [i8; 2]) -> Check {
    ensure!(clamp[0] <= clamp[1], "its least output is above its greatest");
    Ok(())
}

/// A window whose every output reaches at least one value of the input.
const fn check_window(window: &Window, input: &Tensor, output: &Tensor) -> Check {
    let inputs = [input.height, input.width];
    let outputs = [output.height, output.width];
    let mut axis = 0;
    while axis < 2 {
        ensure!(
            window.kernel[axis] > 0 && window.stride[axis] > 0 && window.dilation[axis] > 0,
            "kernel, stride and dilation must be at least 1"
        );
        let last = (outputs[axis] as u64 - 1) * window.stride[axis] as u64;
        ensure!((window.pad[axis] as u32) < window.extent(axis), "it has more padding than kernel");
        ensure!(last < inputs[axis] as u64 + window.pad[axis] as u64, "its last output lies behind the input");
        axis += 1;
    }
    Ok(())
}

const fn check_convolution(bytes: &[u8], op: &Convolution, depthwise: bool) -> Check {
    ensure!(
        op.groups > 0 && op.input.channels.is_multiple_of(op.groups) && op.output.channels.is_multiple_of(op.groups),
        "its channels do not divide into its groups"
    );
    if depthwise {
        ensure!(
            op.groups == op.input.channels && op.groups == op.output.channels,
            "a depthwise convolution has as many groups as channels"
        );
    }
    try_check!(check_window(&op.window, &op.input, &op.output));
    try_check!(check_clamp(op.clamp));
    ensure!(disjoint(&op.input, &op.output), "input and output overlap");
    // 32768 products of two int8 keep within 2^29, far from overflow; those of an int16 and an int8 are summed in 64 bits.
    ensure!(layout::depth(op) <= 32_768, "more than 32768 inputs for one output");
    let weights = layout::weights_length(op, depthwise);
    ensure!(holds(bytes, op.weights, weights, ALIGNMENT as u32), "its weights lie outside the file");
    let channels = layout::requantised_channels(op, depthwise);
    ensure!(
        holds(bytes, op.requantisation, 8 * channels, ALIGNMENT as u32),
        "its biases and scales lie outside the file"
    );
    let least = if op.output.element.is_int16() { layout::MIN_SHIFT_INT16 } else { layout::MIN_SHIFT };
    let scales = op.requantisation as usize + 4 * channels as usize;
    let mut index = 0;
    while index < channels as usize {
        try_check!(check_scale(word_at(bytes, scales + 4 * index), least));
        index += 1;
    }
    Ok(())
}

#[inline(always)]
const fn check_scale(scale: u32, least: u32) -> Check {
    let shift = scale & layout::SHIFT_MASK;
    ensure!(shift >= least && shift <= layout::MAX_SHIFT && scale >> 31 == 0, "a scale is out of range");
    Ok(())
}

const fn check_lookup(bytes: &[u8], op: &Lookup) -> Check {
    ensure!(op.input.length() == op.output.length(), "input and output differ in size");
    let in_place = op.input.offset == op.output.offset && op.input.element.is_int16() == op.output.element.is_int16();
    ensure!(in_place || disjoint(&op.input, &op.output), "input and output overlap in part");
    ensure!(holds(bytes, op.table, op.table_length(), ALIGNMENT as u32), "its table lies outside the file");
    Ok(())
}

/// The inputs of an elementwise operator: repeated to the output's shape where their extent is 1, and in place or apart.
const fn check_elementwise(inputs: &[Tensor; 2], output: &Tensor) -> Check {
    let mut index = 0;
    while index < 2 {
        let input = &inputs[index];
        ensure!(
            (input.height == output.height || input.height == 1)
                && (input.width == output.width || input.width == 1)
                && (input.channels == output.channels || input.channels == 1),
            "an input can't be repeated to the output's shape"
        );
        ensure!(
            (input.offset == output.offset && same_shape(input, output)) || disjoint(input, output),
            "input and output overlap in part"
        );
        index += 1;
    }
    Ok(())
}

const fn check_addition(op: &Addition) -> Check {
    try_check!(check_elementwise(&op.inputs, &op.output));
    ensure!(op.shift <= 62, "its shift is above 62");
    check_clamp(op.clamp)
}

const fn check_multiplication(op: &Multiplication) -> Check {
    try_check!(check_elementwise(&op.inputs, &op.output));
    ensure!(op.shift <= 62, "its shift is above 62");
    check_clamp(op.clamp)
}

const fn check_pool(window: &Window, input: &Tensor, output: &Tensor) -> Check {
    ensure!(input.channels == output.channels, "a pool keeps the number of channels");
    ensure!(disjoint(input, output), "input and output overlap");
    ensure!(window.dilation[0] == 1 && window.dilation[1] == 1, "a pool's window has no dilation");
    ensure!(window.kernel[0] as u32 * window.kernel[1] as u32 <= 65_536, "a pool's window has more than 65536 taps");
    check_window(window, input, output)
}

const fn check_max_pool(op: &MaxPool) -> Check {
    check_pool(&op.window, &op.input, &op.output)
}

const fn check_average_pool(op: &AveragePool) -> Check {
    ensure!(op.shift <= 40, "its shift is above 40");
    check_pool(&op.window, &op.input, &op.output)
}

const fn check_copy(op: &BlockCopy) -> Check {
    ensure!(disjoint(&op.input, &op.output), "input and output overlap");
    let inputs = [op.input.height as u32, op.input.width as u32, op.input.channels];
    let outputs = [op.output.height as u32, op.output.width as u32, op.output.channels];
    let mut axis = 0;
    while axis < 3 {
        let extent = op.extent[axis] as u64;
        ensure!(
            extent > 0
                && op.from[axis] as u64 + extent <= inputs[axis] as u64
                && op.to[axis] as u64 + extent <= outputs[axis] as u64,
            "its block lies outside a tensor"
        );
        axis += 1;
    }
    Ok(())
}

const fn check_running_mean(op: &RunningMean, arena: u64) -> Check {
    let (input, output) = (&op.input, &op.output);
    ensure!(
        output.positions() == 1 && input.channels == output.channels,
        "a running mean has one position and keeps the number of channels"
    );
    ensure!(op.rows >= input.height as u32, "a running mean is of fewer rows than a step brings");
    ensure!(op.rows as u64 * input.width as u64 <= 65_536, "a running mean is of more than 65536 values");
    ensure!(op.shift <= 40, "its shift is above 40");
    check_state(input, output, op.state, op.state_length(), arena)
}

/// What an operator remembers, in the arena and apart from what it reads and writes.
#[inline(always)]
const fn check_state(input: &Tensor, output: &Tensor, start: u32, length: u64, arena: u64) -> Check {
    let (start, end) = (start as u64, start as u64 + length);
    ensure!(end <= arena, "its state lies outside the arena");
    ensure!(
        disjoint(input, output)
            && (end <= input.offset as u64 || input.offset as u64 + input.byte_length() <= start)
            && (end <= output.offset as u64 || output.offset as u64 + output.byte_length() <= start),
        "input, output and state overlap"
    );
    Ok(())
}

#[cfg(feature = "recurrent")]
const fn check_recurrent(bytes: &[u8], op: &Recurrent, arena: u64) -> Check {
    use crate::engine::recurrent::{CURVES, Row};
    let (input, output) = (&op.input, &op.output);
    ensure!(
        output.width == 1 && (output.height == 1 || output.height == input.height),
        "a recurrent layer gives one row, or as many as it takes"
    );
    ensure!(!input.element.is_int16() && !output.element.is_int16(), "a recurrent layer's tensors are not int8");
    ensure!(output.zero_point == 0, "a recurrent layer's output has a zero point other than 0");
    ensure!(op.cell_bits <= 15, "its cells have more than 15 fractional bits");
    // As in a convolution: products of two int8 keep within 2^29, far from overflow.
    ensure!(
        input.width as u64 * input.channels as u64 <= 32_768 && output.channels <= 32_768,
        "more than 32768 inputs for one unit"
    );
    ensure!(holds(bytes, op.weights, op.weights_length(), ALIGNMENT as u32), "its weights lie outside the file");
    ensure!(holds(bytes, op.curves, CURVES as u64, ALIGNMENT as u32), "its curves lie outside the file");
    let rows = op.weight_rows();
    ensure!(holds(bytes, op.rows, size_of::<Row>() as u64 * rows, ALIGNMENT as u32), "its rows lie outside the file");
    try_check!(check_scale(op.scale, layout::MIN_SHIFT));
    let mut row = 0;
    while row < rows as usize {
        let shift = word_at(bytes, op.rows as usize + size_of::<Row>() * row + core::mem::offset_of!(Row, shift));
        ensure!(shift <= 62, "a row's shift is above 62");
        row += 1;
    }
    check_state(input, output, op.state, op.state_length(), arena)
}
