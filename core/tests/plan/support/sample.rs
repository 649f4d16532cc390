//! A network that has every kind of operator.

use super::artifact::{Artifact, PlainConvolution};
use super::recurrent::PlainRecurrent;
use earmark_core::model::format::word;
use earmark_core::model::{
    Addition, AveragePool, BlockCopy, Element, Lookup, MaxPool, Multiplication, Op, Recurrent, RecurrentKind,
    RunningMean, Tensor, Window,
};

const ONE: [u16; 2] = [1, 1];

fn window(kernel: [u16; 2], pad: [u16; 2]) -> Window {
    Window { kernel, stride: ONE, dilation: ONE, pad }
}

fn convolution(artifact: &mut Artifact, input: Tensor, output: Tensor, window: Window, depthwise: bool, scale: f64) {
    let channels = output.channels as usize;
    let mut plain = PlainConvolution {
        input,
        output,
        window,
        groups: if depthwise { output.channels } else { 1 },
        clamp: [-128, 127],
        weights: Vec::new(),
        biases: (0..channels as i32).map(|channel| 50 * channel - 300).collect(),
        scales: vec![scale; channels],
    };
    plain.weights = (0..plain.depth() * channels).map(|index| (index * 89 % 255) as u8 as i8).collect();
    artifact.convolution(&plain, depthwise);
}

/// Ten frames of eight features, three labels, every kind of operator, padding, repetition and work in place.
pub fn every_operator() -> Artifact {
    every_operator_in(Element::Int8)
}

/// The same with all tensors in int8 or int16.
pub fn every_operator_in(element: Element) -> Artifact {
    let size = element.bytes() as u32;
    let mut artifact = Artifact::new(10, 8);
    artifact.header[word::INT16] = if element.is_int16() { 7 } else { 0 };
    artifact.header[word::INPUT_SCALE] = 0.1f32.to_bits();
    artifact.header[word::OUTPUT_SCALE] = 0.125f32.to_bits();
    artifact.header[word::SOURCE_HASH] = 0x0403_0201;
    let normalisation = artifact.append(&[[2.0f32; 8], [0.5; 8]]);
    artifact.header[word::NORMALISATION] = normalisation;

    let features = artifact.features();
    let zero_point = if element == Element::Int8 { -7 } else { 0 };
    let tensor =
        |place: u32, height, channels| Tensor { offset: size * place, height, width: 1, channels, zero_point, element };
    let [first, second, third] = [tensor(80, 8, 12), tensor(176, 8, 12), tensor(80, 8, 12)];
    convolution(&mut artifact, features, first, window([3, 1], [0, 0]), false, 0.02);
    convolution(&mut artifact, first, second, window([5, 1], [2, 0]), true, 0.008);
    let table = match element {
        Element::Int8 => artifact.append(&(i8::MIN..=i8::MAX).map(|value| value.max(-7)).collect::<Vec<_>>()),
        Element::Int16 => artifact.append(&(0..513).map(|entry| (entry - 256) * 100).collect::<Vec<i16>>()),
    };
    artifact.push(Op::Lookup(Lookup { input: second, output: second, table }));
    let clamp = [-100, 100];
    artifact.push(Op::Add(Addition {
        inputs: [second, first],
        output: third,
        multipliers: [700, 500],
        shift: 10,
        clamp,
    }));
    let one = Tensor { height: 1, ..second };
    artifact.push(Op::Multiply(Multiplication { inputs: [third, one], output: third, multiplier: 9, shift: 8, clamp }));
    let greatest = tensor(176, 4, 12);
    let pairs = Window { stride: [2, 1], ..window([2, 1], [0, 0]) };
    artifact.push(Op::MaxPool(MaxPool { input: third, output: greatest, window: pairs }));
    let mean = tensor(80, 1, 12);
    let pool = AveragePool {
        input: greatest,
        output: mean,
        window: window([4, 1], [0, 0]),
        count_padding: false,
        multiplier: 3,
        shift: 1,
    };
    artifact.push(Op::AveragePool(pool));
    let joined = tensor(232, 1, 14);
    let copy = |input: Tensor, to: u32| {
        Op::Copy(BlockCopy { input, output: joined, from: [0; 3], to: [0, 0, to], extent: [1, 1, input.channels] })
    };
    artifact.push(copy(mean, 0));
    artifact.push(copy(tensor(176, 1, 2), 12));
    let outputs = tensor(80, 1, 3);
    convolution(&mut artifact, joined, outputs, window(ONE, [0, 0]), false, 0.005);
    artifact.labels(&["yes", "no", "größer"].map(String::from));
    artifact
}

/// The same with MFCC features: eight coefficients of twelve bands.
pub fn with_mfcc() -> Artifact {
    let mut artifact = every_operator();
    let bands: Vec<u16> = (0..12).flat_map(|band| [band, 2]).collect();
    let cosines: Vec<f32> = (0..96u8).map(|index| f32::from(index % 7) - 3.0).collect();
    for (number, value) in [
        (word::FEATURE_KIND, 1),
        (word::COEFFICIENTS, 8),
        (word::MEL_BANDS, 12),
        (word::BAND_WEIGHT_COUNT, 24),
        (word::COMPRESSION, 2),
        (word::PROBLEM, 1),
    ] {
        artifact.header[number] = value;
    }
    artifact.header[word::BANDS] = artifact.append(&bands);
    artifact.header[word::BAND_WEIGHTS] = artifact.append(&[0.5f32; 24]);
    artifact.header[word::COSINES] = artifact.append(&cosines);
    artifact
}

/// Ten frames of eight features, a convolution that steps by two frames, the mean over its four rows, and three labels; as a plan for the
/// window and as one for a stream.
pub fn streaming() -> Artifact {
    streaming_in(Element::Int8)
}

/// The same with all tensors in int8 or int16.
pub fn streaming_in(element: Element) -> Artifact {
    let size = element.bytes() as u32;
    let mut artifact = Artifact::new(10, 8);
    artifact.header[word::INT16] = if element.is_int16() { 7 } else { 0 };
    let features = artifact.features();
    let zero_point = if element == Element::Int8 { 5 } else { 0 };
    let tensor =
        |place: u32, height, channels| Tensor { offset: size * place, height, width: 1, channels, zero_point, element };
    let [rows, mean, outputs] = [tensor(80, 4, 12), tensor(128, 1, 12), tensor(140, 1, 3)];
    let strided = Window { stride: [2, 1], ..window([3, 1], [0, 0]) };
    convolution(&mut artifact, features, rows, strided, false, 0.02);
    let (multiplier, shift) = (5, 2);
    let window_of_four = window([4, 1], [0, 0]);
    artifact.push(Op::AveragePool(AveragePool {
        input: rows,
        output: mean,
        window: window_of_four,
        count_padding: false,
        multiplier,
        shift,
    }));
    convolution(&mut artifact, mean, outputs, window(ONE, [0, 0]), false, 0.03);
    artifact.labels(&["yes", "no", "maybe"].map(String::from));

    // Of the frames 0 to 9 of a window the newest row, the fourth, reads 6 to 8.
    let late = Tensor { height: 3, ..features };
    let row = tensor(32, 1, 12);
    let state = row.range().end as u32;
    // Four rows, the place of the oldest and twelve sums.
    let mean = Tensor { offset: state + 48 * size + 52, ..row };
    let outputs = Tensor { offset: mean.range().end as u32, channels: 3, ..row };
    artifact.steps = artifact.plan.clone();
    if let [Op::Convolution(first), pool, Op::Convolution(last)] = &mut artifact.steps[..] {
        (first.input, first.output) = (late, row);
        *pool = Op::RunningMean(RunningMean { input: row, output: mean, state, rows: 4, multiplier, shift });
        (last.input, last.output) = (mean, outputs);
    }
    let delays = artifact.append(&[0u32, 4 * 8 * size, 2 * 8 * size]);
    for (number, value) in [
        (word::STREAM_STRIDE, 2),
        (word::STREAM_ARENA, outputs.range().end as u32),
        (word::STREAM_SCRATCH, artifact.header[word::SCRATCH]),
        (word::STREAM_OUTPUT, outputs.offset),
        (word::DELAYS, delays),
        (word::DELAY_COUNT, 1),
    ] {
        artifact.header[number] = value;
    }
    artifact
}

/// `frames` frames of eight features, a convolution that steps by two frames, a GRU over its rows, an LSTM that gives its last output, and
/// three labels; as a plan for the window and, of ten frames, as one for a stream that remembers since its last reset.
pub fn recurrent(frames: u16) -> Artifact {
    let mut artifact = Artifact::new(frames, 8);
    artifact.header[word::INPUT_SCALE] = 0.1f32.to_bits();
    let features = artifact.features();
    let rows = (frames - 3) / 2 + 1;
    let mut end = features.range().end as u32;
    let mut tensor = |height: u16, channels: u32, zero_point: i8| {
        let tensor = Tensor { offset: end, height, width: 1, channels, zero_point, element: Element::Int8 };
        end += tensor.length() as u32;
        tensor
    };
    let [heard, steps, last, outputs] = [tensor(rows, 12, 5), tensor(rows, 6, 0), tensor(1, 5, 0), tensor(1, 3, 5)];
    let states = [end, end + 18];
    let strided = Window { stride: [2, 1], ..window([3, 1], [0, 0]) };
    convolution(&mut artifact, features, heard, strided, false, 0.02);
    for (kind, input, output, state) in
        [(RecurrentKind::Gru, heard, steps, states[0]), (RecurrentKind::Lstm, steps, last, states[1])]
    {
        let op = PlainRecurrent::regular(kind, input, output).op(&mut artifact, state);
        artifact.push(Op::Recurrent(op));
    }
    convolution(&mut artifact, last, outputs, window(ONE, [0, 0]), false, 0.03);
    artifact.labels(&["yes", "no", "maybe"].map(String::from));
    if frames != 10 {
        return artifact;
    }

    let late = Tensor { height: 3, ..features };
    let at = |tensor: Tensor, offset: u32| Tensor { offset, height: 1, ..tensor };
    let (heard, steps, last, outputs) = (at(heard, 32), at(steps, 44), at(last, 50), at(outputs, 55));
    artifact.steps = artifact.plan.clone();
    // Of five steps in a window the first one's row begins before the window does.
    let carried =
        |op: &Recurrent, input, output, state| Recurrent { input, output, state, carried: true, skipped: 1, ..*op };
    if let [Op::Convolution(first), Op::Recurrent(gru), Op::Recurrent(lstm), Op::Convolution(end)] =
        &mut artifact.steps[..]
    {
        (first.input, first.output) = (late, heard);
        *gru = carried(gru, heard, steps, 58);
        *lstm = carried(lstm, steps, last, 80);
        (end.input, end.output) = (last, outputs);
    }
    let delays = artifact.append(&[0u32, 4 * 8, 2 * 8]);
    for (number, value) in [
        (word::STREAM_STRIDE, 2),
        (word::STREAM_ARENA, 99),
        (word::STREAM_SCRATCH, artifact.header[word::SCRATCH]),
        (word::STREAM_OUTPUT, 55),
        (word::DELAYS, delays),
        (word::DELAY_COUNT, 1),
    ] {
        artifact.header[number] = value;
    }
    artifact
}
