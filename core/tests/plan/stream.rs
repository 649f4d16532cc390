//! A stream gives, step by step, the bits that its windows give whole.

use crate::support::artifact::Bytes;
use crate::support::cases::cases;
use crate::support::sample::{recurrent, streaming, streaming_in};
use earmark_core::Error;
use earmark_core::detect::GateSettings;
use earmark_core::engine::{Network, PlanEngine};
use earmark_core::listener::{Event, Listener, ListenerSettings};
use earmark_core::model::format::word;
use earmark_core::model::{Element, Mode, Model, Op};
use earmark_core::recognizer::Recognizer;
use proptest::array::uniform8;
use proptest::collection::vec;
use proptest::prelude::*;

fn memory(length: usize) -> Vec<u32> {
    vec![0x5A5A_5A5A; length.div_ceil(4)]
}

proptest! {
    #![proptest_config(cases(2_000, 100_000))]

    #[test]
    fn a_step_gives_what_its_window_gives(
        frames in vec(uniform8(-200.0..200.0f32), 9..60),
        reset_after in 0usize..60,
        element in prop_oneof![Just(Element::Int8), Just(Element::Int16)],
    ) {
        let mut artifact = streaming_in(element);
        if element == Element::Int16 {
            artifact.header[word::INPUT_SCALE] = (1.0f32 / 128.0).to_bits();
        }
        let bytes = artifact.bytes();
        let model = Model::new(&bytes).unwrap();
        let mut window = vec![0x77; model.sizes().engine];
        let mut windowed = PlanEngine::new(model, &mut window).unwrap();
        let mut state = vec![0x77; model.sizes().streaming_engine];
        let mut stream = PlanEngine::streaming(model, &mut state).unwrap();
        let mut heard = 0;
        for (index, frame) in frames.iter().enumerate() {
            if index == reset_after {
                windowed.reset();
                stream.reset();
                heard = 0;
            }
            windowed.push_frame(frame).unwrap();
            stream.push_frame(frame).unwrap();
            heard += 1;
            let expected = windowed.quantised_outputs().filter(|_| heard % 2 == 0).map(<[i8]>::to_vec);
            prop_assert_eq!(stream.quantised_outputs(), expected.as_deref());
        }
    }

    /// Scores depend on the samples alone, however they come.
    #[test]
    fn chunks_make_no_difference(samples in vec(any::<i16>(), 0..900), cuts in vec(0usize..200, 0..20)) {
        let bytes = streaming().bytes();
        let model = Model::new(&bytes).unwrap();
        let (window, hop, step) = (model.window_samples(), 16, model.step_samples());
        prop_assert_eq!(step, 2 * hop);
        let mut memory_of_windows = memory(model.sizes().recognizer);
        let mut whole = Recognizer::new(model, bytemuck::cast_slice_mut(&mut memory_of_windows)).unwrap();
        let mut expected = Vec::new();
        for end in (window..=samples.len()).step_by(step) {
            expected.push((end as u64, whole.classify(&samples[end - window..end]).unwrap().to_vec()));
        }
        let mut state = memory(model.sizes().streaming_recognizer);
        let mut stream = Recognizer::streaming(model, bytemuck::cast_slice_mut(&mut state)).unwrap();
        let mut heard = Vec::new();
        let mut rest = &samples[..];
        for cut in cuts.iter().copied().chain([usize::MAX]) {
            let (chunk, later) = rest.split_at(cut.min(rest.len()));
            stream.push(chunk, |end, outputs| heard.push((end, outputs.to_vec()))).unwrap();
            rest = later;
        }
        prop_assert_eq!(heard, expected);
    }
}

proptest! {
    #![proptest_config(cases(500, 50_000))]

    /// What a stream with a carried state gives is what one window gives that begins at the last reset.
    #[test]
    fn a_carried_state_is_that_of_one_long_window(
        samples in vec(any::<i16>(), 0..900),
        cuts in vec(0usize..200, 0..20),
        resets in vec(any::<bool>(), 20),
    ) {
        let bytes = recurrent(10).bytes();
        let model = Model::new(&bytes).unwrap();
        let mut state = memory(model.sizes().streaming_recognizer);
        let mut stream = Recognizer::streaming(model, bytemuck::cast_slice_mut(&mut state)).unwrap();
        let mut heard = Vec::new();
        let mut rest = &samples[..];
        let mut since = 0;
        for (cut, is_reset) in cuts.iter().copied().zip(resets).chain([(usize::MAX, false)]) {
            let (chunk, later) = rest.split_at(cut.min(rest.len()));
            if is_reset {
                stream.reset();
                heard.clear();
                since = samples.len() - rest.len();
            }
            stream.push(chunk, |end, outputs| heard.push((end, outputs.to_vec()))).unwrap();
            rest = later;
        }
        let (samples, first) = (&samples[since..], model.window_samples());
        let mut expected = Vec::new();
        for (index, end) in (first..=samples.len()).step_by(model.step_samples()).enumerate() {
            let bytes = recurrent(10 + 2 * index as u16).bytes();
            let model = Model::new(&bytes).unwrap();
            prop_assert_eq!(model.window_samples(), end);
            let mut memory = memory(model.sizes().recognizer);
            let mut whole = Recognizer::new(model, bytemuck::cast_slice_mut(&mut memory)).unwrap();
            expected.push((end as u64, whole.classify(&samples[..end]).unwrap().to_vec()));
        }
        prop_assert_eq!(heard, expected);
    }
}

#[test]
fn a_listener_listens_step_by_step() {
    let bytes = streaming().bytes();
    let model = Model::new(&bytes).unwrap();
    assert_eq!(model.mode(), Mode::Streaming { stride_frames: 2 });
    let settings = ListenerSettings::of(&model);
    let mut state = memory(model.sizes().listener);
    let mut listener = Listener::new(model, &settings, bytemuck::cast_slice_mut(&mut state)).unwrap();
    let mut ends = Vec::new();
    let on_event = |event: Event<'_>| {
        if let Event::Scores { end, .. } = event {
            ends.push(end);
        }
    };
    listener.push(&[100; 300], on_event).unwrap();
    // A window is 176 samples long, a step 32.
    assert_eq!(ends, [176, 208, 240, 272]);
    // After half a window of silence, in whole steps, windows end earlier; the others are where they were, and say the same.
    let heard = |after_silence: bool| {
        let mut state = memory(model.sizes().listener);
        let mut listener = Listener::new(model, &settings, bytemuck::cast_slice_mut(&mut state)).unwrap();
        let mut heard = Vec::new();
        if after_silence {
            listener.reset_after_silence().unwrap();
        }
        let samples: Vec<i16> = (0..300).map(|n| (n * n % 1_000) as i16).collect();
        let keep = |event: Event<'_>| {
            if let Event::Scores { end, scores } = event {
                heard.push((end, scores.to_vec()));
            }
        };
        listener.push(&samples, keep).unwrap();
        assert_eq!(listener.position(), 300);
        heard
    };
    let (without, after) = (heard(false), heard(true));
    assert_eq!(after.iter().map(|(end, _)| *end).collect::<Vec<_>>(), [80, 112, 144, 176, 208, 240, 272]);
    assert_eq!(after[3..], without);
    let needed = model.sizes().listener;
    let mut small = memory(needed - 4);
    let given = needed - 4;
    let small = bytemuck::cast_slice_mut::<u32, u8>(&mut small);
    assert_eq!(Listener::new(model, &settings, small).err(), Some(Error::MemoryTooSmall { needed, given }));
}

/// A gate that is open changes nothing: windows are told of at the sample at which they end, also where the last frame ends before the window.
#[test]
fn an_open_gate_keeps_no_window_back() {
    let mut artifact = streaming();
    artifact.header[word::WINDOW_SAMPLES] += 15;
    let bytes = artifact.bytes();
    let model = Model::new(&bytes).unwrap();
    assert_eq!((model.window_samples(), model.first_window_end()), (191, 176));
    for gate in [None, Some(GateSettings::for_window(600_000))] {
        let settings = ListenerSettings { gate, ..ListenerSettings::of(&model) };
        let mut state = memory(model.sizes().streaming_recognizer + settings.memory(&model));
        let mut listener = Listener::new(model, &settings, bytemuck::cast_slice_mut(&mut state)).unwrap();
        let mut told = Vec::new();
        for heard in 1..=300 {
            let on_event = |event: Event<'_>| {
                if let Event::Scores { end, .. } = event {
                    told.push((end, heard));
                }
            };
            listener.push(&[100], on_event).unwrap();
        }
        assert_eq!(told, [(176, 176), (208, 208), (240, 240), (272, 272)], "{gate:?}");
        assert_eq!(listener.left_out(), 0);
    }
}

fn spoiled(number: usize, value: u32) -> Bytes {
    let mut artifact = streaming();
    artifact.header[number] = value;
    artifact.bytes()
}

#[test]
fn what_is_wrong_with_a_stream_is_named() {
    for (number, value, expected) in [
        (word::STREAM_STRIDE, 11, "a step of the stream is longer than the window"),
        (word::STREAM_STRIDE, 4, "a delay line has no place in the streaming arena"),
        (word::STREAM_ARENA, u32::MAX, "the streaming arena is too large"),
        (word::STREAM_OUTPUT, 161, "the outputs lie outside the streaming arena"),
        (word::DELAYS, 4, "the delay lines' table lies outside the file"),
        (word::DELAY_COUNT, 0, "the delay lines' table lies outside the file"),
    ] {
        let refused = Model::new(&spoiled(number, value)).err();
        assert!(matches!(refused, Some(Error::BadHeader { what, .. }) if what == expected), "{refused:?}");
    }
    assert!(matches!(Model::new(&spoiled(word::STREAM_ARENA, 80)), Err(Error::BadHeader { .. })));
    assert!(matches!(Model::new(&spoiled(word::STREAM_SCRATCH, 0)), Ok(_) | Err(Error::BadOp { .. })));
    // The same operators as the plan of a window.
    let mut artifact = streaming();
    artifact.plan = artifact.steps.clone();
    assert!(matches!(Model::new(&artifact.bytes()), Err(Error::BadOp { .. })));
}

#[test]
fn a_carried_state_belongs_to_a_stream() {
    let mut artifact = recurrent(10);
    for op in &mut artifact.plan {
        if let Op::Recurrent(op) = op {
            (op.carried, op.state) = (true, 0);
        }
    }
    let refused = Model::new(&artifact.bytes()).err();
    assert!(matches!(refused, Some(Error::BadOp { index: 1, .. })), "{refused:?}");
}
