//! Listening to a live source, and to sound that arrives in pieces.

use std::cell::Cell;
use std::collections::VecDeque;
use std::time::Duration;

use crate::recording::{samples, wav, words};
use crate::support::fixture;
use earmark::Error;
use earmark::audio::AudioStream;
use earmark::classify::{Classifier, Engine};
use earmark::listen::{
    Capture, CaptureFormat, Captured, ListenerMemory, LiveEvent, Session, StreamListener, hear, listen,
};
use earmark::model::LoadedModel;
use earmark_core::detect::{Detection, GateSettings};
use earmark_core::engine::PlanEngine;
use earmark_core::listener::{Event, Listener, ListenerSettings};
use earmark_core::signal::{Preset, SignalCondition};
use proptest::prelude::*;

/// A source that gives what it is told to.
struct Script(VecDeque<Result<Captured, Error>>);

impl Capture for Script {
    fn next(&mut self, _patience: Duration) -> Result<Captured, Error> {
        self.0.pop_front().unwrap_or(Ok(Captured::End))
    }
}

const MONO: CaptureFormat = CaptureFormat { sample_rate: 16_000, channels: 1 };

/// 16 kHz samples in blocks as a sound card of another format would give them: each sample so many times, on every channel.
fn blocks(samples: &[i16], format: CaptureFormat) -> impl Iterator<Item = Result<Captured, Error>> {
    let repeated = format.sample_rate as usize / 16_000 * format.channels;
    samples.chunks(160).map(move |chunk| {
        let interleaved =
            chunk.iter().flat_map(|&sample| std::iter::repeat_n(f32::from(sample) / 32_768.0, repeated)).collect();
        Ok(Captured::Frames { format, interleaved })
    })
}

#[derive(Debug, Clone, PartialEq)]
enum Told {
    Detection(Detection),
    Signal(u64, SignalCondition),
    Overrun(u64, u64),
    Scores(u64, Vec<f32>),
}

/// Everything that is told while a script is listened to.
fn live(script: impl IntoIterator<Item = Result<Captured, Error>>) -> (Session, Vec<Told>) {
    let loaded = LoadedModel::built_in();
    let mut memory = ListenerMemory::new(&loaded, Engine::Core).unwrap();
    let settings = ListenerSettings::of(memory.model());
    let mut told = Vec::new();
    let mut source = Script(script.into_iter().collect());
    let session = listen(
        &mut source,
        &mut memory.listener(&settings).unwrap(),
        || false,
        |event| {
            told.extend(match event {
                LiveEvent::Detection(detection) => Some(Told::Detection(detection)),
                LiveEvent::Signal { at, condition } => Some(Told::Signal(at, condition)),
                LiveEvent::Overrun { at, count } => Some(Told::Overrun(at, count)),
                _ => None,
            });
            Ok(())
        },
    );
    (session.unwrap(), told)
}

fn labels(told: &[Told]) -> Vec<String> {
    let loaded = LoadedModel::built_in();
    let model = loaded.model().unwrap();
    let detections = told.iter().filter_map(|told| match told {
        Told::Detection(detection) => Some(detection.label),
        _ => None,
    });
    detections.map(|label| model.labels().nth(label).unwrap().to_owned()).collect()
}

#[test]
fn a_microphone_hears_what_a_file_holds() {
    // A file is heard as if there had been silence before.
    let recording = words(&["_silence_", "yes", "no"]);
    let (session, told) = live(blocks(&recording, MONO));
    assert_eq!((session.samples, session.overruns), (96_000, 0));
    assert!(session.fault.is_none());
    assert_eq!(labels(&told), ["yes", "no"]);

    let loaded = LoadedModel::built_in();
    let mut memory = ListenerMemory::new(&loaded, Engine::Core).unwrap();
    let settings = ListenerSettings::of(memory.model());
    let mut from_file = Vec::new();
    let file = wav(&recording);
    let mut audio = AudioStream::from_pipe(&file[..], 16_000).unwrap();
    let heard = hear(&mut audio, &mut memory.listener(&settings).unwrap(), |event| {
        if let Event::Detection(detection) = event {
            from_file.push(Told::Detection(detection));
        }
        Ok(())
    });
    assert_eq!(heard.unwrap().samples, 96_000);
    assert_eq!(told, from_file);
}

#[test]
fn any_rate_and_number_of_channels_is_heard() {
    for (sample_rate, channels) in [(16_000, 2), (48_000, 1), (48_000, 2), (96_000, 8)] {
        let format = CaptureFormat { sample_rate, channels };
        let (session, told) = live(blocks(&words(&["yes", "no"]), format));
        assert!(session.fault.is_none());
        assert_eq!(labels(&told), ["yes", "no"], "{format:?}");
    }
}

#[test]
fn lost_samples_are_told_counted_and_start_anew() {
    let half = &samples("yes.wav")[..8_000];
    let word = words(&["no"]);
    let script = blocks(half, MONO)
        .chain([Ok(Captured::Overrun), Ok(Captured::Overrun), Ok(Captured::Nothing)])
        .chain(blocks(&word, MONO));
    let (session, told) = live(script);
    assert_eq!((session.samples, session.overruns), (40_000, 2));
    assert_eq!(told[..2], [Told::Overrun(8_000, 1), Told::Overrun(8_000, 2)]);
    assert_eq!(labels(&told), ["no"]);
    // Times go on behind the gap.
    let alone = live(blocks(&words(&["no"]), MONO)).1;
    match (&told[2], &alone[0]) {
        (Told::Detection(late), Told::Detection(early)) => {
            assert_eq!((late.start, late.end), (early.start + 8_000, early.end + 8_000));
        }
        others => panic!("{others:?}"),
    }
}

#[test]
fn a_microphone_that_fails_on_the_way_ends_the_session_in_its_words() {
    let gone = Error::MicrophoneLost { detail: "Device disconnected".to_owned() };
    let (session, told) = live(blocks(&words(&["yes"]), MONO).chain([Err(gone)]));
    assert_eq!(labels(&told), ["yes"]);
    assert_eq!(session.samples, 32_000);
    assert_eq!(
        session.fault.unwrap().to_string(),
        "the microphone is gone (Device disconnected): plug it in and start again"
    );
}

#[test]
fn another_sample_rate_on_the_way_is_a_fault() {
    let faster = CaptureFormat { sample_rate: 48_000, channels: 1 };
    let (session, _) = live(blocks(&samples("yes.wav"), MONO).chain(blocks(&samples("yes.wav"), faster)));
    assert_eq!(session.samples, 16_000);
    let says = session.fault.unwrap().to_string();
    assert!(says.starts_with("the microphone's format changed on the way, from 16000 Hz to 48000 Hz: "), "{says}");
    let (session, _) =
        live([Ok(Captured::Frames { format: CaptureFormat { sample_rate: 0, channels: 1 }, interleaved: vec![0.0] })]);
    assert!(session.fault.is_some());
}

#[test]
fn a_dead_microphone_is_diagnosed() {
    let (_, told) = live(blocks(&[0; 32_000], MONO));
    assert_eq!(told, [Told::Signal(16_000, SignalCondition::AllZero)]);
}

#[test]
fn whoever_asks_to_stop_is_heard() {
    let loaded = LoadedModel::built_in();
    let mut memory = ListenerMemory::new(&loaded, Engine::Core).unwrap();
    let settings = ListenerSettings::of(memory.model());
    /// A microphone in a silent room, for ever.
    struct Room;
    impl Capture for Room {
        fn next(&mut self, _patience: Duration) -> Result<Captured, Error> {
            Ok(Captured::Frames { format: MONO, interleaved: vec![0.0; 160] })
        }
    }
    let asked = Cell::new(0);
    let is_stopped = || {
        asked.set(asked.get() + 1);
        asked.get() > 50
    };
    let session = listen(&mut Room, &mut memory.listener(&settings).unwrap(), is_stopped, |_| Ok(())).unwrap();
    assert_eq!(session.samples, 50 * 160);
    assert!(session.fault.is_none());
    // Nobody who takes the events is an end at once.
    let full = || Error::Output(std::io::ErrorKind::BrokenPipe.into());
    let outcome = listen(&mut Room, &mut memory.listener(&settings).unwrap(), || false, |_| Err(full()));
    assert!(matches!(outcome, Err(Error::Output(_))));
}

fn keep(told: &mut Vec<Told>, event: Event<'_>) {
    told.extend(match event {
        Event::Detection(detection) => Some(Told::Detection(detection)),
        Event::Signal { at, condition } => Some(Told::Signal(at, condition)),
        Event::Scores { end, scores } => Some(Told::Scores(end, scores.to_vec())),
        _ => None,
    });
}

/// Every event of a recording that is pushed in chunks of these lengths, over and over.
fn pushed(listener: &mut StreamListener<'_>, recording: &[i16], chunks: &[usize]) -> Vec<Told> {
    let mut told = Vec::new();
    let mut rest = recording;
    for &length in chunks.iter().cycle() {
        let (chunk, behind) = rest.split_at(length.min(rest.len()));
        listener.push(chunk, |event| keep(&mut told, event)).unwrap();
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    told
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn chunks_of_any_length_give_the_same_events(
        chunks in prop::collection::vec(1_usize..4_000, 1..6),
        preset in prop::sample::select(vec![Preset::None, Preset::Inmp441, Preset::Sph0645]),
        has_gate in any::<bool>(),
        is_reset in any::<bool>(),
    ) {
        let loaded = LoadedModel::built_in();
        let mut memory = ListenerMemory::new(&loaded, Engine::Core).unwrap();
        let mut settings = ListenerSettings::of(memory.model());
        settings.conditioning = preset.conditioning(16_000);
        settings.gate = has_gate.then(|| GateSettings::for_window(1_000));
        let recording = words(&["yes"]);
        let mut listener = memory.listener(&settings).unwrap();
        let whole = pushed(&mut listener, &recording, &[recording.len()]);
        prop_assert!(whole.iter().any(|told| matches!(told, Told::Scores(..))));
        if is_reset {
            // Whatever was heard before a reset leaves no trace.
            pushed(&mut listener, &samples("stop.wav")[..chunks[0]], &chunks);
        }
        listener.reset();
        prop_assert_eq!(pushed(&mut listener, &recording, &chunks), whole);
    }
}

#[test]
fn scores_are_those_of_the_same_window_alone() {
    let loaded = LoadedModel::built_in();
    let recording = words(&["yes"]);
    let mut memory = ListenerMemory::new(&loaded, Engine::Core).unwrap();
    let model = loaded.model().unwrap();
    let settings = ListenerSettings::of(&model);
    let told = pushed(&mut memory.listener(&settings).unwrap(), &recording, &[1_000]);
    let mut classifier = Classifier::new(&loaded, Engine::Core).unwrap();
    let function = classifier.function_to_apply();
    let mut common = 0;
    for window in classifier.windows(&recording).unwrap() {
        // A window ends with its last frame, which need not be its last sample.
        let spec = model.front_end();
        let end_of_window = (window.samples.start + (model.frames() - 1) * spec.hop_length + spec.window_length) as u64;
        let streamed = told.iter().find_map(|told| match told {
            Told::Scores(end, scores) if *end == end_of_window => Some(scores),
            _ => None,
        });
        if let Some(streamed) = streamed {
            assert_eq!(*streamed, window.scores(function), "{:?}", window.samples);
            common += 1;
        }
    }
    assert!(common >= 2, "windows on both grids: {common}");
}

/// What a word is answered with by a listener, with times since the word's start.
fn answer(listener: &mut Listener<'_, '_, PlanEngine<'_, '_>>) -> Vec<Told> {
    let start = listener.position();
    let mut told = Vec::new();
    listener.push(&words(&["yes"]), |event| keep(&mut told, event)).unwrap();
    for told in &mut told {
        match told {
            Told::Detection(detection) => {
                detection.start -= start;
                detection.end -= start;
            }
            Told::Scores(end, _) => *end -= start,
            _ => {}
        }
    }
    told
}

/// A day with `EARMARK_FULL`, else a minute: at its end a listener lives in the bytes that it was given at the start, of which it asks no
/// more than was known while the program was built, and answers as at its beginning.
#[test]
fn a_day_of_listening_changes_nothing() {
    let minutes = if std::env::var_os("EARMARK_FULL").is_some() { 24 * 60 } else { 1 };
    let loaded = LoadedModel::built_in();
    let model = loaded.model().unwrap();
    let mut words_of_memory = vec![0_u128; model.sizes().listener.div_ceil(16)];
    let memory: &mut [u8] = bytemuck::cast_slice_mut(&mut words_of_memory);
    let memory = &mut memory[..model.sizes().listener];
    let mut listener = Listener::new(model, &ListenerSettings::of(&model), memory).unwrap();
    let mut minute = Vec::new();
    while minute.len() < 58 * 16_000 {
        minute.extend(words(&["no", "_unknown_", "stop", "_silence_"]));
    }
    minute.resize(60 * 16_000, 0);
    listener.push(&minute, |_| {}).unwrap();
    let first = answer(&mut listener);
    assert!(first.iter().any(|told| matches!(told, Told::Detection(_))));
    for _ in 0..minutes {
        listener.push(&minute, |_| {}).unwrap();
    }
    assert_eq!(answer(&mut listener), first);
}

#[test]
fn a_file_that_breaks_off_gives_its_events_and_its_fault() {
    let loaded = LoadedModel::built_in();
    let mut memory = ListenerMemory::new(&loaded, Engine::Core).unwrap();
    let settings = ListenerSettings::of(memory.model());
    let file = std::fs::read(fixture("yes.wav")).unwrap();
    let mut audio = AudioStream::from_pipe(&file[..30_001], 16_000).unwrap();
    let mut ends = Vec::new();
    let heard = hear(&mut audio, &mut memory.listener(&settings).unwrap(), |event| {
        if let Event::Detection(detection) = event {
            ends.push(detection.end);
        }
        Ok(())
    });
    let heard = heard.unwrap();
    assert_eq!(heard.samples, 14_978);
    assert!(matches!(heard.fault, Some(Error::AudioTruncated { .. })));
    assert!(ends.iter().all(|&end| end <= heard.samples), "{ends:?}");
}
