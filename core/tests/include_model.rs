//! `include_model!`: a model in a program, with its memory known when the program is built.

use earmark_core::model::checksum::xxh32;
use earmark_core::model::format::{CHECKED_FROM, word};
use earmark_core::model::{Memory, Model, build_limit, build_sizes};
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
    assert_eq!([SAMPLE.sizes(), AGAIN_SIZES], [SIZES; 2]);
    assert_eq!(Model::new(AGAIN.bytes()).unwrap().bytes(), SAMPLE.bytes());
    let mut recognizer = Recognizer::new(SAMPLE, memory.bytes()).unwrap();
    let ramp: Vec<i16> = (0..SIZES.window_samples).map(|index| (index * 7919) as u16 as i16).collect();
    let outputs = recognizer.classify(&ramp).unwrap();
    assert_eq!(outputs.iter().map(|output| output.to_bits()).collect::<Vec<_>>(), OUTPUTS);
}

/// What the build says of it: in constant evaluation the same panic ends the build.
fn refused<T: std::fmt::Debug>(check: impl FnOnce() -> T + std::panic::UnwindSafe) -> String {
    *std::panic::catch_unwind(check).expect_err("a refusal").downcast::<String>().expect("a message with figures")
}

#[test]
fn a_refused_build_is_told_the_reason() {
    let mut bytes = SAMPLE.bytes().to_vec();
    bytes[300] ^= 1;
    assert_eq!(refused(|| build_sizes(&bytes)), "the artifact is damaged");
    bytes[300] ^= 1;
    let with_word = |number: usize, value: u32| {
        let mut bytes = bytes.clone();
        bytes[4 * number..][..4].copy_from_slice(&value.to_le_bytes());
        let checksum = xxh32(&bytes, CHECKED_FROM);
        bytes[4 * word::CHECKSUM..][..4].copy_from_slice(&checksum.to_le_bytes());
        refused(move || build_sizes(&bytes))
    };
    assert_eq!(with_word(word::PROBLEM, 2), "unknown problem type (header, byte 28)");
    assert_eq!(with_word(word::OP_COUNT, 11), "it is of no known kind or its record is cut short (operator 10)");
}

#[test]
fn a_model_too_large_is_refused_with_the_number_of_bytes() {
    build_limit(&SIZES, SIZES.recognizer);
    let message = format!("the model needs {} bytes of RAM and may take 100", SIZES.recognizer);
    assert_eq!(refused(|| build_limit(&SIZES, 100)), message);
}
