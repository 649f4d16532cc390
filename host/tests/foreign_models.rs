//! `--engine tract` with ONNX files that are not compiled: other operators, samples in, descriptions beside the file.
#![cfg(all(feature = "tract", feature = "serve"))]

#[allow(dead_code, reason = "each test uses its part")]
#[path = "support/server.rs"]
mod server;
mod support;

use std::path::{Path, PathBuf};

use serde_json::Value;
use server::{Server, directory};
use support::{Outcome, earmark, fixture, run};

/// What onnxruntime 1.31.1 computes with `float_waveform.onnx` of `yes.wav`, its samples divided by 32768.
const WAVEFORM: [f32; 12] = [
    0.0627343, 0.00458297, 0.369601, 0.0120527, 0.0171931, 0.0183822, 0.41197, 0.00622629, 0.00705772, 0.00380167,
    0.0384977, 0.0479013,
];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models").join(name)
}

fn on_tract(verb: &str, model: &Path) -> Outcome {
    run(earmark().args([verb, "--engine", "tract", "--model"]).arg(model).arg(fixture("yes.wav")), b"")
}

/// Scores by labels such as `label 3`.
fn scores(answer: &str) -> Vec<f32> {
    let answer: Value = serde_json::from_str(answer).unwrap();
    let mut scores = vec![f32::NAN; 12];
    for entry in answer.as_array().unwrap() {
        let label: usize = entry["label"].as_str().unwrap().strip_prefix("label ").unwrap().parse().unwrap();
        scores[label] = entry["score"].as_f64().unwrap() as f32;
    }
    scores
}

fn refused(outcome: &Outcome, why: &str) {
    assert_eq!((outcome.stdout.as_str(), outcome.code), ("", 2), "{outcome:?}");
    assert!(outcome.stderr.contains(why) && outcome.stderr.lines().count() == 1, "{outcome:?}");
}

/// A folder with the recurrent network, its front end and its labels beside it.
fn described(name: &str) -> PathBuf {
    let folder = directory(name);
    std::fs::copy(golden("float_recurrent.onnx"), folder.join("recurrent.onnx")).unwrap();
    std::fs::write(
        folder.join("recurrent.toml"),
        "[frontend]\npreset = \"torchaudio\"\nmel_bands = 40\nhop_length = 160\n",
    )
    .unwrap();
    let labels: String = (0..12).map(|index| format!("label {index}\n")).collect();
    std::fs::write(folder.join("recurrent.labels.txt"), labels).unwrap();
    folder
}

#[test]
fn a_network_that_takes_samples_classifies() {
    let model = golden("float_waveform.onnx");
    let outcome = on_tract("classify", &model);
    assert_eq!((outcome.stderr.as_str(), outcome.code), ("", 0));
    for (score, expected) in scores(&outcome.stdout).into_iter().zip(WAVEFORM) {
        assert!((score - expected).abs() < 1e-4, "{score} {expected}");
    }
    refused(&on_tract("stream", &model), "cannot listen");
    refused(&run(earmark().args(["classify", "--model"]).arg(&model).arg(fixture("yes.wav")), b""), "cannot compile");
}

#[test]
fn a_recurrent_network_takes_its_description_from_beside_it() {
    let folder = described("foreign");
    let model = folder.join("recurrent.onnx");
    let outcome = on_tract("classify", &model);
    assert_eq!((outcome.stderr.as_str(), outcome.code), ("", 0));
    let sum: f32 = scores(&outcome.stdout).into_iter().sum();
    assert!((sum - 1.0).abs() < 1e-3, "{sum}");
    let streamed = on_tract("stream", &model);
    assert_eq!((streamed.stderr.as_str(), streamed.code), ("", 0));
    refused(&on_tract("classify", &golden("float_recurrent.onnx")), "frontend");
    std::fs::remove_file(folder.join("recurrent.labels.txt")).unwrap();
    refused(&on_tract("classify", &model), "there is no `labels`");
}

#[test]
fn a_float_network_runs_as_it_is() {
    let outcome = on_tract("classify", &golden("float_ds_cnn.onnx"));
    assert_eq!((outcome.stderr.as_str(), outcome.code), ("", 0));
    assert!(scores(&outcome.stdout).iter().all(|score| (0.0..=1.0).contains(score)));
    refused(&run(earmark().args(["inspect"]).arg(golden("float_ds_cnn.onnx")), b""), "--calibrate");
}

#[test]
fn the_server_runs_them() {
    let folder = described("foreign_served");
    std::fs::copy(golden("float_waveform.onnx"), folder.join("waveform.onnx")).unwrap();
    let server = Server::start(["--engine".as_ref(), "tract".as_ref(), "--models".as_ref(), folder.as_os_str()]);
    let audio = std::fs::read(fixture("yes.wav")).unwrap();
    for name in ["waveform", "recurrent"] {
        let response = server.post(&format!("/models/{name}"), "", &audio);
        assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
        let answer = String::from_utf8(response.body.clone()).unwrap();
        let alone = on_tract("classify", &folder.join(name).with_extension("onnx"));
        assert_eq!(scores(&answer), scores(&alone.stdout), "{name}");
    }
}
