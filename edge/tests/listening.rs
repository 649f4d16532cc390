//! The streaming run loop with scripted sources, networks, ports and pins.

mod common;
mod scripted;

use earmark_core::api::{event_bound, write_event, write_signal};
use earmark_core::detect::DetectorSettings;
use earmark_core::listener::{self, Listener, ListenerSettings};
use earmark_core::model::Model;
use earmark_core::recognizer::Recognizer;
use earmark_core::signal::{Preset, SignalChange};
use earmark_edge::Error;
use earmark_edge::listening::{Buffers, Event, Listening, Settings};
use embedded_hal::digital;
use embedded_io::{ErrorKind, Write};
use proptest::prelude::*;
use scripted::{Answers, Buffered, Later, Loose, Pin, Quiet, Script, block_on, lines};

/// Everything the loop borrows.
struct Bench {
    model: Model<'static>,
    memory: Vec<u8>,
    detector: Vec<u8>,
    samples: Vec<i16>,
    line: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let model = common::model();
        let line = model.labels().map(event_bound).max().unwrap() + 1;
        Self {
            model,
            memory: vec![0; model.sizes().listener],
            detector: vec![0; eager(&model).memory(&model)],
            samples: vec![0; 160],
            line: vec![0; line],
        }
    }

    /// The loop behind the model's own network.
    fn listening<'b, S, W: Write>(
        &'b mut self,
        source: S,
        output: W,
        condition: Preset,
    ) -> Listening<'static, 'b, impl earmark_core::engine::Network, S, W, Quiet> {
        let settings = conditioned(&self.model, condition);
        let listener = Listener::new(self.model, &settings, &mut self.memory).unwrap();
        let buffers = Buffers { samples: &mut self.samples, line: &mut self.line };
        Listening::new(listener, source, (output, Quiet), Settings::of(&self.model), buffers).unwrap()
    }

    /// The loop behind a scripted network, which hears a label for sure or none in window after window.
    fn scripted<'b, W: Write>(
        &'b mut self,
        heard: &[Option<&str>],
        (source, output): (Script, W),
        (pin, settings): (&'b mut Pin, Settings),
    ) -> Result<Listening<'static, 'b, Answers, Script, W, &'b mut Pin>, Error> {
        let answer = |heard: Option<&str>| -> Vec<f32> {
            self.model.labels().map(|label| if Some(label) == heard { 50.0 } else { 0.0 }).collect()
        };
        let answers = Answers(heard.iter().map(|&heard| answer(heard.or(Some("_silence_")))).collect());
        let recognizer = Recognizer::with_network(self.model, answers, &mut self.memory)?;
        let listener = Listener::with_recognizer(recognizer, &eager(&self.model), &mut self.detector)?;
        let buffers = Buffers { samples: &mut self.samples, line: &mut self.line };
        Listening::new(listener, source, (output, pin), settings, buffers)
    }

    /// Samples that give this many frames of the front end.
    fn frames(&self, count: usize) -> Vec<i16> {
        let spec = self.model.front_end();
        // Not digital silence, which is something to tell of.
        (0..(count - 1) * spec.hop_length + spec.window_length).map(|n| (n % 2) as i16).collect()
    }
}

/// Detects at once and again after nothing else, whatever the model was calibrated with.
fn eager(model: &Model<'_>) -> ListenerSettings {
    let detector = DetectorSettings {
        smoothing_ms: 0,
        isolation: 0.0,
        minimum_ms: 0,
        refractory_ms: 0,
        mute_ms: 0,
        ..DetectorSettings::from_defaults(model.detector())
    };
    ListenerSettings { detector, ..ListenerSettings::of(model) }
}

fn conditioned(model: &Model<'_>, condition: Preset) -> ListenerSettings {
    ListenerSettings { conditioning: condition.conditioning(model.sample_rate()), ..ListenerSettings::of(model) }
}

/// The lines that a sound must give, by the core's listener alone.
fn expected(model: Model<'_>, condition: Preset, sound: &[i16]) -> Vec<String> {
    let mut memory = vec![0; model.sizes().listener];
    let mut listener = Listener::new(model, &conditioned(&model, condition), &mut memory).unwrap();
    let (mut lines, mut line, rate) = (Vec::new(), [0; 256], model.sample_rate());
    let on_event = |event: listener::Event<'_>| match event {
        listener::Event::Detection(found) => {
            let label = model.labels().nth(found.label).unwrap();
            lines.push(write_event(label, &found, rate, &mut line).unwrap().to_owned());
        }
        listener::Event::Signal { at, condition } => {
            lines.push(write_signal(&SignalChange { at, condition }, rate, &mut line).unwrap().to_owned());
        }
        _ => {}
    };
    listener.push(sound, on_event).unwrap();
    lines
}

/// A second of digital silence, two words, a second of full scale.
fn sound() -> Vec<i16> {
    let fixtures = common::fixtures();
    let words = fixtures.iter().rev().step_by(7).take(2).flat_map(|file| common::samples(file));
    let silence = std::iter::repeat_n(0, 16_000);
    let square = (0..16_000).map(|n| if n / 40 % 2 == 0 { i16::MAX } else { i16::MIN });
    silence.chain(words).chain(square).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_are_those_of_the_core_whatever_the_chunks(
        lengths in prop::collection::vec(1..5_000_usize, 1..8),
        samples in 1..2_000_usize,
        condition in prop_oneof![Just(Preset::None), Just(Preset::Inmp441)],
    ) {
        let mut bench = Bench::new();
        bench.samples.resize(samples, 0);
        let (model, sound) = (bench.model, sound());
        let mut output = Vec::new();
        bench.listening(Script::chunked(&sound, &lengths), &mut output, condition).run().unwrap();
        let expected = expected(model, condition, &sound);
        let silence = r#"{"signal":"all_zero","at":1.00}"#;
        prop_assert!(expected.iter().any(|line| line == silence));
        prop_assert_eq!(lines(&output), expected);
    }
}

#[test]
fn a_source_that_is_waited_for_gives_the_same_lines() {
    let (mut bench, sound) = (Bench::new(), sound());
    let (mut output, script) = (Vec::new(), Script::chunked(&sound, &[160]));
    block_on(bench.listening(Later(script), &mut output, Preset::None).run_async()).unwrap();
    assert_eq!(lines(&output), expected(bench.model, Preset::None, &sound));
}

#[test]
fn the_pin_is_high_for_a_while_after_each_detection() {
    let mut bench = Bench::new();
    let hop = bench.model.front_end().hop_length;
    let hold = 3 * hop + 1;
    // Scores follow each other by a frame: the scripted network answers to each.
    let heard =
        [None, Some("yes"), None, None, None, None, None, Some("yes"), None, Some("no"), None, None, None, None];
    let (mut pin, mut output) = (Pin::default(), Vec::new());
    // Where a word is heard, in samples; each is prolonged by the hold.
    let at = |frame: usize| bench.frames(frame + 1).len();
    let (yes, again, no) = (at(1), at(7), at(9));
    let highs = [yes..yes + hold, again..no + hold];
    let source = Script::chunked(&bench.frames(heard.len() + 1), &[7]);
    let settings = Settings { hold_samples: hold as u32 };
    let mut listening = bench.scripted(&heard, (source, &mut output), (&mut pin, settings)).unwrap();
    loop {
        let before = listening.position() as usize;
        if !listening.step(|_| ()).unwrap() {
            break;
        }
        let after = listening.position() as usize;
        let is_high = *listening.pin().states.last().unwrap();
        assert_eq!(is_high, highs.iter().any(|high| high.start <= after && after < high.end), "{before} to {after}");
    }
    drop(listening);
    assert_eq!(pin.states, [false, true, false, true, true, false]);
    assert_eq!(lines(&output).len(), 3);
}

#[test]
fn an_overrun_is_told_and_time_goes_on() {
    let mut bench = Bench::new();
    let (model, frame) = (bench.model, bench.frames(1));
    let length = frame.len();
    let source =
        Script::new([Ok(frame.clone()), Err(Error::Overrun), Err(Error::Overrun), Ok(frame.clone()), Ok(frame)]);
    let (mut pin, mut output) = (Pin::default(), Buffered::default());
    bench.samples.resize(length, 0);
    let heard = [Some("yes"), Some("no")];
    let settings = Settings::of(&model);
    let mut listening = bench.scripted(&heard, (source, &mut output), (&mut pin, settings)).unwrap();
    let (mut ends, mut overruns) = (Vec::new(), Vec::new());
    while listening
        .step(|event| match event {
            Event::Heard(listener::Event::Detection(found)) => ends.push(found.end),
            Event::Overrun { at, count } => overruns.push((at, count)),
            _ => {}
        })
        .unwrap()
    {}
    let length = length as u64;
    assert_eq!(ends, [length, 2 * length]);
    assert_eq!(overruns, [(length, 1), (length, 2)]);
    assert_eq!((listening.overruns(), listening.position()), (2, 3 * length));
    drop(listening);
    assert_eq!(pin.states, [false, true, false, false, true]);
    assert!(output.held.is_empty());
    let told: Vec<&str> = lines(&output.sent).iter().map(|line| &line[..line.len().min(14)]).collect();
    assert_eq!(told[1..3], [r#"{"overruns":1}"#, r#"{"overruns":2}"#]);
    assert_eq!(told.len(), 4);
}

#[test]
fn failures_are_passed_on_and_lose_nothing_but_their_line() {
    let failed = Error::Source { what: "the bus is stuck" };
    let mut bench = Bench::new();
    let (settings, sound) = (Settings::of(&bench.model), bench.frames(3));
    let heard = [Some("yes"), None, Some("no")];

    let source = Script::new([Ok(vec![1; 9]), Err(failed)]);
    let run = bench.scripted(&[], (source, Vec::new()), (&mut Pin::default(), settings)).unwrap().run();
    assert_eq!(run, Err(failed));

    let mut port = Loose::default();
    let mut pin = Pin::default();
    let source = Script::new([Ok(sound.clone())]);
    bench.samples.resize(sound.len(), 0);
    let mut listening = bench.scripted(&heard, (source, &mut port), (&mut pin, settings)).unwrap();
    assert_eq!(listening.step(|_| ()), Err(Error::Output(ErrorKind::BrokenPipe)));
    assert_eq!(listening.step(|_| ()), Ok(false));
    drop(listening);
    assert_eq!(pin.states, [false, true, true]);
    assert!(lines(&port.written)[0].contains(r#""label":"no""#));

    let mut pin = Pin { broken: true, ..Pin::default() };
    let refused = bench.scripted(&heard, (Script::new([]), Vec::new()), (&mut pin, settings)).err();
    assert_eq!(refused, Some(Error::Pin(digital::ErrorKind::Other)));
}

#[test]
fn buffers_that_are_too_short_are_refused() {
    let mut bench = Bench::new();
    let settings = Settings::of(&bench.model);
    let needed = bench.line.len();
    bench.line.pop();
    let refused = bench.scripted(&[], (Script::new([]), Vec::new()), (&mut Pin::default(), settings)).err();
    assert_eq!(refused, Some(earmark_core::Error::BufferTooSmall { needed, given: needed - 1 }.into()));
    bench.line.push(0);
    bench.samples.clear();
    let refused = bench.scripted(&[], (Script::new([]), Vec::new()), (&mut Pin::default(), settings)).err();
    assert_eq!(refused, Some(earmark_core::Error::BufferLength { buffer: "samples", needed: 1, given: 0 }.into()));
}
