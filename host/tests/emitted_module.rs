//! What `earmark compile --emit rust` writes is built into a crate without `std` and hears there.
#![cfg(feature = "tract")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use earmark::audio::{Limits, decode, read_file};
use serde_json::Value;
use support::{earmark, fixture, run, scratch};

const MANIFEST: &str = r#"
[package]
name = "emitted"
version = "0.0.0"
edition = "2024"

[dependencies]
earmark-core = { path = "CORE", default-features = false, features = ["float-frontend"] }

[workspace]
"#;

const LIBRARY: &str = "
//! A firmware's share of it.
#![no_std]
#![deny(warnings, missing_docs)]
#![forbid(unsafe_code)]

pub mod commands;

use commands::{Label, MODEL, RecognizerMemory, WINDOW_SAMPLES};
use earmark_core::{Error, recognizer::Recognizer};

/// The label that scores highest.
pub fn hear(memory: &mut RecognizerMemory, samples: &[i16; WINDOW_SAMPLES]) -> Result<Option<Label>, Error> {
    let mut recognizer = Recognizer::new(MODEL, memory.bytes())?;
    let scores = recognizer.classify(samples)?;
    let best = (0..scores.len()).max_by(|&one, &other| scores[one].total_cmp(&scores[other]));
    Ok(best.and_then(|index| Label::try_from(index).ok()))
}
";

const TEST: &str = r#"
use earmark_core::Error;
use emitted::commands::*;

#[test]
fn it_hears() {
    let samples: Vec<i16> =
        include_bytes!("samples").as_chunks().0.iter().map(|&bytes| i16::from_le_bytes(bytes)).collect();
    let heard = emitted::hear(&mut RecognizerMemory::new(), samples.as_slice().try_into().unwrap());
    assert_eq!(heard, Ok(Some(Label::Yes)));

    let model = MODEL;
    assert!(Label::ALL.map(Label::as_str).into_iter().eq(model.labels()));
    assert!(Label::ALL.iter().enumerate().all(|(index, label)| label.index() == index));
    assert_eq!((Label::Yes.to_string(), Label::Silence.to_string()), ("yes".to_owned(), "_silence_".to_owned()));
    assert_eq!(Label::try_from(12), Err(Error::NoSuchLabel { label: 12, labels: 12 }));
    assert_eq!((SAMPLE_RATE, WINDOW_SAMPLES, STEP_SAMPLES), (16_000, model.window_samples(), model.step_samples()));
    let stream = model.streaming().unwrap();
    assert_eq!((ARENA_BYTES, STREAM_ARENA_BYTES), (model.arena_length(), stream.arena_length()));
    assert!((1..STREAM_ARENA_BYTES).contains(&STREAM_STATE_BYTES));
    let whole = [SIZES.recognizer, SIZES.listener].map(|bytes| bytes.next_multiple_of(16));
    assert_eq!([size_of::<RecognizerMemory>(), size_of::<ListenerMemory>()], whole);
}
"#;

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(name)
}

/// A new crate with the module of the built-in model.
fn package(name: &str) -> PathBuf {
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(package.join("src")).unwrap();
    std::fs::create_dir_all(package.join("tests")).unwrap();
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core").canonicalize().unwrap();
    std::fs::write(package.join("Cargo.toml"), MANIFEST.replace("CORE", core.to_str().unwrap())).unwrap();
    // The versions that are at hand already.
    std::fs::copy(core.join("../Cargo.lock"), package.join("Cargo.lock")).unwrap();
    std::fs::write(package.join("src/lib.rs"), LIBRARY).unwrap();
    let mut compile = earmark();
    compile.arg("compile").arg(shipped("commands-m.onnx")).arg("-o").arg(package.join("src/commands.ear"));
    let outcome = run(compile.args(["--emit", "rust"]), b"");
    assert_eq!((outcome.stderr.as_str(), outcome.code), ("", 0));
    let summary: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(summary["module"].as_str(), package.join("src/commands.rs").to_str());
    package
}

fn cargo(package: &Path, arguments: &[&str]) -> (bool, String) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(package).args(arguments).args(["--offline", "--quiet", "--target-dir"]);
    let output = cargo.arg(package.join("target")).output().expect("cargo runs");
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout),
    )
}

#[test]
fn the_module_hears_what_the_model_does() {
    let package = package("emitted");
    std::fs::write(package.join("tests/hears.rs"), TEST).unwrap();
    let limits = Limits::default();
    let clip = decode(&read_file(&fixture("yes.wav"), &limits).unwrap(), 16_000, &limits).unwrap();
    std::fs::write(package.join("tests/samples"), bytemuck::cast_slice::<i16, u8>(&clip)).unwrap();
    let (passed, said) = cargo(&package, &["test"]);
    assert!(passed, "{said}");

    // Another model under the same name.
    std::fs::copy(shipped("commands-s.ear"), package.join("src/commands.ear")).unwrap();
    let (passed, said) = cargo(&package, &["check"]);
    assert!(!passed && said.contains("the model is another one than its module"), "{said}");
    let mut compile = earmark();
    let outcome = run(compile.arg("compile").arg(package.join("src/commands.ear")).args(["--emit", "rust"]), b"");
    assert_eq!((outcome.stderr.as_str(), outcome.code), ("", 0));
    let (passed, said) = cargo(&package, &["check"]);
    assert!(passed, "{said}");
    assert_eq!(
        std::fs::read(package.join("src/commands.ear")).unwrap(),
        std::fs::read(shipped("commands-s.ear")).unwrap()
    );
}

#[test]
fn the_module_builds_for_bare_metal() {
    let target = "thumbv7em-none-eabihf";
    let (passed, said) = cargo(&package("bare_metal"), &["build", "--target", target]);
    assert!(passed, "if the target is missing: rustup target add {target}\n{said}");
}

#[test]
fn the_module_does_not_take_the_place_of_its_artifact() {
    let mut compile = earmark();
    compile.arg("compile").arg(shipped("commands-m.onnx")).arg("-o").arg(scratch("artifact.rs", b"mine"));
    let outcome = run(compile.args(["--emit", "rust"]), b"");
    assert_eq!((outcome.stdout.as_str(), outcome.code), ("", 2));
    assert!(outcome.stderr.contains("another path as --output"), "{outcome:?}");
}
