//! The compiler on whole files: a model that shares nothing with the shipped one, descriptions from several places,
//! refusals.
#![cfg(feature = "tract")]

use std::path::{Path, PathBuf};

use earmark::Error;
use earmark::compile::compile;
use earmark::compile::metadata::Layers;
use earmark::model::LoadedModel;
use earmark::verify::Verifier;
use earmark_core::api::FunctionToApply;
use earmark_core::model::Problem;
use earmark_core::recognizer::Recognizer;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models").join(name).with_extension("onnx")
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(golden(name)).unwrap()
}

/// Two seconds of a falling tone at 8 kHz, and some noise.
fn clip() -> Vec<i16> {
    let mut state = 9u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from((state >> 16) as i16) / 40.0
    };
    (0..16_000)
        .map(|index| {
            let time = f64::from(index) / 8000.0;
            let tone = (time * (9000.0 - 3000.0 * time)).sin() * 8000.0;
            (tone + noise()) as i16
        })
        .collect()
}

#[test]
fn two_seconds_three_labels_and_any_number_of_them_right() {
    let loaded = LoadedModel::open(Some(&golden("doorbell"))).unwrap();
    let model = loaded.model().unwrap();
    assert_eq!(model.labels().collect::<Vec<_>>(), ["doorbell", "knock", "dog"]);
    assert_eq!(model.problem(), Problem::MultiLabel, "it ends with a sigmoid");
    assert_eq!((model.sample_rate(), model.window_samples()), (8000, 16_000));
    assert_eq!((model.frames(), model.features()), (99, 13));

    let mut memory = vec![0u32; model.sizes().recognizer.div_ceil(4)];
    let mut recognizer = Recognizer::new(model, bytemuck::cast_slice_mut(&mut memory)).unwrap();
    let logits = recognizer.classify(&clip()).unwrap().to_vec();
    let mut scores = logits.clone();
    FunctionToApply::Sigmoid.apply(&mut scores);
    assert_eq!(scores.len(), 3);
    assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)));
    let silent = recognizer.classify(&[0; 16_000]).unwrap().to_vec();
    assert_ne!(silent, logits, "it must hear something");
}

#[test]
fn the_reference_hears_the_same() {
    let loaded = LoadedModel::open(Some(&golden("doorbell"))).unwrap();
    let mut verifier = Verifier::new(loaded.model().unwrap(), &loaded.source().unwrap()).unwrap();
    verifier.imagine(3, 200).unwrap();
    verifier.hear("tone", &clip()).unwrap();
    verifier.hear("short", &clip()[..500]).unwrap();
    let agreement = verifier.agreement();
    assert_eq!(agreement.windows, 202);
    assert!(agreement.worst.as_ref().is_none_or(|worst| worst.steps <= 1), "{agreement:?}");
}

/// Bytes are bytes: activations of uint8, and features that are quantised before the network, make the same network.
#[test]
fn unsigned_quantised_and_rearranged_inputs_make_the_same_network() {
    let signed = LoadedModel::open(Some(&golden("signed"))).unwrap();
    let signed = signed.model().unwrap();
    for name in ["unsigned", "quantized_input", "unsigned_input", "rearranged_input"] {
        let loaded = LoadedModel::open(Some(&golden(name))).unwrap();
        let model = loaded.model().unwrap();
        assert_eq!((model.input(), model.output()), (signed.input(), signed.output()), "{name}");
        assert!(model.plan().eq(signed.plan()), "{name}");
        let mut verifier = Verifier::new(model, &loaded.source().unwrap()).unwrap();
        verifier.imagine(11, 50).unwrap();
        let agreement = verifier.agreement();
        assert!(agreement.worst.as_ref().is_none_or(|worst| worst.steps <= 1), "{name}: {agreement:?}");
    }
}

/// A convolution over what is frequency in memory: the values are moved.
#[test]
fn values_are_moved_where_an_operator_needs_them() {
    let loaded = LoadedModel::open(Some(&golden("moved_values"))).unwrap();
    let mut verifier = Verifier::new(loaded.model().unwrap(), &loaded.source().unwrap()).unwrap();
    verifier.imagine(5, 50).unwrap();
    let agreement = verifier.agreement();
    assert!(agreement.worst.as_ref().is_none_or(|worst| worst.steps <= 1), "{agreement:?}");
}

#[test]
fn what_is_said_beside_the_file_and_by_flags_wins() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("described");
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("bell.onnx");
    std::fs::copy(golden("doorbell"), &path).unwrap();
    std::fs::write(
        directory.join("bell.toml"),
        "labels = [\"a\", \"b\", \"c\"]\nproblem = \"single-label\"\n[detector]\nthreshold = 0.5\n",
    )
    .unwrap();
    let loaded = LoadedModel::open(Some(&path)).unwrap();
    let model = loaded.model().unwrap();
    assert_eq!(model.labels().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!((model.problem(), model.thresholds()), (Problem::SingleLabel, &[0.5; 3][..]));

    let mut layers = Layers::default();
    layers.add_file_beside(&path).unwrap();
    layers.add_setting("detector.threshold=[0.25, 0.5, 1]").unwrap();
    let loaded = LoadedModel::compile("bell", bytes("doorbell"), &layers).unwrap();
    let model = loaded.model().unwrap();
    assert_eq!((model.labels().next(), model.thresholds()), (Some("a"), &[0.25, 0.5, 1.0][..]));
    assert_eq!(model.detector().refractory_ms, 1000, "the default");
    layers.add_setting("detector.threshold=[0.25, 0.5]").unwrap();
    let refused = LoadedModel::compile("bell", bytes("doorbell"), &layers).unwrap_err().to_string();
    assert!(refused.contains("2 numbers for 3 labels"), "{refused}");
}

#[test]
fn the_shipped_artifact_is_what_the_compiler_makes() {
    let built_in = LoadedModel::built_in();
    let artifact = compile(&built_in.source().unwrap(), &Layers::default()).unwrap();
    assert!(artifact == built_in.model().unwrap().bytes(), "compile models/commands-m.onnx anew");
}

#[test]
fn descriptions_that_do_not_fit_are_refused() {
    let refused = |setting: &str, why: &str| {
        let mut layers = Layers::default();
        layers.add_setting(setting).unwrap();
        let error = LoadedModel::compile("doorbell", bytes("doorbell"), &layers).unwrap_err().to_string();
        assert!(error.contains(why), "{setting}: {error}");
        assert!(!error.contains('\n'), "{error}");
    };
    refused("labels=[\"a\",\"b\"]", "3 outputs and there are 2 labels");
    refused("labels=[\"a\",\"b\",\"a\"]", "twice");
    refused("labels=[\"a\",\"b\",\"\"]", "label 2");
    refused("frontend.mfcc_coefficients=12", "12 features a frame");
    refused("frontend.preset=tf", "tf");
    refused("window_samples=100", "window");
    refused("volume=11", "volume");
}

#[test]
fn unsupported_operators_are_named_with_node_and_shape() {
    assert!(LoadedModel::open(Some(&golden("accepted"))).is_ok());
    let refused = |name: &str, node: &str, operator: &str, shape: &str, why: &str| {
        let error = LoadedModel::open(Some(&golden(name))).unwrap_err();
        let message = error.to_string();
        for part in [node, operator, shape, why, "supported are"] {
            assert!(message.contains(part), "{name}: {message}");
        }
        assert!(matches!(error, Error::UnsupportedOperator { .. }), "{message}");
        assert!(!message.contains('\n'), "{message}");
    };
    refused("unknown_operator", "LpNormalization3", "LpNormalization", "[1,8,10]", "not supported");
    refused("float_convolution", "Conv3", "Conv", "[1,8,10]", "not supported");
    refused("asymmetric_weights", "QLinearConv2", "QLinearConv", "[1,8,10]", "symmetric");
    refused("coarse_output", "QLinearConv2", "convolution", "[10, 1, 8]", "wider output range");
    refused("real_sum", "Add5", "Add", "[1,8,10]", "QuantizeLinear");
    let error = LoadedModel::open(Some(&golden("huge_padding"))).unwrap_err().to_string();
    assert!(error.contains("QLinearConv2") && error.contains("out of range"), "{error}");
}
