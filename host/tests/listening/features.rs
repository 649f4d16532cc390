//! `earmark features`: what it writes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::recording::{wav, words};
use crate::support::{Outcome, earmark, fixture, run, scratch};
use earmark::model::LoadedModel;
use serde_json::Value;

fn output(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&path);
    path
}

fn features(file: &Path, to: &Path) -> Outcome {
    run(earmark().arg("features").arg(file).arg("-o").arg(to), b"")
}

fn succeed(file: &Path, to: &Path) -> Vec<u8> {
    let outcome = features(file, to);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str(), outcome.code), ("", "", 0));
    fs::read(to).unwrap()
}

#[test]
fn npy_and_json_hold_the_same_features() {
    let loaded = LoadedModel::built_in();
    let model = loaded.model().unwrap();
    let npy = succeed(&fixture("yes.wav"), &output("features.npy"));
    let header =
        format!("'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), ", model.frames(), model.features());
    let text = String::from_utf8_lossy(&npy[10..128]);
    assert!(npy.starts_with(b"\x93NUMPY\x01\x00\x76\x00") && text.contains(&header), "{text}");
    assert!(text.ends_with('\n'));
    let from_npy: Vec<f32> =
        npy[128..].chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    assert_eq!(from_npy.len(), model.frames() * model.features());

    let json = succeed(&fixture("yes.wav"), &output("features.json"));
    let json: Value = serde_json::from_slice(&json).unwrap();
    let rows = json["features"].as_array().unwrap();
    assert_eq!(rows.len(), model.frames());
    let from_json: Vec<f32> =
        rows.iter().flat_map(|row| row.as_array().unwrap()).map(|value| value.as_f64().unwrap() as f32).collect();
    assert_eq!(from_json, from_npy);
    assert_eq!(json["sample_rate"], model.sample_rate());
    assert_eq!(json["samples"], 16_000);
    assert_eq!(json["hop_samples"], model.front_end().hop_length);
    assert_eq!(json["labels"].as_array().unwrap().len(), model.label_count());
    assert_eq!(json["detections"][0]["label"], "yes");
    let streamed = earmark().arg("stream").arg(fixture("yes.wav")).output().unwrap();
    let streamed: Value = serde_json::from_slice(&streamed.stdout).unwrap();
    for time in ["start", "end"] {
        let seconds = json["detections"][0][time].as_f64().unwrap() / 16_000.0;
        assert!((seconds - streamed[time].as_f64().unwrap()).abs() <= 0.005_001, "{time}");
    }
    let steps = json["steps"].as_array().unwrap();
    let spec = model.front_end();
    // The first window that has nothing of the silence before the recording is among them; half a window earlier they begin.
    let whole = (model.frames() - 1) * spec.hop_length + spec.window_length;
    let first = steps[0]["end"].as_u64().unwrap() as usize;
    assert!(first < whole && (whole - first).is_multiple_of(model.step_samples()), "{first}");
    assert!((whole - first).abs_diff(model.window_samples() / 2) < model.step_samples(), "{first}");
    assert!(steps.iter().any(|step| step["end"] == whole));
    assert!(steps.iter().all(|step| step["scores"].as_array().unwrap().len() == model.label_count()));
}

#[test]
fn a_picture_of_any_recording_is_a_png() {
    for (name, samples) in [
        ("words", words(&["yes", "no"])),
        ("short", vec![100; 50]),
        ("zeros", vec![0; 20_000]),
        ("one", vec![i16::MIN]),
    ] {
        let file = scratch(&format!("features-{name}.wav"), &wav(&samples));
        let png = succeed(&file, &output(&format!("features-{name}.png")));
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.len() > 5_000, "{name}");
    }
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let outcome = features(&fixture("yes.wav"), &output("features.jpg"));
    assert_eq!((outcome.stdout.as_str(), outcome.code), ("", 2));
    assert!(
        outcome
            .stderr
            .ends_with("features.jpg does not say what to write: give a name that ends in .png, .npy or .json\n")
    );
    let outcome = features(Path::new("no/such.wav"), &output("features-none.png"));
    assert_eq!(outcome.stderr, "earmark: no/such.wav: there is no such file: check the path\n");
    assert_eq!(outcome.code, 2);
    let outcome = features(&fixture("yes.wav"), Path::new("no/such/folder.png"));
    assert!(outcome.stderr.starts_with("earmark: cannot write no/such/folder.png: "), "{}", outcome.stderr);
    assert_eq!(outcome.code, 2);
}
