//! `earmark eval DIR`: what it counts, what it prints, how it ends.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Outcome, earmark, fixture, run};

/// A new folder with copies of fixtures: (path in the folder, fixture).
fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    for (path, source) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(fixture(source), path).unwrap();
    }
    folder
}

const CLIPS: [(&str, &str); 5] = [
    ("yes/a.wav", "yes.wav"),
    ("yes/deeper/b.flac", "formats/yes.flac"),
    ("no/a.wav", "no.wav"),
    ("_silence_/a.wav", "_silence_.wav"),
    ("marvin/a.wav", "_unknown_.wav"),
];

fn eval(folder: &Path, options: &[&str]) -> Outcome {
    run(earmark().arg("eval").arg(folder).args(options), b"")
}

fn json(folder: &Path, options: &[&str]) -> Value {
    let outcome = eval(folder, &[options, &["--json"]].concat());
    assert_eq!((outcome.stderr.as_str(), outcome.code), ("", 0));
    assert_eq!(outcome.stdout.lines().count(), 1);
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_object_has_these_keys_and_no_others() {
    let report = json(&folder("eval-keys", &CLIPS), &[]);
    let mut found = keys(&report);
    found.sort_unstable();
    let expected =
        ["accuracy", "calibration_error", "confusion", "interval", "labels", "latency_us", "n", "per_label", "skipped"];
    assert_eq!(found, expected);
    assert_eq!((report["accuracy"].as_f64(), report["n"].as_u64()), (Some(1.0), Some(5)));
    assert_eq!(report["per_label"]["yes"]["n"], 2);
    assert_eq!(report["per_label"]["_unknown_"]["recall"], 1.0, "a folder that is no label");
    assert_eq!(report["per_label"]["go"]["precision"], Value::Null);
    let labels = report["labels"].as_array().unwrap().len();
    let confusion = report["confusion"].as_array().unwrap();
    assert!(confusion.len() == labels && confusion.iter().all(|row| row.as_array().unwrap().len() == labels));
    assert_eq!(confusion.iter().flat_map(|row| row.as_array().unwrap()).filter_map(Value::as_u64).sum::<u64>(), 5);
}

#[test]
fn masked_labels_are_neither_asked_nor_answered() {
    let report = json(&folder("eval-mask", &CLIPS), &["--mask", "no,_silence_"]);
    assert_eq!(report["n"], 3);
    assert!(!keys(&report["per_label"]).contains(&"no"));
    let no = report["labels"].as_array().unwrap().iter().position(|label| label == "no").unwrap();
    assert!(report["confusion"].as_array().unwrap().iter().all(|row| row[no] == 0));
}

#[test]
fn unreadable_files_are_counted_and_listed() {
    let folder = folder("eval-unreadable", &CLIPS);
    fs::write(folder.join("yes/broken.wav"), b"RIFF").unwrap();
    fs::write(folder.join("yes/.hidden"), b"not looked at").unwrap();
    let outcome = eval(&folder, &["--json"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("broken.wav") && outcome.stderr.lines().count() == 1, "{}", outcome.stderr);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((report["n"].as_u64(), report["skipped"].as_array().unwrap().len()), (Some(5), 1));
    assert!(report["skipped"][0]["file"].as_str().unwrap().ends_with("broken.wav"));
    assert!(!report["skipped"][0]["reason"].as_str().unwrap().is_empty());
}

#[test]
fn stress_repeats_bit_for_bit() {
    let folder = folder("eval-stress", &CLIPS);
    let noise = fixture("_silence_.wav");
    let options = ["--noise", noise.to_str().unwrap(), "--snr", "0", "--gain-db", "-20", "--noise-part", "60-100"];
    let without_time = |mut report: Value| {
        report["latency_us"] = Value::Null;
        report
    };
    assert_eq!(without_time(json(&folder, &options)), without_time(json(&folder, &options)));
}

#[test]
fn a_shift_goes_both_ways() {
    let report = json(&folder("eval-shift", &CLIPS), &["--shift-ms", "20"]);
    let shifts = report["shifts"].as_array().unwrap();
    assert_eq!(shifts.iter().map(|shift| shift["shift_ms"].as_f64().unwrap()).collect::<Vec<_>>(), [-20.0, 20.0]);
    assert!(shifts.iter().all(|shift| shift["n"] == 5));
    assert_eq!(report["n"], 10);
}

#[test]
fn plots_are_pictures_and_the_table_is_for_people() {
    let folder = folder("eval-plots", &CLIPS);
    let plots = folder.join(".plots");
    let outcome = eval(&folder, &["--plots", plots.to_str().unwrap(), "--mask", "on,off"]);
    assert_eq!((outcome.stderr.as_str(), outcome.code), ("", 0));
    assert!(outcome.stdout.starts_with("accuracy           100.0 %"), "{}", outcome.stdout);
    for name in ["confusion.png", "recall.png", "det.png"] {
        assert!(fs::read(plots.join(name)).unwrap().starts_with(b"\x89PNG"), "{name}");
    }
}

#[test]
fn only_the_named_noise_is_used() {
    let folder = folder("eval-list", &CLIPS);
    let list = folder.join("list.txt");
    let with = |names: &str| {
        fs::write(&list, names).unwrap();
        let noise = fixture("_silence_.wav");
        let options = ["--noise", noise.to_str().unwrap(), "--snr", "9", "--noise-list", list.to_str().unwrap()];
        eval(&folder, &options)
    };
    assert_eq!(with("# mine\n_silence_  # this one\n").code, 0);
    let refused = with("another\n");
    assert!(refused.code == 2 && refused.stderr.contains("names in the list"), "{}", refused.stderr);
    assert!(with("# nothing\n").stderr.contains("names no recordings"));
}

#[test]
fn what_cannot_be_measured_is_refused_with_advice() {
    let folder = folder("eval-refused", &CLIPS);
    let missing = folder.join("missing");
    let missing = missing.to_str().unwrap();
    for (options, words) in [
        (&["--mask", "maybe"][..], "no label \"maybe\""),
        (&["--noise", missing, "--snr", "0"], "missing"),
        (&["--noise", "/*/[", "--snr", "0"], "pattern"),
        (&["--rir", missing], "no such file"),
        (&["--noise-part", "60-40"], "two percentages"),
        (&["--noise", missing], "--snr"),
        (&["--calibrate"], "--continuous"),
        (&["."], "give one DIR"),
    ] {
        let outcome = eval(&folder, options);
        assert!(outcome.code == 2 && outcome.stderr.contains(words), "{options:?}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "");
    }
    for folder in [folder.join("missing"), folder.join("yes/deeper")] {
        let outcome = eval(&folder, &[]);
        assert_eq!((outcome.code, outcome.stderr.lines().count()), (2, 1), "{}", outcome.stderr);
    }
}
