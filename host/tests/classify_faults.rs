//! `earmark classify` on what it cannot use: nothing on stdout, one line on stderr that says what is wrong and what to do, and
//! an exit code that scripts can trust. The others are still answered.

mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use support::{earmark, fixture, run, scratch};

fn changed(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut file = fs::read(fixture("yes.wav")).unwrap();
    change(&mut file);
    scratch(name, &file)
}

/// The faulty files, written once: the tests run at the same time.
static FAULTS: LazyLock<Vec<(PathBuf, &'static str)>> = LazyLock::new(faults);

/// Every fault of the issue, and what its line must say beside the file's name.
fn faults() -> Vec<(PathBuf, &'static str)> {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("directory.wav");
    fs::create_dir_all(&directory).unwrap();
    let float = fs::read(fixture("formats/yes-float.wav")).unwrap();
    let data = float.windows(4).position(|bytes| bytes == b"data").unwrap() + 8;
    let mut not_a_number = float;
    not_a_number[data + 400..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let flac = fs::read(fixture("formats/yes.flac")).unwrap();
    vec![
        (PathBuf::from("no/such/file.wav"), "there is no such file: check the path"),
        (directory, "this is a directory: give the files in it"),
        (scratch("empty.wav", b""), "the file is empty: record or copy it again"),
        (
            changed("truncated.wav", |file| file.truncate(20_000)),
            "the file is truncated: it should have 32000 bytes of samples and has 19956; copy or download it again",
        ),
        (scratch("truncated.flac", &flac[..flac.len() / 2]), "the file is truncated: "),
        (scratch("header-only.flac", &flac[..60]), "no audio could be decoded: "),
        (
            scratch("text.wav", b"404: not found\n"),
            "this is text, not audio, whatever its name says: give an audio file",
        ),
        (scratch("noise.mp3", &[0x55, 0, 0x99, 1, 7]), "this is no audio file of a known format: convert it to WAV"),
        (changed("channels-0.wav", |file| file[22] = 0), "the header says 0 channels: "),
        (changed("rate-0.wav", |file| file[24..28].fill(0)), "the header says a sample rate of 0 Hz: "),
        (
            scratch("nan.wav", &not_a_number),
            "frame 100 is not a number or infinite: export the file again, best as 16-bit PCM",
        ),
        (
            changed("adpcm.wav", |file| file[20] = 0x11),
            "IMA ADPCM in WAV cannot be decoded: convert it to WAV, FLAC, MP3, Ogg or M4A",
        ),
        (scratch("voice.amr", b"#!AMR\n\x3c"), "AMR cannot be decoded: "),
    ]
}

#[test]
fn each_fault_has_its_line_and_nothing_else() {
    for (file, says) in FAULTS.iter() {
        let outcome = run(earmark().arg("classify").arg(file), b"");
        assert_eq!((outcome.stdout.as_str(), outcome.code), ("", 2), "{}", file.display());
        let start = format!("earmark: {}: {says}", file.display());
        assert!(outcome.stderr.starts_with(&start), "{start}\n{}", outcome.stderr);
        assert_eq!(outcome.stderr.matches('\n').count(), 1, "{}", outcome.stderr);
        assert!(outcome.stderr.ends_with('\n'));
    }
}

#[test]
fn the_others_are_still_answered() {
    let faults = &*FAULTS;
    let mut command = earmark();
    command.args(["classify", "--top-k", "1"]).arg(fixture("yes.wav"));
    command.args(faults.iter().map(|(file, _)| file)).arg(fixture("no.wav"));
    let outcome = run(&mut command, b"");
    assert_eq!(outcome.code, 1);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", outcome.stdout);
    assert!(lines[0].contains(r#"yes.wav","result":[{"label":"yes""#), "{}", lines[0]);
    assert!(lines[1].contains(r#"no.wav","result":[{"label":"no""#), "{}", lines[1]);
    assert_eq!(outcome.stderr.lines().count(), faults.len(), "{}", outcome.stderr);
    let outcome = run(earmark().args(["classify", "--format", "table", "no/such"]).arg(fixture("yes.wav")), b"");
    assert!(outcome.code == 1 && !outcome.stdout.starts_with('\n'), "{}", outcome.stdout);
}

#[test]
fn exit_code_2_means_that_nothing_worked() {
    let outcome = run(earmark().args(["classify", "no/such", "nor/this"]), b"");
    assert_eq!((outcome.stdout.as_str(), outcome.code), ("", 2));
    assert_eq!(
        outcome.stderr,
        "earmark: no/such: there is no such file: check the path\nearmark: nor/this: there is no such file: check the path\n"
    );
}

#[test]
fn faults_on_stdin_and_in_limits_are_told_alike() {
    let outcome = run(earmark().args(["classify", "-"]), b"");
    assert_eq!(outcome.stderr, "earmark: -: the file is empty: record or copy it again\n");
    assert_eq!(outcome.code, 2);
    let outcome = run(earmark().args(["classify", "--max-seconds", "0"]).arg(fixture("yes.wav")), b"");
    assert!(outcome.stderr.ends_with("yes.wav: the audio is longer than 0 s: split it\n"), "{}", outcome.stderr);
    assert_eq!((outcome.stdout.as_str(), outcome.code), ("", 2));
}

#[test]
fn a_model_that_cannot_be_used_ends_the_command_in_one_line() {
    for (model, says) in [
        (PathBuf::from("no/such.ear"), "earmark: cannot read the model no/such.ear: "),
        (scratch("text.ear", b"not a model"), "earmark: cannot use the model "),
    ] {
        let outcome = run(earmark().args(["classify", "--model"]).arg(model).arg(fixture("yes.wav")), b"");
        assert_eq!((outcome.stdout.as_str(), outcome.code), ("", 2));
        assert!(outcome.stderr.starts_with(says) && outcome.stderr.matches('\n').count() == 1, "{}", outcome.stderr);
    }
}

#[test]
fn names_cannot_break_the_line() {
    let outcome = run(earmark().args(["classify", "a\nb\u{1b}[31m.wav"]), b"");
    assert_eq!(outcome.stderr, "earmark: a\\nb\\u{1b}[31m.wav: there is no such file: check the path\n");
    let file = scratch("quote\".wav", &fs::read(fixture("yes.wav")).unwrap());
    let outcome = run(earmark().args(["classify", "--format", "jsonl"]).arg(&file), b"");
    let line: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(line["file"], file.to_str().unwrap());
}

#[cfg(unix)]
#[test]
fn a_name_that_is_not_unicode_is_a_name() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let outcome = run(earmark().arg("classify").arg(OsStr::from_bytes(b"\xff.wav")), b"");
    assert_eq!((outcome.stdout.as_str(), outcome.code), ("", 2));
    assert_eq!(outcome.stderr, "earmark: \u{fffd}.wav: there is no such file: check the path\n");
}
