//! Any bytes are safe to give to the compiler: it answers or refuses in one line, and never panics.
#![cfg(feature = "tract")]

use std::path::Path;

use earmark::Error;
use earmark::classify::{Classifier, Engine};
use earmark::compile::calibrate::FloatModel;
use earmark::compile::compile;
use earmark::compile::metadata::Layers;
use earmark::model::LoadedModel;
use earmark_core::model::Model;
use proptest::prelude::*;

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models").join(name)).unwrap()
}

/// Compiles and checks that what comes out is an artifact that the core takes.
fn try_compile(onnx: &[u8]) {
    match compile(onnx, &Layers::default()) {
        Ok(artifact) => {
            let mut aligned = vec![0u128; artifact.len().div_ceil(16)];
            let aligned: &mut [u8] = &mut bytemuck::cast_slice_mut(&mut aligned)[..artifact.len()];
            aligned.copy_from_slice(&artifact);
            // A description that the core refuses (a front end that overflows, say) is refused there.
            let _ = Model::new(aligned);
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
    }
}

/// Reads for calibration and runs on tract, as it is: answered or refused in one line.
fn try_float(onnx: &[u8]) {
    let one_line = |error: Error| assert!(!error.to_string().contains('\n'), "{error}");
    if let Err(error) = FloatModel::new(onnx, &Layers::default()) {
        one_line(error);
    }
    let run = || {
        let described = LoadedModel::describe("damaged", onnx.to_vec(), &Layers::default())?;
        Classifier::new(&described, Engine::Tract)?.windows(&[0; 100])
    };
    if let Err(error) = run() {
        one_line(error);
    }
}

#[test]
fn no_beginning_of_a_model_is_fatal() {
    let model = golden("doorbell.onnx");
    for length in 0..model.len() {
        try_compile(&model[..length]);
    }
}

#[test]
fn long_chains_do_not_exhaust_the_stack() {
    let model = golden("deep.onnx");
    let compiled = std::thread::Builder::new().stack_size(1 << 20).spawn(move || compile(&model, &Layers::default()));
    assert!(compiled.unwrap().join().unwrap().is_ok());
}

/// A sample, or all that `ci.sh --full` asks for.
fn cases() -> u32 {
    if std::env::var_os("EARMARK_FULL").is_some() { 100_000 } else { 400 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_are_fatal(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        try_compile(&bytes);
    }

    #[test]
    fn no_damage_to_a_model_is_fatal(
        name in prop_oneof![Just("doorbell.onnx"), Just("accepted.onnx"), Just("qdq.onnx"), Just("qoperator.onnx")],
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut model = golden(name);
        for (place, byte) in damage {
            let place = place.index(model.len());
            model[place] = byte;
        }
        try_compile(&model);
    }

    #[test]
    fn no_damage_to_a_float_model_is_fatal(
        name in prop_oneof![
            Just("float_recurrent.onnx"),
            Just("torch_crnn_lstm.onnx"),
            Just("float_waveform.onnx"),
            Just("float_tc_resnet.onnx")
        ],
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        // Weights are most of a file, and what is in them matters least.
        is_behind in any::<bool>(),
    ) {
        let mut model = golden(name);
        let first = if is_behind { model.len() - model.len() / 20 } else { 0 };
        let places = if is_behind { model.len() - first } else { model.len().min(4_000) };
        for (place, byte) in damage {
            model[first + place.index(places)] = byte;
        }
        try_float(&model);
    }
}
