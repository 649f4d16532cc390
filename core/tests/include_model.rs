//! `include_model!`: a model in a program, with its memory known when the program is built.

use earmark_core::model::{Memory, Model, build_sizes, check_sizes};
use earmark_core::recognizer::Recognizer;

earmark_core::include_model! {
    /// Every operator there is.
    static SAMPLE, SIZES = "plan/every-operator.ear", at most 1024 bytes of RAM;
}

earmark_core::include_model!(pub(crate) static AGAIN, AGAIN_SIZES = "plan/every-operator.ear";);

/// The sample's outputs for a ramp, as bits: the same on every target, and from now on.
const OUTPUTS: [u32; 3] = [4.625f32.to_bits(), (-2.0f32).to_bits(), (-8.625f32).to_bits()];

#[test]
fn an_embedded_model_is_aligned_and_its_memory_is_known_at_build_time() {
    let mut memory = Memory::<{ SIZES.recognizer }>::new();
    let model = Model::new(SAMPLE).unwrap();
    assert_eq!([model.sizes(), AGAIN_SIZES], [SIZES; 2]);
    assert_eq!(Model::new(AGAIN).unwrap().bytes(), SAMPLE);
    let mut recognizer = Recognizer::new(model, memory.bytes()).unwrap();
    let ramp: Vec<i16> = (0..SIZES.window_samples).map(|index| (index * 7919) as u16 as i16).collect();
    let outputs = recognizer.classify(&ramp).unwrap();
    assert_eq!(outputs.iter().map(|output| output.to_bits()).collect::<Vec<_>>(), OUTPUTS);
}

/// In constant evaluation the same panic fails the build.
#[test]
fn a_damaged_file_is_refused_with_the_reason() {
    let mut bytes = SAMPLE.to_vec();
    bytes[300] ^= 1;
    assert_eq!(check_sizes(&bytes).map_err(|error| error.what()), Err("the artifact is damaged"));
    assert!(std::panic::catch_unwind(|| build_sizes(&bytes)).is_err());
}
