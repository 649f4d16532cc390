//! The run loop with scripted sources, networks, ports and pins.

mod common;
mod scripted;

use std::num::{NonZeroU32, NonZeroUsize};

use earmark_core::api::{FunctionToApply, Ranked, Ranking, response_bound, write_response};
use earmark_core::engine::PlanEngine;
use earmark_core::model::Model;
use earmark_core::recognizer::Recognizer;
use earmark_edge::Error;
use earmark_edge::windowed::{Buffers, Event, Settings, Windowed};
use embedded_hal::digital;
use embedded_io::{ErrorKind, Write};
use proptest::prelude::*;
use scripted::{Answers, Buffered, Loose, Pin, Quiet, Script, lines};

/// Everything the loop borrows.
struct Bench {
    model: Model<'static>,
    memory: Vec<u8>,
    samples: Vec<i16>,
    line: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let model = common::model();
        let line = response_bound(model.labels()) + 1;
        Self { model, memory: vec![0; model.sizes().recognizer], samples: vec![0; 160], line: vec![0; line] }
    }

    fn buffers<'b>(samples: &'b mut [i16], line: &'b mut [u8]) -> Buffers<'b> {
        Buffers { samples, line }
    }

    /// The loop behind a scripted network.
    fn scripted<'b, W: Write>(
        &'b mut self,
        answers: &[&[(&str, f32)]],
        (source, output): (Script, W),
        (pin, settings): (&'b mut Pin, Settings),
    ) -> Result<Windowed<'static, 'b, Answers, Script, W, &'b mut Pin>, Error> {
        let labels: Vec<&str> = self.model.labels().collect();
        let score =
            |answer: &[(&str, f32)], label| answer.iter().find(|entry| entry.0 == label).map_or(0.0, |entry| entry.1);
        let scores = answers.iter().map(|answer| labels.iter().map(|&label| score(answer, label)).collect()).collect();
        let engine = self.model.sizes().engine;
        let recognizer = Recognizer::with_network(self.model, Answers(scores), &mut self.memory[engine..])?;
        let buffers = Self::buffers(&mut self.samples, &mut self.line);
        Windowed::new(recognizer, source, (output, pin), settings, buffers)
    }

    /// Raw outputs are taken for scores, and only the best is written.
    fn plain(&self) -> Settings {
        Settings {
            function_to_apply: FunctionToApply::None,
            top_k: NonZeroU32::new(1),
            threshold: Some(0.8),
            ..Settings::of(&self.model)
        }
    }

    fn windows(&self, count: usize) -> Vec<i16> {
        vec![0; count * self.model.window_samples()]
    }
}

#[test]
fn the_model_decides_unless_told_otherwise() {
    let model = common::model();
    let settings = Settings::of(&model);
    let place = |label| model.labels().position(|other| other == label).unwrap();
    let raises = |label, above| {
        let index = place(label);
        settings.raises(&model, Ranked { index, score: model.thresholds()[index] + above })
    };
    for label in ["yes", "stop", "go"] {
        assert!(raises(label, 0.0) && !raises(label, -0.001), "{label}");
    }
    assert!(!raises("_unknown_", 1.0));
    assert_eq!(settings.hop_frames.get(), model.window_samples() / model.front_end().hop_length);
    assert_eq!(settings.top_k, None);
}

#[test]
fn the_pin_is_high_while_a_sound_is_sure() {
    let mut bench = Bench::new();
    let (settings, sound, mut pin) = (bench.plain(), bench.windows(6), Pin::default());
    let answers: [&[_]; 6] = [
        &[("yes", 0.9)],
        &[("yes", 0.79)],
        &[("no", 0.8), ("yes", 0.7)],
        &[("_unknown_", 0.95), ("yes", 0.9)],
        &[("go", 1.0)],
        &[("_silence_", 1.0)],
    ];
    let mut output = Vec::new();
    let source = Script::chunked(&sound, &[160]);
    bench.scripted(&answers, (source, &mut output), (&mut pin, settings)).unwrap().run().unwrap();
    assert_eq!(pin.states, [false, true, false, true, false, true, false]);
    assert_eq!(
        lines(&output),
        [
            r#"[{"label":"yes","score":0.9}]"#,
            r#"[{"label":"yes","score":0.79}]"#,
            r#"[{"label":"no","score":0.8}]"#,
            r#"[{"label":"_unknown_","score":0.95}]"#,
            r#"[{"label":"go","score":1.0}]"#,
            r#"[{"label":"_silence_","score":1.0}]"#,
        ]
    );
}

#[test]
fn an_overrun_is_told_and_starts_afresh() {
    let mut bench = Bench::new();
    let (settings, mut pin) = (bench.plain(), Pin::default());
    let window = bench.windows(1);
    let most = &window[..window.len() - bench.model.front_end().hop_length];
    // A window, most of one and a loss, a loss right away, and a whole window.
    let source = Script::new([
        Ok(window.clone()),
        Ok(most.to_vec()),
        Err(Error::Overrun),
        Err(Error::Overrun),
        Ok(window.clone()),
    ]);
    let mut output = Buffered::default();
    let mut windowed =
        bench.scripted(&[&[("yes", 0.9)], &[("no", 0.9)]], (source, &mut output), (&mut pin, settings)).unwrap();
    let mut events = Vec::new();
    while let Some(event) = windowed.step().unwrap() {
        events.push(match event {
            Event::Window { raised, .. } => raised,
            _ => false,
        });
    }
    assert_eq!(events, [true, false, false, true]);
    assert_eq!(windowed.overruns(), 2);
    drop(windowed);
    assert_eq!(pin.states, [false, true, false, false, true]);
    assert!(output.held.is_empty());
    assert_eq!(
        lines(&output.sent),
        [
            r#"[{"label":"yes","score":0.9}]"#,
            r#"{"overruns":1}"#,
            r#"{"overruns":2}"#,
            r#"[{"label":"no","score":0.9}]"#,
        ]
    );
}

#[test]
fn a_window_after_an_overrun_has_nothing_from_before_it() {
    let mut bench = Bench::new();
    let path = common::root().join("models/fixtures/yes.wav");
    let sound = common::samples(&path);
    let before: Vec<i16> = sound.iter().map(|sample| !sample).take(sound.len() / 2).collect();
    let window = bench.model.window_samples();
    let expected = answer(bench.model, &sound[..window]);

    let recognizer = Recognizer::new(bench.model, &mut bench.memory).unwrap();
    let source = Script::new([Ok(before), Err(Error::Overrun), Ok(sound)]);
    let mut output = Vec::new();
    let buffers = Bench::buffers(&mut bench.samples, &mut bench.line);
    Windowed::new(recognizer, source, (&mut output, Pin::default()), Settings::of(&bench.model), buffers)
        .unwrap()
        .run()
        .unwrap();
    assert_eq!(lines(&output), [r#"{"overruns":1}"#, &expected]);
}

#[test]
fn failures_are_passed_on_as_they_are() {
    let failed = Error::Source { what: "the bus is stuck" };
    let mut bench = Bench::new();
    let settings = bench.plain();
    let run = |bench: &mut Bench, source: Script, broken| {
        let mut pin = Pin { broken, ..Pin::default() };
        bench.scripted(&[], (source, Vec::new()), (&mut pin, settings)).and_then(|mut windowed| windowed.run())
    };
    assert_eq!(run(&mut bench, Script::new([Ok(vec![0; 9]), Err(failed)]), false), Err(failed));
    assert_eq!(run(&mut bench, Script::new([]), true), Err(Error::Pin(digital::ErrorKind::Other)));
    // A network that has no answer is no failure.
    let sound = bench.windows(2);
    assert_eq!(run(&mut bench, Script::new([Ok(sound)]), false), Ok(()));
}

#[test]
fn a_port_that_failed_once_gets_the_next_answer() {
    let mut bench = Bench::new();
    let (settings, sound, mut pin) = (bench.plain(), bench.windows(2), Pin::default());
    let mut port = Loose::default();
    let source = Script::new([Ok(sound)]);
    let mut windowed =
        bench.scripted(&[&[("yes", 0.9)], &[("no", 0.9)]], (source, &mut port), (&mut pin, settings)).unwrap();
    assert_eq!(windowed.step(), Err(Error::Output(ErrorKind::BrokenPipe)));
    assert!(matches!(windowed.step(), Ok(Some(Event::Window { raised: true, .. }))));
    assert_eq!(windowed.step(), Ok(None));
    drop(windowed);
    assert_eq!(lines(&port.written), [r#"[{"label":"no","score":0.9}]"#]);
}

#[test]
fn a_pin_that_breaks_silences_nothing() {
    let mut bench = Bench::new();
    let (settings, mut pin, mut output) = (bench.plain(), Pin::default(), Vec::new());
    let window = bench.windows(1);
    let source = Script::new([Ok(window.clone()), Err(Error::Overrun), Ok(window)]);
    let mut windowed =
        bench.scripted(&[&[("yes", 0.9)], &[("no", 0.7)]], (source, &mut output), (&mut pin, settings)).unwrap();
    windowed.pin().broken = true;
    let broken = Err(Error::Pin(digital::ErrorKind::Other));
    assert_eq!([windowed.step(), windowed.step(), windowed.step()], [broken; 3]);
    assert_eq!((windowed.step(), windowed.overruns()), (Ok(None), 1));
    drop(windowed);
    assert_eq!(pin.states, [false, true, false, false]);
    assert_eq!(
        lines(&output),
        [r#"[{"label":"yes","score":0.9}]"#, r#"{"overruns":1}"#, r#"[{"label":"no","score":0.7}]"#]
    );
}

#[test]
fn buffers_that_are_too_short_are_refused() {
    let mut bench = Bench::new();
    let settings = bench.plain();
    let needed = bench.line.len();
    bench.line.pop();
    let refused = bench.scripted(&[], (Script::new([]), Vec::new()), (&mut Pin::default(), settings)).err();
    assert_eq!(refused, Some(earmark_core::Error::BufferTooSmall { needed, given: needed - 1 }.into()));
    bench.line.push(0);
    bench.samples.clear();
    let refused = bench.scripted(&[], (Script::new([]), Vec::new()), (&mut Pin::default(), settings)).err();
    assert_eq!(refused, Some(earmark_core::Error::BufferLength { buffer: "samples", needed: 1, given: 0 }.into()));
}

/// The answer to one window, by way of the recogniser alone.
fn answer(model: Model<'_>, samples: &[i16]) -> String {
    let mut memory = vec![0; model.sizes().recognizer];
    let mut recognizer = Recognizer::new(model, &mut memory).unwrap();
    let mut scores = recognizer.classify(samples).unwrap().to_vec();
    Settings::of(&model).function_to_apply.apply(&mut scores);
    let labels: Vec<&str> = model.labels().collect();
    let mut buffer = vec![0; response_bound(model.labels())];
    let entries = Ranking::new(&scores, None).map(|ranked| (labels[ranked.index], ranked.score));
    write_response(entries, &mut buffer).unwrap().to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn windows_on_the_way_are_those_of_the_whole(
        loudness in 0..=i16::MAX,
        extra in 0..12_000_usize,
        hop_frames in 5..150_usize,
        lengths in prop::collection::vec(1..5_000_usize, 1..8),
        samples in 1..2_000_usize,
    ) {
        let model = common::model();
        let length = model.window_samples() + extra;
        // A saw-tooth that never repeats within the sound.
        let sound: Vec<i16> = (0..length).map(|i| ((i * i / 7) as i16) % loudness.max(1)).collect();
        let spec = model.front_end();
        // What a window's frames cover; the samples beyond that are not waited for.
        let covered = (model.frames() - 1) * spec.hop_length + spec.window_length;
        let expected: Vec<String> = (0..)
            .map(|k| k * hop_frames * spec.hop_length)
            .take_while(|start| start + covered <= length)
            .map(|start| {
                let mut window = sound[start..(start + model.window_samples()).min(length)].to_vec();
                window.resize(model.window_samples(), 0);
                answer(model, &window)
            })
            .collect();

        let mut memory = vec![0; model.sizes().recognizer];
        let recognizer = Recognizer::<PlanEngine<'_, '_>>::new(model, &mut memory).unwrap();
        let settings = Settings { hop_frames: NonZeroUsize::new(hop_frames).unwrap(), ..Settings::of(&model) };
        let mut samples = vec![0; samples];
        let mut line = vec![0; response_bound(model.labels()) + 1];
        let buffers = Bench::buffers(&mut samples, &mut line);
        let mut output = Vec::new();
        Windowed::new(recognizer, Script::chunked(&sound, &lengths), (&mut output, Quiet), settings, buffers)
            .unwrap()
            .run()
            .unwrap();
        prop_assert_eq!(lines(&output), expected);
    }
}
