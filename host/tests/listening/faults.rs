//! `earmark stream` on what it cannot use, or only in part.

use std::process::Command;

use crate::recording::{wav, words};
use crate::support::{earmark, fixture, run, scratch};

fn stream(arguments: &[&str]) -> Command {
    let mut command = earmark();
    command.arg("stream").args(arguments);
    command
}

#[test]
fn a_file_that_breaks_off_gives_what_was_good_and_one_line() {
    let mut file = wav(&words(&["yes", "no"]));
    file.truncate(44 + 2 * 34_000);
    let file = scratch("stream-cut.wav", &file);
    let outcome = run(stream(&[]).arg(&file), b"");
    assert!(
        outcome.stdout.starts_with("{\"start\":") && outcome.stdout.contains("\"label\":\"yes\""),
        "{}",
        outcome.stdout
    );
    assert_eq!(outcome.stdout.lines().count(), 1);
    let says = "the file is truncated: it should have 128000 bytes of samples and has 68000; copy or download it again";
    assert_eq!(outcome.stderr, format!("earmark: {}: {says}\n", file.display()));
    assert_eq!(outcome.code, 1, "something was heard");
}

#[test]
fn the_exit_code_tells_how_much_was_heard() {
    let good = fixture("yes.wav");
    let outcome = run(stream(&["no/such.wav"]).arg(&good), b"");
    assert_eq!((outcome.code, outcome.stdout.lines().count()), (1, 1));
    assert_eq!(outcome.stderr, "earmark: no/such.wav: there is no such file: check the path\n");
    let outcome = run(stream(&["--format", "table", "no/such.wav"]).arg(&good), b"");
    assert!(outcome.code == 1 && !outcome.stdout.contains("such.wav"), "{}", outcome.stdout);
    let outcome = run(&mut stream(&["no/such.wav", "nor/this.wav"]), b"");
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.lines().count()), (2, "", 2));
    for (stdin, says) in [
        (&b""[..], "earmark: -: the file is empty: record or copy it again\n"),
        (b"404: not found\n", "earmark: -: this is text, not audio, whatever its name says: give an audio file\n"),
    ] {
        let outcome = run(&mut stream(&["-"]), stdin);
        assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (2, "", says));
    }
    let outcome = run(&mut stream(&["--raw", "16000", "-"]), b"");
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.lines().count()), (2, "", 1));
}

#[test]
fn arguments_that_cannot_be_are_refused_with_what_could() {
    let file = fixture("yes.wav");
    for (arguments, says) in [
        (&["--threshold", "yess=0.8"][..], "the model has no label yess: it has "),
        (&["--sensitivity", "maybe=0.5"], "the model has no label maybe: it has "),
        (&["--sensitivity", "1.5"], "a sensitivity is a number from 0 to 1"),
        (&["--threshold", "high"], "a threshold is a number, 0 or more"),
        (&["--gain-db", "90"], "it must be a number of decibels from -60 to 48"),
        (&["--gate=90"], "it must be a number of decibels from 0 to 40"),
        (&["--condition", "ics43434"], "[possible values: none, inmp441, sph0645]"),
        (&["--raw", "0"], "--raw <HZ>"),
        (&["--raw", "3"], "a sample rate of 3 Hz, which cannot be"),
        (&["--format", "srt", "no/such.wav"], "a label track belongs to one file: give one FILE, or --format json"),
        (&["--model", "no/such.ear"], "cannot read the model no/such.ear: "),
    ] {
        let outcome = run(stream(arguments).arg(&file), b"");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(outcome.stderr.contains(says), "{arguments:?}: {}", outcome.stderr);
    }
    assert_eq!(run(&mut stream(&[]), b"").code, 2);
}

#[test]
fn names_cannot_break_the_line() {
    let outcome = run(&mut stream(&["a\nb\u{1b}[31m.wav"]), b"");
    assert_eq!(outcome.stderr, "earmark: a\\nb\\u{1b}[31m.wav: there is no such file: check the path\n");
}
