//! What is measured.

use core::convert::Infallible;
use core::fmt;
use core::hint::black_box;

use earmark_core::api::{FunctionToApply, Ranking, write_event, write_response};
use earmark_core::detect::{Detection, Detector, DetectorSettings, Timing};
use earmark_core::engine::{Network, PlanEngine};
use earmark_core::frontend::conformance::TestSignal;
use earmark_core::frontend::{Framer, FrontEnd};
use earmark_core::model::{Memory, Model};
use earmark_core::recognizer::Recognizer;
use earmark_core::signal::{Conditioner, Preset};
use earmark_edge::slots::{Channel, Decoder, from_24_in_32};
use earmark_edge::source::Source;
use earmark_simulation::semihosting::Console;
use embedded_hal::digital;
use embedded_io::Write;

use crate::counter::Counter;
use crate::listen::{self, Working, listening};
use crate::stack;

earmark_core::include_model! {
    /// The small shipped model with its front end in integers.
    static FIXED, FIXED_SIZES = env!("EARMARK_COMMANDS_S_FIXED");
}
earmark_core::include_model! {
    /// The larger shipped model.
    static COMMANDS, COMMANDS_SIZES = env!("EARMARK_COMMANDS_M");
}
earmark_core::include_model! {
    /// The keyword-spotting network of MLPerf Tiny.
    static DS_CNN, DS_CNN_SIZES = concat!(env!("OUT_DIR"), "/ds_cnn.ear");
}
earmark_core::include_model! {
    /// One of its 1×1 convolutions alone.
    static POINTWISE, POINTWISE_SIZES = concat!(env!("OUT_DIR"), "/pointwise.ear");
}
earmark_core::include_model! {
    /// One of its depthwise convolutions alone.
    static DEPTHWISE, DEPTHWISE_SIZES = concat!(env!("OUT_DIR"), "/depthwise.ear");
}

/// Bytes of memory that serve every network here.
const MEMORY: usize = {
    let sizes = [
        listen::SIZES.streaming_engine,
        listen::SIZES.engine,
        COMMANDS_SIZES.recognizer,
        DS_CNN_SIZES.engine,
        POINTWISE_SIZES.engine,
        DEPTHWISE_SIZES.engine,
    ];
    let mut most = 0;
    let mut index = 0;
    while index < sizes.len() {
        most = if sizes[index] > most { sizes[index] } else { most };
        index += 1;
    }
    most
};
/// Bytes of memory that serve the small model with either front end.
const LISTENER: usize =
    if listen::SIZES.listener > FIXED_SIZES.listener { listen::SIZES.listener } else { FIXED_SIZES.listener };
/// Labels of the shipped model, at most.
const LABELS: usize = 64;
/// Slots of a block of 10 ms at 16 kHz, two channels.
const SLOTS: usize = 320;
/// Slots of a second.
const SECOND: usize = 100 * SLOTS;

/// All memory but the stack.
#[derive(Debug)]
pub struct Statics {
    memory: Memory<MEMORY>,
    detector: Memory<4096>,
    product: Working<LISTENER>,
    sound: [u32; SECOND],
    window: [i16; COMMANDS_SIZES.window_samples],
    line: [u8; 2048],
}

impl Statics {
    /// Memory to put into a `static`.
    pub const fn new() -> Self {
        let window = [0; COMMANDS_SIZES.window_samples];
        let (memory, detector) = (Memory::new(), Memory::new());
        Self { memory, detector, product: Working::new(), sound: [0; SECOND], window, line: [0; 2048] }
    }
}

/// Why there are no figures.
#[derive(Debug)]
pub enum Failure {
    /// A part of earmark failed.
    Edge(earmark_edge::Error),
    /// The console failed.
    Console,
    /// A part needs more stack than could be measured.
    Stack,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edge(error) => error.fmt(formatter),
            Self::Console => formatter.write_str("there is no console"),
            Self::Stack => formatter.write_str("a part uses all stack that was painted"),
        }
    }
}

impl From<earmark_core::Error> for Failure {
    fn from(error: earmark_core::Error) -> Self {
        Self::Edge(error.into())
    }
}

impl From<earmark_edge::Error> for Failure {
    fn from(error: earmark_edge::Error) -> Self {
        Self::Edge(error)
    }
}

/// Where figures go.
struct Report {
    console: Console,
    counter: Counter,
}

impl Report {
    fn figure(&mut self, name: &str, value: fmt::Arguments<'_>) -> Result<(), Failure> {
        writeln!(self.console, "{name}\t{value}").map_err(|_| Failure::Console)
    }

    /// A figure of one of the shipped models.
    fn figure_of(&mut self, model: &str, name: &str, value: u64) -> Result<(), Failure> {
        writeln!(self.console, "{model}, {name}\t{value}").map_err(|_| Failure::Console)
    }

    /// Measures the instructions of a piece of work.
    fn count<T>(&mut self, name: &str, work: impl FnOnce() -> T) -> Result<(), Failure> {
        let instructions = self.counter.instructions(work);
        self.figure(name, format_args!("{instructions}"))
    }
}

/// Measures everything and prints the figures.
///
/// # Errors
/// What went wrong first.
pub fn measure(statics: &mut Statics) -> Result<(), Failure> {
    let console = Console::stdout().map_err(|_| Failure::Console)?;
    let mut report = Report { console, counter: Counter::start() };
    let samples = &mut statics.window;
    samples.iter_mut().zip(TestSignal::default()).for_each(|(place, sample)| *place = sample);

    sound(&mut report, &COMMANDS)?;
    for (name, model) in [("one frame", &COMMANDS), ("one frame, fixed-point", &FIXED)] {
        frame(&mut report, name, model, samples, statics.memory.bytes())?;
    }
    for (name, model) in [("one second", &COMMANDS), ("one second, fixed-point", &FIXED)] {
        second(&mut report, name, model, samples, statics.memory.bytes())?;
    }
    for (name, model) in [("1×1 convolution", POINTWISE), ("3×3 depthwise convolution", DEPTHWISE), ("DS-CNN", DS_CNN)]
    {
        let (instructions, multiplications) = window(&report, model, statics.memory.bytes())?;
        // Thousandths, rounded up: a bar is not passed by rounding.
        let thousandths = (u64::from(instructions) * 1000).div_ceil(multiplications);
        report.figure(name, format_args!("{}.{:03}", thousandths / 1000, thousandths % 1000))?;
    }
    for (name, model) in [("commands-s", listen::MODEL), ("commands-m", COMMANDS)] {
        network(&mut report, name, model, statics.memory.bytes())?;
    }
    all_in(&mut report, "all in", listen::MODEL, &mut statics.product, &mut statics.sound)?;
    all_in(&mut report, "all in, fixed-point", FIXED, &mut statics.product, &mut statics.sound)?;
    answers(&mut report, &COMMANDS, samples, statics.memory.bytes(), (statics.detector.bytes(), &mut statics.line))
}

/// From slots of the bus to conditioned samples: one second.
fn sound(report: &mut Report, model: &Model<'_>) -> Result<(), Failure> {
    let rate = model.sample_rate();
    let mut conditioner = Conditioner::new(Preset::Inmp441.conditioning(rate), rate);
    let mut decoder = Decoder::new(Channel::Left, from_24_in_32);
    let mut slots = [0u32; SLOTS];
    slots
        .iter_mut()
        .zip(TestSignal::default())
        .for_each(|(slot, sample)| *slot = (i32::from(sample) << 16).cast_unsigned());
    report.count("slots and conditioning", || {
        for _ in 0..2 * rate as usize / SLOTS {
            let mut samples = [0i16; SLOTS / 2];
            decoder.decode(&slots, &mut samples);
            conditioner.process(&mut samples, |_| ());
            black_box(&samples);
        }
    })
}

/// From samples to features, of whichever kind the network takes: one frame.
fn frame(
    report: &mut Report,
    name: &str,
    model: &Model<'_>,
    samples: &[i16],
    memory: &mut [u8],
) -> Result<(), Failure> {
    let mut features = Features::of(model)?;
    let (window, hop) = (features.front_end.spec().window_length, features.front_end.spec().hop_length);
    let (_, scratch, _) = bytemuck::pod_align_to_mut::<u8, f32>(memory);
    report.count(name, || features.compute(&samples[2 * hop..][..window], scratch))
}

/// The same for one second.
fn second(
    report: &mut Report,
    name: &str,
    model: &Model<'_>,
    samples: &[i16],
    memory: &mut [u8],
) -> Result<(), Failure> {
    let mut features = Features::of(model)?;
    let (window, hop) = (features.front_end.spec().window_length, features.front_end.spec().hop_length);
    let mut frame = [0; 1024];
    let mut framer = Framer::new(&mut frame[..window], hop)?;
    let (_, scratch, _) = bytemuck::pod_align_to_mut::<u8, f32>(memory);
    let second = &samples[..samples.len().min(model.sample_rate() as usize)];
    report.count(name, || {
        let mut rest = second;
        while let Some(frame) = framer.next_frame(&mut rest) {
            let _ = black_box(features.compute(frame, scratch));
        }
    })
}

/// A front end and the features of its last frame.
struct Features<'m> {
    front_end: FrontEnd<'m>,
    real: [f32; 128],
    quantised: [i8; 128],
}

impl<'m> Features<'m> {
    fn of(model: &Model<'m>) -> Result<Self, Failure> {
        Ok(Self { front_end: FrontEnd::new(model.front_end())?, real: [0.0; 128], quantised: [0; 128] })
    }

    #[inline(never)]
    fn compute(&mut self, frame: &[i16], scratch: &mut [f32]) -> Result<(), earmark_core::Error> {
        let count = self.front_end.features();
        if !self.front_end.quantised_frame(frame, scratch, &mut self.quantised[..count])? {
            self.front_end.frame(frame, scratch, &mut self.real[..count])?;
        }
        Ok(())
    }
}

/// A network's window: its instructions and multiplications.
fn window(report: &Report, model: Model<'_>, memory: &mut [u8]) -> Result<(u32, u64), Failure> {
    let multiplications = model.plan().map(|op| op.multiply_accumulates()).sum();
    let mut engine = PlanEngine::new(model, memory)?;
    let mut features = [0.0; 512];
    let features = &mut features[..model.features()];
    for frame in 0..model.frames() {
        for (index, feature) in features.iter_mut().enumerate() {
            *feature = ((frame * 7 + index * 3) % 17) as f32 - 12.0;
        }
        engine.push_frame(features)?;
    }
    Ok((report.counter.instructions(|| engine.quantised_outputs().is_some()), multiplications))
}

/// A shipped network: a window, a step of its stream, and the steps of a second.
fn network(report: &mut Report, name: &str, model: Model<'_>, memory: &mut [u8]) -> Result<(), Failure> {
    let (instructions, multiplications) = window(report, model, memory)?;
    report.figure_of(name, "multiplications of a window", multiplications)?;
    report.figure_of(name, "one window", instructions.into())?;

    let hop = model.front_end().hop_length;
    let (stride, second) = (model.step_samples() / hop, model.sample_rate() as usize / hop);
    let mut engine = PlanEngine::streaming(model, memory)?;
    let mut frame = [0.0; 512];
    let frame = &mut frame[..model.features()];
    let mut number = 0;
    let mut hear = |engine: &mut PlanEngine<'_, '_>, frames: usize| {
        for _ in 0..frames {
            for (index, feature) in frame.iter_mut().enumerate() {
                *feature = ((number * 7 + index * 3) % 17) as f32 - 12.0;
            }
            number += 1;
            engine.push_frame(frame)?;
        }
        Ok::<(), Failure>(())
    };
    hear(&mut engine, model.frames())?;
    let counter = &report.counter;
    let (step, steps) =
        (counter.instructions(|| hear(&mut engine, stride)), counter.instructions(|| hear(&mut engine, second)));
    report.figure_of(name, "one step", step.into())?;
    report.figure_of(name, "steps of one second", steps.into())?;
    report.figure_of(
        name,
        "milliseconds of a step",
        (1000 * model.step_samples() / model.sample_rate() as usize) as u64,
    )
}

/// Slots that are in memory, over and over.
struct Bus<'s> {
    sound: &'s [u32],
    at: usize,
}

impl Bus<'_> {
    /// The next slots, at most so many: they stand where a DMA controller put them.
    fn next(&mut self, most: usize) -> &[u32] {
        let heard = &self.sound[self.at..];
        let heard = &heard[..heard.len().min(most)];
        self.at = (self.at + heard.len()) % self.sound.len();
        heard
    }
}

impl Source for Bus<'_> {
    type Item = u32;

    fn fill(&mut self, slots: &mut [u32]) -> Result<usize, earmark_edge::Error> {
        let heard = self.next(slots.len());
        slots[..heard.len()].copy_from_slice(heard);
        Ok(heard.len())
    }

    fn show<'s>(&'s mut self, buffer: &'s mut [u32]) -> Result<&'s [u32], earmark_edge::Error> {
        Ok(self.next(buffer.len()))
    }
}

/// A port and a pin that lead nowhere.
struct Nowhere;

impl embedded_io::ErrorType for Nowhere {
    type Error = Infallible;
}

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(black_box(bytes).len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl digital::ErrorType for Nowhere {
    type Error = Infallible;
}

impl digital::OutputPin for Nowhere {
    fn set_low(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// The whole run loop of a product: one second, after two in which everything was filled.
fn all_in(
    report: &mut Report,
    name: &str,
    model: Model<'static>,
    working: &mut Working<LISTENER>,
    sound: &mut [u32],
) -> Result<(), Failure> {
    for (frame, sample) in sound.as_chunks_mut::<2>().0.iter_mut().zip(TestSignal::default()) {
        *frame = [(i32::from(sample) << 16).cast_unsigned(), 0];
    }
    let mut listening = listening(model, Bus { sound, at: 0 }, (Nowhere, Nowhere), working)?;
    let rate = u64::from(listening.listener().model().sample_rate());
    while listening.position() < 2 * rate {
        listening.step(|_| ())?;
    }
    report.count(name, || while listening.position() < 3 * rate && listening.step(|_| ()).is_ok() {})
}

/// Detector and lines of JSON; the stack of all from samples to a line.
fn answers(
    report: &mut Report,
    model: &Model<'_>,
    samples: &[i16],
    memory: &mut [u8],
    (detector_memory, line): (&mut [u8], &mut [u8]),
) -> Result<(), Failure> {
    let mut recognizer = Recognizer::new(*model, memory)?;
    let mut scores = [0.0; LABELS];
    let scores = &mut scores[..model.label_count().min(LABELS)];
    scores.copy_from_slice(recognizer.classify(samples)?);

    report.count("scores", || FunctionToApply::from(model.problem()).apply(scores))?;
    let settings = DetectorSettings::from_defaults(model.detector());
    let labels = model.labels().zip(model.thresholds().iter().copied());
    let mut detector = Detector::new(Timing::of(model), &settings, labels, detector_memory)?;
    let end = model.window_samples() as u64;
    report.count("detector", || detector.step(end, scores, |_| ()))?;
    let detection = Detection { label: 0, score: 0.97, start: 19_840, end: 28_480 };
    let label = model.labels().next().unwrap_or_default();
    report.count("event line", || write_event(label, &detection, model.sample_rate(), line).is_ok())?;
    let response = |scores: &[f32], line: &mut [u8]| {
        let ranking = Ranking::new(scores, None);
        let labels = model.labels();
        write_response(ranking.map(|place| (labels.clone().nth(place.index).unwrap_or_default(), place.score)), line)
            .is_ok()
    };
    report.count("answer of a window", || response(scores, line))?;

    let peak = stack::peak(|| {
        let outputs = recognizer.classify(samples);
        outputs.is_ok_and(|outputs| {
            scores.copy_from_slice(outputs);
            FunctionToApply::from(model.problem()).apply(scores);
            detector.step(2 * end, scores, |_| ()).is_ok() && response(scores, line)
        })
    });
    report.figure("stack", format_args!("{}", peak.ok_or(Failure::Stack)?))
}
