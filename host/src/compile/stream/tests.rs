//! Streaming gives the bits that windows give: on random networks, and across resets.

use std::collections::BTreeSet;
use std::sync::Arc;

use earmark_core::engine::layout::INT16_ENTRIES;
use earmark_core::engine::recurrent::Row;
use earmark_core::engine::{Network, PlanEngine, layout};
use earmark_core::model::{DetectorDefaults, Element, Mode, Model, Problem, RecurrentKind};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::super::emit;
use super::super::ir::{Filter, Graph, Kind, Op, Place, Quant, Window};
use super::super::memory;
use super::super::recurrent::Numbers;
use super::{State, Stream, stream};
use crate::frontend::{FrontEndTables, Options};
use crate::model::bytes::AlignedBytes;

const FEATURES: usize = 6;
const LABELS: usize = 3;

/// A network in the making. Every choice comes from a stream of random bytes.
struct Maker<'a> {
    graph: Graph,
    /// What later operators may read: place, and frames from one row to the next.
    values: Vec<(Place, usize)>,
    random: std::iter::Cycle<std::slice::Iter<'a, u8>>,
}

impl<'a> Maker<'a> {
    fn new(frames: usize, random: &'a [u8]) -> Self {
        let is_int16 = random.first().is_some_and(|&byte| byte > 150);
        let quant = if is_int16 { Quant::int16(0.05 / 256.0) } else { Quant::bytes(0.05, -7) };
        let features = Place { tensor: 0, offset: 0, shape: [frames, 1, FEATURES], zero_point: quant.zero_point };
        let graph = Graph {
            tensors: vec![features.length()],
            int16: if is_int16 { BTreeSet::from([Graph::FEATURES]) } else { BTreeSet::new() },
            ops: Vec::new(),
            frames,
            features: FEATURES,
            lasting: vec![Graph::FEATURES],
            input: quant,
            output: features,
            output_quant: Quant::bytes(0.05, 0),
        };
        // The same memory as rows of one channel, so that two-dimensional networks are met too.
        let as_image = Place { shape: [frames, FEATURES, 1], ..features };
        Self { graph, values: vec![(as_image, 1), (features, 1)], random: random.iter().cycle() }
    }

    /// A number below `limit`.
    fn draw(&mut self, limit: usize) -> usize {
        usize::from(*self.random.next().expect("it goes round")) % limit.max(1)
    }

    /// Appends an operator whose output is int8 or int16.
    fn push(&mut self, mut kind: Kind, inputs: Vec<Place>, shape: [usize; 3], frames: usize) -> Place {
        let given: Vec<Element> = inputs.iter().map(|input| self.graph.element(input.tensor)).collect();
        let element = match kind {
            Kind::MaxPool(_) => given[0],
            Kind::Recurrent { .. } => Element::Int8,
            _ if self.draw(4) == 3 => Element::Int16,
            _ => Element::Int8,
        };
        self.fit(&mut kind, &given, element);
        let zero_point = if element == Element::Int8 { self.draw(40) as i8 - 20 } else { 0 };
        let tensor = self.graph.add_tensor(shape.iter().product(), element);
        let output = Place { tensor, offset: 0, shape, zero_point };
        let node = format!("node{}", self.graph.ops.len());
        let clamp = if kind.can_clamp() && self.draw(2) == 0 { [zero_point, 127] } else { [-128, 127] };
        self.graph.ops.push(Op { node, kind, inputs, output, clamp });
        self.values.push((output, frames));
        output
    }

    /// Steps of int16 are 256 times as fine, and a table has other entries.
    fn fit(&mut self, kind: &mut Kind, given: &[Element], element: Element) {
        let steps = |element: Element| if element == Element::Int16 { 256.0 } else { 1.0 };
        let ratio = |given: Element| steps(element) / steps(given);
        match kind {
            Kind::Convolution(filter) => filter.scales.iter_mut().for_each(|scale| *scale *= ratio(given[0])),
            Kind::Add(factors) => factors.iter_mut().zip(given).for_each(|(factor, &given)| *factor *= ratio(given)),
            Kind::Multiply(factor) => *factor *= ratio(given[0]) / steps(given[1]),
            Kind::AveragePool { ratio: factor, .. } => *factor *= ratio(given[0]),
            Kind::Lookup(_) if given[0] == Element::Int16 || element == Element::Int16 => {
                let entries = if given[0] == Element::Int16 { INT16_ENTRIES } else { 256 };
                *kind = Kind::Int16Lookup((0..entries).map(|_| (self.draw(256) as i16 - 128) * 256).collect());
            }
            _ => {}
        }
    }

    fn filter(&mut self, window: Window, inputs: usize, outputs: usize, groups: usize) -> Kind {
        let taps = window.kernel[0] * window.kernel[1] * inputs / groups;
        let weights: Vec<i8> = (0..taps * outputs).map(|_| self.draw(255) as i8).collect();
        let biases = (0..outputs).map(|_| self.draw(255) as i32 * 40 - 5_000).collect();
        let scales = (0..outputs).map(|_| 0.9 / (40 + self.draw(200)) as f32 / (taps as f32).sqrt()).collect();
        Kind::Convolution(Filter { window, groups, weights, biases, scales })
    }

    /// The same in int8.
    fn in_bytes(&mut self, input: Place, frames: usize) -> Place {
        if self.graph.element(input.tensor) == Element::Int8 {
            return input;
        }
        let table = (0..INT16_ENTRIES).map(|_| (self.draw(256) as i16 - 128) * 256).collect();
        let tensor = self.graph.add_tensor(input.shape.iter().product(), Element::Int8);
        let output = Place { tensor, offset: 0, shape: input.shape, zero_point: 0 };
        let node = format!("node{}", self.graph.ops.len());
        let (kind, clamp) = (Kind::Int16Lookup(table), [-128, 127]);
        self.graph.ops.push(Op { node, kind, inputs: vec![input], output, clamp });
        self.values.push((output, frames));
        output
    }

    /// A recurrent layer over `inputs` values a step.
    fn recurrent(&mut self, inputs: usize, units: usize) -> Kind {
        let kind = if self.draw(2) == 0 { RecurrentKind::Gru } else { RecurrentKind::Lstm };
        let rows = kind.gates() * units;
        let row = |maker: &mut Self| Row {
            biases: [maker.draw(255) as i32 * 20 - 2_500, maker.draw(255) as i32 * 20 - 2_500],
            multipliers: [100 + maker.draw(200) as i32, 100 + maker.draw(200) as i32],
            shift: 7,
        };
        let numbers = Numbers {
            kind,
            inputs,
            units,
            weights: (0..rows * (inputs + units)).map(|_| self.draw(255) as u8 as i8).collect(),
            rows: (0..rows).map(|_| row(self)).collect(),
            cell_bits: 13,
            scale: layout::pack_scale(1.0 / 258.0).unwrap(),
        };
        let state = self.graph.add_tensor(3 * units, Element::Int8);
        Kind::Recurrent { numbers: Arc::new(numbers), state, carried: None }
    }

    /// Appends a recurrent layer that gives all of its steps, or its last one.
    fn add_recurrent(&mut self, input: Place, frames: usize, gives_all: bool) -> Place {
        let units = 1 + self.draw(7);
        let input = self.in_bytes(input, frames);
        let [rows, width, channels] = input.shape;
        let input = Place { shape: [rows, 1, width * channels], ..input };
        let kind = self.recurrent(width * channels, units);
        let output = self.push(kind, vec![input], [if gives_all { rows } else { 1 }, 1, units], frames);
        self.graph.ops.last_mut().expect("it was added").output.zero_point = 0;
        Place { zero_point: 0, ..output }
    }

    /// Appends an operator on one of the latest values, if it fits.
    fn add_op(&mut self) {
        let recent = self.values.len().min(3);
        let index = self.values.len() - 1 - self.draw(recent);
        let (mut input, frames) = self.values[index];
        let [rows, width, channels] = input.shape;
        // Some operators read only a part of the rows.
        let cut = if self.draw(4) == 0 { self.draw(rows.min(4)) } else { 0 };
        let rows = rows - cut;
        if self.draw(2) == 0 {
            input.offset += cut * width * channels;
        }
        input.shape[0] = rows;
        let kernel = [1 + self.draw(5).min(rows - 1), 1 + self.draw(3).min(width - 1)];
        let stride = [1 + self.draw(7) / 5, 1];
        let dilation = [if self.draw(3) == 0 { 2 } else { 1 }, 1];
        let window = Window { kernel, stride, dilation, pad: [0, 0] };
        let pool = Window { dilation: [1, 1], ..window };
        let extent = |window: &Window| (window.kernel[0] - 1) * window.dilation[0] + 1;
        let rows_after = |window: &Window| (rows.saturating_sub(extent(window))) / window.stride[0] + 1;
        let columns = width - kernel[1] + 1;
        match self.draw(9) {
            0..=1 if extent(&window) <= rows => {
                let outputs = 1 + self.draw(9);
                let kind = self.filter(window, channels, outputs, 1);
                self.push(kind, vec![input], [rows_after(&window), columns, outputs], frames * stride[0]);
            }
            2..=3 if extent(&window) <= rows && channels > 1 => {
                let kind = self.filter(window, channels, channels, channels);
                self.push(kind, vec![input], [rows_after(&window), columns, channels], frames * stride[0]);
            }
            4 => {
                let table: Vec<i8> = (0..256).map(|_| self.draw(256) as u8 as i8).collect();
                self.push(Kind::Lookup(table.try_into().expect("256 entries")), vec![input], input.shape, frames);
            }
            5..=6 => {
                let same = |(other, apart): &&(Place, usize)| {
                    *apart == frames && other.shape[1..] == input.shape[1..] && other.shape[0] >= rows
                };
                let others: Vec<Place> = self.values.iter().filter(same).map(|(other, _)| *other).collect();
                let drawn = self.draw(others.len());
                let mut other = others[drawn];
                other.offset += self.draw(other.shape[0] - rows + 1) * width * channels;
                other.shape[0] = rows;
                let kind = if self.draw(3) == 0 { Kind::Multiply(0.02) } else { Kind::Add([0.7, -0.4]) };
                self.push(kind, vec![input, other], input.shape, frames);
            }
            7 => {
                let kind = if self.draw(2) == 0 {
                    Kind::MaxPool(pool)
                } else {
                    Kind::AveragePool { window: pool, count_padding: false, ratio: 0.8 }
                };
                self.push(kind, vec![input], [rows_after(&pool), columns, channels], frames * stride[0]);
            }
            8 => {
                // Joined with itself along channels.
                let shape = [rows, width, 2 * channels];
                let element = self.graph.element(input.tensor);
                let tensor = self.graph.add_tensor(shape.iter().product(), element);
                let output = Place { tensor, offset: 0, shape, zero_point: 0 };
                for half in 0..2 {
                    let extent = input.shape;
                    let kind = Kind::Copy { from: [0; 3], to: [0, 0, half * channels], extent };
                    let node = format!("node{}", self.graph.ops.len());
                    self.graph.ops.push(Op { node, kind, inputs: vec![input], output, clamp: [-128, 127] });
                }
                self.values.push((output, frames));
            }
            _ => {}
        }
    }

    /// Ends with a mean over time, a convolution over all of it, or all of it flattened; then one value a label.
    fn finish(mut self) -> Graph {
        let (mut last, frames) = *self.values.last().expect("the features are there");
        let [rows, width, channels] = last.shape;
        let everything = Window { kernel: [rows, width], ..Window::POINT };
        match self.draw(7) {
            0..=1 => {
                let kind = Kind::AveragePool { window: everything, count_padding: false, ratio: 1.3 };
                last = self.push(kind, vec![last], [1, 1, channels], 0);
            }
            2 => {
                let window = Window { kernel: [rows, 1], ..Window::POINT };
                let kind = Kind::AveragePool { window, count_padding: true, ratio: 0.9 };
                last = self.push(kind, vec![last], [1, width, channels], 0);
            }
            3 => {
                let kind = Kind::MaxPool(everything);
                last = self.push(kind, vec![last], [1, 1, channels], 0);
            }
            4 => last = self.add_recurrent(last, 0, false),
            5 => {
                let all = self.add_recurrent(last, frames, true);
                let [rows, _, units] = all.shape;
                let window = Window { kernel: [rows, 1], ..Window::POINT };
                let mean = Kind::AveragePool { window, count_padding: false, ratio: 1.1 };
                last = self.push(mean, vec![all], [1, 1, units], 0);
            }
            _ => {}
        }
        last.shape = [1, 1, last.length()];
        let kind = self.filter(Window::POINT, last.length(), LABELS, 1);
        self.graph.output = self.push(kind, vec![last], [1, 1, LABELS], 0);
        self.graph
    }
}

fn network(frames: usize, ops: usize, random: &[u8]) -> Graph {
    let mut maker = Maker::new(frames, random);
    (0..ops).for_each(|_| maker.add_op());
    maker.finish()
}

fn artifact(graph: &Graph, stream: Option<&Stream>) -> AlignedBytes {
    let options: Options = toml::from_str(
        "preset = 'torchaudio'\nsample_rate = 8000\nwindow_length = 64\nhop_length = 32\nfft_length = 64\nlow_hz = 0\n\
         high_hz = 4000\nmel_bands = 6\nmfcc_coefficients = 0",
    )
    .unwrap();
    let tables = FrontEndTables::new(&options.settings().unwrap()).unwrap();
    let spec = tables.spec();
    let arena = memory::plan(graph);
    let stream = stream.map(|stream| (stream, memory::plan(&stream.graph)));
    let labels: Vec<String> = (0..LABELS).map(|label| format!("label{label}")).collect();
    let contents = emit::Contents {
        labels: &labels,
        problem: Problem::SingleLabel,
        window_samples: ((graph.frames - 1) * spec.hop_length + spec.window_length) as u32,
        front_end: spec,
        graph,
        arena: &arena,
        stream: stream.as_ref().map(|(stream, arena)| (*stream, arena)),
        detector: DetectorDefaults {
            smoothing_ms: 0,
            isolation: 0.0,
            release: 0.5,
            minimum_ms: 0,
            refractory_ms: 0,
            mute_ms: 0,
        },
        thresholds: &[0.5; LABELS],
        source_hash: [0; 32],
        provenance: "{}",
    };
    AlignedBytes::new(&emit::write(&contents).unwrap())
}

fn cases(sample: u32, full: u32) -> Config {
    if std::env::var_os("EARMARK_FULL").is_some() {
        Config::with_cases(full)
    } else {
        Config { rng_seed: RngSeed::Fixed(1), ..Config::with_cases(sample) }
    }
}

proptest! {
    #![proptest_config(cases(3_000, 300_000))]

    #[test]
    fn a_stream_gives_the_bits_of_its_windows(
        frames in 4usize..40,
        ops in 0usize..9,
        random in vec(any::<u8>(), 200..400),
        values in vec(-8.0f32..8.0, 500),
    ) {
        let graph = network(frames, ops, &random);
        let stream = match stream(&graph, State::Empty) {
            Ok(stream) => stream,
            Err(why) => {
                prop_assert!(why.ends_with("is longer than its window"), "{}", why);
                return Ok(());
            }
        };
        let bytes = artifact(&graph, Some(&stream));
        let model = Model::new(bytes.as_slice()).unwrap();
        prop_assert_eq!(model.mode(), Mode::Streaming { stride_frames: stream.stride });
        let mut memory = vec![0x5A; model.sizes().engine];
        let mut windowed = PlanEngine::new(model, &mut memory).unwrap();
        let mut state = vec![0x5A; model.sizes().streaming_engine];
        let mut streaming = PlanEngine::streaming(model, &mut state).unwrap();

        let mut values = values.iter().cycle();
        let mut frame = || std::array::from_fn::<f32, FEATURES, _>(|_| *values.next().unwrap());
        for length in [frames + 17, frames - 1, frames + 9] {
            for pushed in 1..=length {
                let frame = frame();
                windowed.push_frame(&frame).unwrap();
                streaming.push_frame(&frame).unwrap();
                let is_due = pushed >= frames && (pushed - frames) % stream.stride == 0;
                let expected = is_due.then(|| windowed.quantised_outputs().unwrap().to_vec());
                prop_assert_eq!(streaming.quantised_outputs(), expected.as_deref(), "frame {} of {:#?}", pushed, graph);
                let kept = streaming.quantised_features();
                prop_assert!(windowed.quantised_features().ends_with(kept));
            }
            windowed.reset();
            streaming.reset();
        }
    }
}

/// `frames` frames, and one operator on them.
fn single(frames: usize, kind: Kind, shape: [usize; 3]) -> Graph {
    let mut maker = Maker::new(frames, &[1]);
    let features = maker.values[1].0;
    maker.push(kind, vec![features], shape, 1);
    maker.finish()
}

#[test]
fn what_cannot_stream_is_named() {
    let padded = Window { kernel: [3, 1], pad: [1, 0], ..Window::POINT };
    let refusal = |graph: &Graph| stream(graph, State::Empty).unwrap_err();
    assert_eq!(refusal(&single(9, Kind::MaxPool(padded), [9, 1, FEATURES])), "node0 pads the time axis");
    let behind = Window { kernel: [3, 1], ..Window::POINT };
    assert_eq!(refusal(&single(9, Kind::MaxPool(behind), [8, 1, FEATURES])), "node0 pads the time axis");

    let mut maker = Maker::new(9, &[1]);
    let features = maker.values[1].0;
    let window = Window { kernel: [9, 1], ..Window::POINT };
    let mean = Kind::AveragePool { window, count_padding: false, ratio: 1.0 };
    let mean = maker.push(mean, vec![features], [1, 1, FEATURES], 0);
    maker.push(Kind::Multiply(0.1), vec![features, mean], features.shape, 1);
    let why = refusal(&maker.finish());
    assert_eq!(why, "node1 spreads what is known of a whole window over its frames");
}

#[test]
fn a_step_costs_what_is_new_in_it() {
    // A convolution of three frames, then a mean over the window: a step is one row of it.
    let mut maker = Maker::new(20, &[1]);
    let features = maker.values[1].0;
    let kind = maker.filter(Window { kernel: [3, 1], ..Window::POINT }, FEATURES, 8, 1);
    let rows = maker.push(kind, vec![features], [18, 1, 8], 1);
    let window = Window { kernel: [18, 1], ..Window::POINT };
    let mean = Kind::AveragePool { window, count_padding: false, ratio: 1.0 };
    maker.push(mean, vec![rows], [1, 1, 8], 0);
    let graph = maker.finish();
    let stream = stream(&graph, State::Empty).unwrap();
    let bytes = artifact(&graph, Some(&stream));
    let model = Model::new(bytes.as_slice()).unwrap();
    let step: u64 = model.streaming().unwrap().ops().map(|op| op.multiply_accumulates()).sum();
    assert_eq!(step, (3 * FEATURES * 8 + 8 * LABELS) as u64);
    // Three frames; 18 rows of eight bytes, nine words; what a step computes.
    let arena = model.streaming().unwrap().arena_length();
    assert!(arena <= 3 * FEATURES + 14 + 18 * 8 + 36 + 12 + 3 * 16, "{arena} bytes");
}

/// A convolution or two without padding, recurrent layers, and one value a label of the last step; the same for any number of frames.
fn recurrent_network(frames: usize, random: &[u8]) -> Graph {
    let mut maker = Maker::new(frames, random);
    let (mut value, mut apart) = maker.values[1];
    for _ in 0..maker.draw(3) {
        let [rows, _, channels] = value.shape;
        let window = Window { kernel: [1 + maker.draw(3), 1], stride: [1 + maker.draw(2), 1], ..Window::POINT };
        apart *= window.stride[0];
        let outputs = 1 + maker.draw(6);
        let kind = maker.filter(window, channels, outputs, 1);
        value = maker.push(kind, vec![value], [(rows - window.kernel[0]) / window.stride[0] + 1, 1, outputs], apart);
    }
    let layers = maker.draw(3);
    for _ in 0..layers {
        value = maker.add_recurrent(value, apart, true);
    }
    let last = if maker.draw(2) == 0 {
        maker.add_recurrent(value, 0, false)
    } else {
        let all = maker.add_recurrent(value, apart, true);
        let [rows, _, units] = all.shape;
        Place { offset: (rows - 1) * units, shape: [1, 1, units], ..all }
    };
    let kind = maker.filter(Window::POINT, last.length(), LABELS, 1);
    maker.graph.output = maker.push(kind, vec![last], [1, 1, LABELS], 0);
    maker.graph
}

proptest! {
    #![proptest_config(cases(300, 30_000))]

    #[test]
    fn a_carried_state_gives_the_bits_of_one_window_since_the_reset(
        frames in 16usize..30,
        random in vec(any::<u8>(), 200..400),
        values in vec(-8.0f32..8.0, 500),
    ) {
        let graph = recurrent_network(frames, &random);
        let stream = stream(&graph, State::Carried).unwrap();
        let bytes = artifact(&graph, Some(&stream));
        let model = Model::new(bytes.as_slice()).unwrap();
        let mut state = vec![0x5A; model.sizes().streaming_engine];
        let mut streaming = PlanEngine::streaming(model, &mut state).unwrap();
        let mut values = values.iter().cycle();
        let mut frame = || std::array::from_fn::<f32, FEATURES, _>(|_| *values.next().unwrap());
        for length in [frames + 9, frames - 1, frames + 5] {
            let mut heard = Vec::new();
            for pushed in 1..=length {
                heard.push(frame());
                streaming.push_frame(&heard[pushed - 1]).unwrap();
                let is_due = pushed >= frames && (pushed - frames) % stream.stride == 0;
                let expected = is_due.then(|| {
                    let long = recurrent_network(pushed, &random);
                    let bytes = artifact(&long, None);
                    let model = Model::new(bytes.as_slice()).unwrap();
                    let mut memory = vec![0x5A; model.sizes().engine];
                    let mut whole = PlanEngine::new(model, &mut memory).unwrap();
                    heard.iter().for_each(|frame| whole.push_frame(frame).unwrap());
                    whole.quantised_outputs().unwrap().to_vec()
                });
                prop_assert_eq!(streaming.quantised_outputs(), expected.as_deref(), "frame {} of {:#?}", pushed, graph);
            }
            streaming.reset();
        }
    }
}

#[test]
fn what_cannot_be_carried_is_named() {
    let mut maker = Maker::new(9, &[1]);
    let features = maker.values[1].0;
    let all = maker.add_recurrent(features, 1, true);
    let window = Window { kernel: [9, 1], ..Window::POINT };
    let mean = Kind::AveragePool { window, count_padding: false, ratio: 1.0 };
    maker.push(mean, vec![all], [1, 1, all.shape[2]], 0);
    let why = stream(&maker.finish(), State::Carried).unwrap_err();
    assert_eq!(why, "node1 sees only a window, and so not all that a carried state remembers");
}
