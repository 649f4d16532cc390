//! From samples to outputs.

use crate::support::artifact::{Artifact, Bytes, PlainConvolution};
use earmark_core::Error;
use earmark_core::engine::{Network, PlanEngine};
use earmark_core::frontend::FrontEnd;
use earmark_core::model::format::word;
use earmark_core::model::{Element, Memory, Model, Tensor, Window};
use earmark_core::recognizer::Recognizer;

/// A net of one layer over 20 frames of 16 bands, three labels.
fn bytes() -> Bytes {
    let mut artifact = Artifact::new(20, 16);
    artifact.header[word::INPUT_SCALE] = 0.2f32.to_bits();
    artifact.header[word::OUTPUT_SCALE] = 0.125f32.to_bits();
    let input = artifact.features();
    let output = Tensor { offset: 320, height: 1, width: 1, channels: 3, zero_point: 2, element: Element::Int8 };
    artifact.convolution(
        &PlainConvolution {
            input,
            output,
            window: Window { kernel: [20, 1], stride: [1, 1], dilation: [1, 1], pad: [0, 0] },
            groups: 1,
            clamp: [-128, 127],
            weights: (0..3 * 320).map(|index| (index * 71 % 255) as u8 as i8).collect(),
            biases: vec![100, -100, 0],
            scales: vec![0.001, 0.002, 0.003],
        },
        false,
    );
    artifact.labels(&["yes", "no", "_silence_"].map(String::from));
    artifact.bytes()
}

/// A clip of noise, the same every time.
fn noise(length: usize, seed: u32) -> Vec<i16> {
    let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(seed), next).map(|state| (state >> 16) as u16 as i16).take(length).collect()
}

#[test]
fn exactly_the_memory_that_it_asks_for_is_enough() {
    let bytes = bytes();
    let model = Model::new(&bytes).unwrap();
    let needed = model.sizes().recognizer;
    let mut memory = Memory::<8192>::new();
    let memory = memory.bytes();
    assert!(Recognizer::new(model, &mut memory[..needed]).is_ok());
    for given in [needed - 1, model.sizes().engine, model.sizes().engine - 1, 0] {
        let refused = Recognizer::new(model, &mut memory[..given]).err();
        assert_eq!(refused, Some(Error::MemoryTooSmall { needed, given }));
    }
}

#[test]
fn memory_off_its_alignment_is_refused() {
    let bytes = bytes();
    let model = Model::new(&bytes).unwrap();
    let needed = model.sizes().recognizer;
    let mut memory = Memory::<8192>::new();
    for off in 1..4 {
        let refused = Recognizer::new(model, &mut memory.bytes()[off..off + needed]).err();
        assert_eq!(refused, Some(Error::MisalignedMemory), "{off} bytes off");
    }
}

#[test]
fn classifying_twice_gives_the_same_bits() {
    let bytes = bytes();
    let model = Model::new(&bytes).unwrap();
    let clips = [1, 2].map(|seed| noise(model.window_samples(), seed));
    let mut memory = Memory::<8192>::new();
    let mut recognizer = Recognizer::new(model, memory.bytes()).unwrap();
    let mut classify =
        |clip: &[i16]| recognizer.classify(clip).map(|outputs| outputs.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
    let first = classify(&clips[0]).unwrap();
    let other = classify(&clips[1]).unwrap();
    assert_ne!(first, other);
    for length in [0, 1, clips[0].len() - 1] {
        let needed = model.window_samples();
        assert_eq!(
            classify(&clips[1][..length]),
            Err(Error::BufferLength { buffer: "samples", needed, given: length })
        );
    }
    assert_eq!(classify(&clips[0]).unwrap(), first, "what was heard before does not matter");
}

#[test]
fn it_is_the_front_end_and_the_engine_in_a_row() {
    let bytes = bytes();
    let model = Model::new(&bytes).unwrap();
    let clip = noise(model.window_samples(), 7);

    let front_end = FrontEnd::new(model.front_end()).unwrap();
    let mut memory = vec![0; model.sizes().engine];
    let mut engine = PlanEngine::new(model, &mut memory).unwrap();
    let (mut scratch, mut features) = (vec![0.0; front_end.scratch_len()], vec![0.0; front_end.features()]);
    let spec = model.front_end();
    for frame in clip.windows(spec.window_length).step_by(spec.hop_length) {
        front_end.frame(frame, &mut scratch, &mut features).unwrap();
        engine.push_frame(&features).unwrap();
    }
    let mut expected = [0.0; 3];
    assert_eq!(engine.outputs(&mut expected), Ok(true));

    let mut memory = Memory::<8192>::new();
    let mut recognizer = Recognizer::new(model, memory.bytes()).unwrap();
    assert_eq!(recognizer.classify(&clip), Ok(&expected[..]));
    assert_eq!(recognizer.network().quantised_features(), engine.quantised_features());
}

/// Never has an answer.
struct Silent;

impl Network for Silent {
    fn reset(&mut self) {}

    fn push_frame(&mut self, _: &[f32]) -> Result<(), Error> {
        Ok(())
    }

    fn push_quantised(&mut self, _: &[i8]) -> Result<(), Error> {
        Ok(())
    }

    fn outputs(&mut self, _: &mut [f32]) -> Result<bool, Error> {
        Ok(false)
    }
}

#[test]
fn a_network_without_an_answer_is_no_answer() {
    let bytes = bytes();
    let model = Model::new(&bytes).unwrap();
    let mut memory = Memory::<8192>::new();
    let mut recognizer = Recognizer::with_network(model, Silent, memory.bytes()).unwrap();
    assert_eq!(recognizer.classify(&noise(model.window_samples(), 7)), Err(Error::NetworkFailed));
}
