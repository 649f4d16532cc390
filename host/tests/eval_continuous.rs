//! `earmark eval --continuous`: what it counts, and what calibration writes.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use earmark::model::LoadedModel;
use serde_json::Value;
use support::{Outcome, earmark, fixture, run};

/// A new folder of its own for a test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn samples(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()[44..].to_vec()
}

/// A recording of a second of silence before, between and after two words, and its label track.
fn recording(folder: &Path) -> PathBuf {
    let silence = vec![0; 64_000];
    let data =
        [&silence, &samples("yes.wav"), &silence, &samples("stop.wav"), &silence].map(|part| part.as_slice()).concat();
    let mut file = fs::read(fixture("yes.wav")).unwrap()[..40].to_vec();
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    let path = folder.join("words.wav");
    fs::write(&path, file).unwrap();
    fs::write(path.with_extension("txt"), "2.0\t3.0\tyes\n5.0\t6.0\tstop\n5.0\t5.5\tcough\n").unwrap();
    path
}

fn eval(arguments: &[&str]) -> Outcome {
    run(earmark().args(["eval", "--continuous"]).args(arguments), b"")
}

fn json(arguments: &[&str]) -> Value {
    let outcome = eval(&[arguments, &["--json"]].concat());
    assert_eq!((outcome.stderr.as_str(), outcome.code), ("", 0));
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn words_of_a_label_track_are_detected() {
    let recording = recording(&folder("eval-track"));
    let report = json(&[text(&recording)]);
    assert_eq!(report["present"]["words"], 2);
    assert!((report["hours"].as_f64().unwrap() - 8.0 / 3_600.0).abs() < 1e-9);
    assert_eq!(report["present"]["per_label"]["yes"]["words"], 1);
    let curve = report["curve"].as_array().unwrap();
    assert!(curve.iter().any(|point| point["misses"] == 0 && point["false_alarms"] == 0), "{report}");
    let bound = curve[0]["false_alarms_bound"].as_f64().unwrap();
    assert!((bound / (2.9957 * 3_600.0 / 8.0) - 1.0).abs() < 1e-3, "none in eight seconds: {bound}");
    assert!(report["operating_point"].is_null() && report["calibrated"].is_null());

    let other = recording.with_file_name("track of another name.txt");
    fs::rename(recording.with_extension("txt"), &other).unwrap();
    assert_eq!(json(&[text(&recording), "--track", text(&other)])["present"]["words"], 2);
    let negatives = json(&["--negatives", text(&recording)]);
    assert_eq!(negatives["present"]["words"], 0);
    assert_eq!(negatives["present"]["sources"][0]["name"], text(&recording));
}

#[test]
fn the_first_and_the_last_word_of_a_recording_are_heard() {
    let folder = folder("eval-edges");
    // The word begins after a quarter of a second and is over after 0.8 s.
    let data = [&samples("yes.wav")[8_000..], &vec![0; 32_000], &samples("yes.wav")[..25_600]].concat();
    let mut file = fs::read(fixture("yes.wav")).unwrap()[..40].to_vec();
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(&data);
    let path = folder.join("edges.wav");
    fs::write(&path, file).unwrap();
    fs::write(path.with_extension("txt"), "0.05\t0.55\tyes\n2.05\t2.55\tyes\n").unwrap();
    let report = json(&[text(&path)]);
    let present = &report["present"];
    assert_eq!([&present["words"], &present["misses"], &present["false_alarms"]], [2, 0, 0], "{report}");
    let seconds = data.len() as f64 / 32_000.0;
    assert!((report["hours"].as_f64().unwrap() - seconds / 3_600.0).abs() < 1e-9);
}

#[test]
fn clips_are_strung_together() {
    let folder = folder("eval-strung");
    for (label, clip) in [("yes", "yes.wav"), ("stop", "stop.wav"), ("on", "on.wav"), ("bed", "_unknown_.wav")] {
        fs::create_dir(folder.join(label)).unwrap();
        fs::copy(fixture(clip), folder.join(label).join("clip.wav")).unwrap();
    }
    let noise = fixture("_silence_.wav");
    let options = [text(&folder), "--noise", text(&noise), "--snr", "20", "--gap", "2", "--apart", "on"];
    let report = json(&options);
    assert_eq!((&report["present"]["words"], &report["present"]["per_label"]["on"]["words"]), (&2.into(), &1.into()));
    let curve = report["curve"].as_array().unwrap();
    let best = curve.iter().find(|point| point["misses"] == 0).expect("both words at some threshold");
    let latency = best["latency_ms"]["median"].as_f64().unwrap();
    assert!((-1_000.0..=500.0).contains(&latency), "{latency}");
    assert_eq!(report, json(&options), "the same every time");
    assert_ne!(report, json(&[&options[..], &["--seed", "2"]].concat()));
    assert_eq!(json(&[&options[..], &["--mask", "yes"]].concat())["present"]["words"], 1);
}

#[test]
fn calibration_writes_thresholds_and_nothing_else() {
    let folder = folder("eval-calibrate");
    let recording = recording(&folder);
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/commands-m.ear");
    let model = folder.join("mine.ear");
    fs::copy(&built_in, &model).unwrap();
    let plots = folder.join("plots");
    let options = ["--model", text(&model), "--calibrate", "--smoothing-ms", "120", "--plots", text(&plots)];
    let outcome = eval(&[&[text(&recording), "--json"], &options[..]].concat());
    assert_eq!(outcome.code, 0);
    assert!(outcome.stderr.contains("no, up, down, left, right, on, off, go"), "{}", outcome.stderr);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(report["calibrated"], text(&model));
    let point = &report["operating_point"];
    assert_eq!((&point["false_alarms"], &point["misses"]), (&0.into(), &0.into()), "{point}");
    assert_eq!(point["detector"]["smoothing_ms"], 120);
    assert!(fs::read(plots.join("det.png")).unwrap().starts_with(b"\x89PNG"));

    let (before, after) = (fs::read(&built_in).unwrap(), fs::read(&model).unwrap());
    assert_eq!(before.len(), after.len());
    assert_ne!(before, after);
    let again = json(&[text(&recording), "--model", text(&model)]);
    for key in ["misses", "false_alarms", "per_label", "detector"] {
        assert_eq!(again["present"][key], point[key], "the calibrated model does what was promised");
    }
    let thresholds = |path: &Path| LoadedModel::open(Some(path)).unwrap().model().unwrap().thresholds().to_vec();
    for (label, (before, after)) in thresholds(&built_in).into_iter().zip(thresholds(&model)).enumerate() {
        // "yes" and "stop" were said.
        assert!([0, 8].contains(&label) || before == after, "label {label}: {before} became {after}");
    }
}

#[test]
fn nothing_is_calibrated_on_nothing() {
    let folder = folder("eval-calibrate-nothing");
    let recording = recording(&folder);
    let (model, source, capitals) = (folder.join("mine.ear"), folder.join("mine.onnx"), folder.join("MINE.ONNX"));
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    fs::copy(models.join("commands-s.ear"), &model).unwrap();
    for copy in [&source, &capitals] {
        fs::copy(models.join("commands-s.onnx"), copy).unwrap();
    }
    let empty = folder.join("empty.wav");
    fs::write(&empty, [&fs::read(fixture("yes.wav")).unwrap()[..40], &[0; 4]].concat()).unwrap();
    let (silence, nowhere) = (fixture("_silence_.wav"), text(&recording).to_owned() + "/plots");
    for (arguments, words) in [
        (&["--negatives", text(&empty), "--model", text(&model)][..], "words of the model"),
        (&["--negatives", text(&silence), "--model", text(&model)], "words of the model"),
        (&[text(&recording), "--model", text(&model), "--plots", &nowhere], "cannot write"),
        (&[text(&recording), "--model", text(&source), "--output", text(&source)], "overwritten"),
        (&[text(&recording), "--model", text(&capitals)], "--model MODEL.ear"),
    ] {
        let outcome = eval(&[arguments, &["--calibrate"]].concat());
        assert!(outcome.code == 2 && outcome.stderr.contains(words), "{arguments:?}: {}", outcome.stderr);
    }
    for (changed, original) in
        [(&model, "commands-s.ear"), (&source, "commands-s.onnx"), (&capitals, "commands-s.onnx")]
    {
        assert_eq!(fs::read(changed).unwrap(), fs::read(models.join(original)).unwrap());
    }
}

#[test]
fn words_that_could_not_be_heard_are_no_misses() {
    let folder = folder("eval-unheard");
    recording(&folder);
    let text_file = folder.join("broken.wav");
    fs::write(&text_file, "no sound").unwrap();
    fs::write(text_file.with_extension("txt"), "1\t2\tyes\n").unwrap();
    let track = folder.join("words.txt");
    fs::write(&track, fs::read_to_string(&track).unwrap() + "100\t101\tgo\n").unwrap();
    let outcome = eval(&[text(&folder), "--json"]);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((&report["present"]["words"], outcome.code), (&2.into(), 1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("broken.wav") && outcome.stderr.contains("beyond its end"), "{}", outcome.stderr);
}

#[test]
fn what_cannot_be_measured_is_refused_with_advice() {
    let folder = folder("eval-continuous-refused");
    let recording = recording(&folder);
    let track = folder.join("bad.txt");
    fs::write(&track, "1\t2\tyes\n3\tyes\n").unwrap();
    let strangers = folder.join("strangers.txt");
    fs::write(&strangers, "1\t2\tcough\n").unwrap();
    let alone = folder.join("alone.wav");
    fs::copy(&recording, &alone).unwrap();
    for (arguments, words) in [
        (&[text(&recording), "--track", text(&track)][..], "line 2"),
        (&[text(&recording), "--track", text(&strangers)], "only cough"),
        (&[text(&alone)], "--negatives"),
        (&[text(&recording), "--calibrate"], "--model MODEL.ear"),
        (&[text(&recording), "--apart", "maybe"], "no label \"maybe\""),
        (&[text(&recording), "--gap", "61"], "0 to 60"),
        (&[text(&recording), "--shift-ms", "50"], "--shift-ms"),
        (&[text(&recording), "--noise", text(&alone), "--snr", "10"], "heard as it is"),
        (&[text(&recording), "--isolation", "0"], "--isolation"),
        (&[text(&folder), "--track", text(&track)], "one recording"),
        (&[text(&recording), "--gain-db", "nan"], "decibels"),
        (&[text(&recording), "--gate=nan"], "decibels"),
        (&[text(&recording), "--without", "nosuch"], "--without nosuch"),
        (&[], "required"),
    ] {
        let outcome = eval(arguments);
        assert!(outcome.code == 2 && outcome.stderr.contains(words), "{arguments:?}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "");
    }
}
