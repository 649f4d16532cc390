//! `earmark compile`, `inspect`, `verify` and `bench` through the real binary.
#![cfg(feature = "tract")]

mod support;

use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Outcome, earmark, fixture, run, scratch};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models").join(name)
}

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(name)
}

fn call<'a>(verb: &str, arguments: impl IntoIterator<Item = &'a Path>) -> Outcome {
    run(earmark().arg(verb).args(arguments), b"")
}

/// Exit code 2, nothing on stdout, one line on stderr.
fn refused(outcome: &Outcome, why: &str) {
    assert_eq!((outcome.stdout.as_str(), outcome.code), ("", 2), "{outcome:?}");
    assert!(outcome.stderr.contains(why) && outcome.stderr.lines().count() == 1, "{outcome:?}");
}

#[test]
fn a_compiled_model_is_used_like_any_other() {
    let path = scratch("doorbell.ear", b"");
    let mut compile = earmark();
    compile.arg("compile").arg(golden("doorbell.onnx")).arg("-o").arg(&path);
    let outcome = run(compile.args(["--labels", "ring,knock,bark", "--set", "detector.threshold=0.5"]), b"");
    assert_eq!((outcome.stderr.as_str(), outcome.code), ("", 0));
    let summary: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(summary["flash"].as_u64(), Some(path.metadata().unwrap().len()));
    let outcome = run(earmark().args(["classify", "--model"]).arg(&path).arg(fixture("yes.wav")), b"");
    let answer: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let mut labels: Vec<&str> =
        answer.as_array().unwrap().iter().map(|entry| entry["label"].as_str().unwrap()).collect();
    labels.sort_unstable();
    assert_eq!(labels, ["bark", "knock", "ring"]);
}

#[test]
fn what_can_not_be_compiled_is_said_in_one_line() {
    refused(&call("compile", [golden("float_convolution.onnx").as_path()]), "Conv3");
    refused(&call("compile", [fixture("yes.wav").as_path()]), "not an ONNX file");
    refused(&call("compile", [Path::new("no such file")]), "no such file");
    refused(&call("compile", [golden("float_convolution.onnx").as_path()]), "--calibrate DIR");
    let untouched = golden("float_convolution.ear");
    assert!(!untouched.exists(), "nothing is written on failure");
}

#[test]
fn a_model_is_not_written_over_its_source() {
    let source = std::fs::read(shipped("commands-m.onnx")).unwrap();
    let path = scratch("over.onnx", &source);
    refused(&run(earmark().arg("compile").arg(&path).arg("-o").arg(&path), b""), "would be overwritten");
    assert_eq!(std::fs::read(&path).unwrap(), source);
}

#[test]
fn an_artifact_is_not_compiled_again() {
    let path = scratch("compiled.ear", &std::fs::read(shipped("commands-s.ear")).unwrap());
    // Of an earlier run.
    let _ = std::fs::remove_file(path.with_extension("rs"));
    let compile = |more: &[&str]| run(earmark().arg("compile").arg(&path).args(more), b"");
    refused(&compile(&[]), "is a compiled model already: give the ONNX file");
    for more in [&["-o", "other.ear"][..], &["--name", "other"], &["--set", "labels=a"], &["--calibrate", "."]] {
        refused(&compile(&[&["--emit", "rust"], more].concat()), "with no other option");
    }
    assert!(!path.with_extension("rs").exists() && !Path::new("other.ear").exists());
    assert_eq!(compile(&["--emit", "rust"]).code, 0);
}

#[cfg(unix)]
#[test]
fn a_full_disk_costs_no_model() {
    let before = std::fs::read(shipped("commands-s.ear")).unwrap();
    let path = scratch("kept.ear", &before);
    // No file may grow beyond 8 KB.
    let limited = "trap '' XFSZ; ulimit -f 8; exec \"$0\" compile \"$1\" -o \"$2\"";
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", limited, env!("CARGO_BIN_EXE_earmark")]).arg(shipped("commands-m.onnx")).arg(&path);
    refused(&run(&mut shell, b""), "cannot write the model");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_unicode_is_compiled() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(OsStr::from_bytes(b"name-\xff.onnx"));
    std::fs::copy(shipped("commands-s.onnx"), &path).unwrap();
    let outcome = run(earmark().args(["compile", "--emit", "rust"]).arg(&path), b"");
    assert_eq!((outcome.stderr.as_str(), outcome.code), ("", 0));
    let summary: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert!(summary["file"].as_str().unwrap().ends_with("name-\u{fffd}.ear"), "{summary}");
}

#[test]
fn what_a_description_cannot_say_is_named() {
    let path = scratch("described.ear", b"");
    for (setting, why) in [
        ("labels=3", "`labels`: invalid type"),
        ("window_samples=1", "window_samples is 1, and the network's frames need 15920 to 16079"),
        ("frontend.sample_rate=768001", "from 1 to 768000 Hz"),
        ("frontend.high_hz=9000", "high_hz"),
    ] {
        let mut compile = earmark();
        compile.arg("compile").arg(shipped("commands-m.onnx")).arg("-o").arg(&path).args(["--set", setting]);
        refused(&run(&mut compile, b""), why);
    }
}

#[test]
fn an_artifact_is_told_by_its_first_bytes() {
    let path = scratch("artifact.onnx", &std::fs::read(shipped("commands-m.ear")).unwrap());
    let outcome = run(earmark().args(["classify", "--model"]).arg(&path).arg(fixture("yes.wav")), b"");
    assert_eq!((outcome.stderr.as_str(), outcome.code), ("", 0));
}

#[test]
fn labels_cannot_command_a_terminal() {
    let path = scratch("coloured.ear", b"");
    let mut compile = earmark();
    compile.arg("compile").arg(golden("doorbell.onnx")).arg("-o").arg(&path);
    assert_eq!(run(compile.args(["--labels", "\u{1b}[31mring,knock,bark"]), b"").code, 0);
    let mut classify = earmark();
    classify.args(["classify", "--format", "table", "--model"]).arg(&path).arg(fixture("yes.wav"));
    for outcome in [run(&mut classify, b""), call("inspect", [path.as_path()])] {
        assert!(outcome.stdout.contains("\\u{1b}[31mring") && !outcome.stdout.contains('\u{1b}'), "{outcome:?}");
    }
}

#[test]
fn inspect_shows_everything_that_is_in_a_model() {
    let outcome = call("inspect", []);
    assert_eq!(outcome.code, 0);
    let parts =
        ["12: yes no up", "1 s: 16000 samples", "98 frames of 40", "98×40×1", "MACs", "flash", "RAM", "SHA-256"];
    for part in parts {
        assert!(outcome.stdout.contains(part), "{part}: {}", outcome.stdout);
    }
    let outcome = call("inspect", [golden("doorbell.onnx").as_path()]);
    for part in ["multi-label", "2 s: 16000 samples at 8000 Hz", "MFCC", "QLinearConv2"] {
        assert!(outcome.stdout.contains(part), "{part}: {}", outcome.stdout);
    }
}

#[test]
fn inspect_draws_the_plan() {
    let path = scratch("plan.png", b"");
    let outcome = run(earmark().args(["inspect", "--plot"]).arg(&path), b"");
    assert_eq!((outcome.stderr.as_str(), outcome.code), ("", 0));
    let mut reader =
        png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&path).unwrap())).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let picture = reader.next_frame(&mut pixels).unwrap();
    // Both plans, each with a row an operator.
    assert!(picture.width == 1500 && picture.height > 2 * 22 * 22, "{picture:?}");
    let coloured = pixels.chunks_exact(3).filter(|pixel| pixel[0].abs_diff(pixel[2]) > 40).count();
    assert!(coloured > 10_000, "{coloured}");
    refused(&run(earmark().args(["inspect", "--plot", "no such folder/plan.png"]), b""), "cannot write");
    refused(&run(earmark().args(["inspect", "--plot", "model.ear"]), b""), "does not end in .png");
}

#[test]
fn inspect_tells_two_models_apart() {
    let (medium, small) = (shipped("commands-m.ear"), shipped("commands-s.ear"));
    let compare = |json: bool, one: &Path, other: &Path| {
        let mut inspect = earmark();
        inspect.arg("inspect").arg(one).arg("--against").arg(other).args(json.then_some("--json"));
        let outcome = run(&mut inspect, b"");
        assert_eq!((outcome.stderr.as_str(), outcome.code), ("", 0));
        outcome.stdout
    };
    let report: Value = serde_json::from_str(&compare(true, &medium, &small)).unwrap();
    let sizes = report["sizes"].as_array().unwrap();
    let flash = sizes.iter().find(|size| size["what"] == "flash").unwrap();
    let length = |path: &Path| path.metadata().unwrap().len();
    assert_eq!((flash["model"].as_u64(), flash["against"].as_u64()), (Some(length(&medium)), Some(length(&small))));
    assert_eq!(report["labels_only_model"], serde_json::json!([]));
    let layers = report["layers"].as_array().unwrap();
    let count = |change: &str| layers.iter().filter(|layer| layer["change"] == change).count();
    assert_eq!(count("only_model") + count("same") + count("other_numbers"), 22);
    let text = compare(false, &medium, &small);
    assert!(text.contains("name") && text.contains("commands-m → commands-s") && text.contains(" %"), "{text}");
    assert!(compare(false, &medium, &medium).starts_with("the models are the same"));

    // The same network, told other things.
    let other = scratch("other.ear", b"");
    let mut compile = earmark();
    compile.arg("compile").arg(golden("doorbell.onnx")).arg("-o").arg(&other);
    compile.args(["--labels", "ring,knock,bark", "--set", "detector.threshold=0.5", "--set", "frontend.floor=1e-5"]);
    assert_eq!(run(&mut compile, b"").code, 0);
    let text = compare(false, &golden("doorbell.onnx"), &other);
    for part in
        ["labels of the first alone: doorbell dog", "labels of the other alone: ring bark", "knock: 0.9 → 0.5", "floor"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.lines().any(|line| ["-", "+", "~"].iter().any(|sign| line.starts_with(sign))), "{text}");

    let alone = run(earmark().args(["inspect", "--json"]), b"");
    let report: Value = serde_json::from_str(&alone.stdout).unwrap();
    assert_eq!((report["layers"].as_array().unwrap().len(), report["front_end"]["mel_bands"].as_u64()), (22, Some(40)));
}

#[test]
fn verify_compares_what_belongs_together() {
    let (model, source) = (shipped("commands-m.ear"), shipped("commands-m.onnx"));
    let (yes, stereo) = (fixture("yes.wav"), fixture("formats/yes-44100-stereo.wav"));
    let mut verify = earmark();
    verify.arg("verify").args([&model, &source, &yes, &stereo]);
    let strict = run(&mut verify, b"");
    let report: Value = serde_json::from_str(&strict.stdout).unwrap();
    assert!(report["windows"].as_u64() > Some(100));
    assert_eq!(report["values"].as_u64(), report["windows"].as_u64().map(|windows| 12 * windows));
    let steps = report["worst"]["steps"].as_u64().unwrap_or(0);
    assert!(steps <= 1, "{report}");
    assert_eq!((report["agrees"].as_bool(), strict.code), (Some(steps == 0), i32::from(steps > 0)));
    let lenient = run(verify.args(["--accept-lsb", "1"]), b"");
    assert_eq!((lenient.code, lenient.stderr.as_str()), (0, ""));

    refused(&call("verify", [&*model, &*golden("doorbell.onnx")]), "SHA-256 differs");
    refused(&call("verify", [&*model, &*source, Path::new("no such.wav")]), "no such.wav");
}

#[test]
fn bench_times_every_part() {
    let outcome = call("bench", []);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let parts: Vec<&str> = report.as_array().unwrap().iter().map(|part| part["what"].as_str().unwrap()).collect();
    assert_eq!(parts, ["front end", "network, core", "scores and JSON", "samples to JSON, core", "network, tract"]);
    assert!(report.as_array().unwrap().iter().all(|part| part["runs"].as_u64() >= Some(5)), "{report}");
}
