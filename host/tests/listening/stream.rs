//! `earmark stream` on audio that it can use: what it prints for whom.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::recording::{bytes, samples, wav, words};
use crate::support::{earmark, fixture, run, scratch};
use serde_json::Value;

fn stream(arguments: &[&str]) -> Command {
    let mut command = earmark();
    command.arg("stream").args(arguments);
    command
}

fn succeed(command: &mut Command, stdin: &[u8]) -> String {
    let outcome = run(command, stdin);
    assert_eq!((outcome.stderr.as_str(), outcome.code), ("", 0));
    outcome.stdout
}

/// The labels of lines of JSON, after checking what the contract says about each line.
fn labels(stdout: &str) -> Vec<String> {
    let mut labels = Vec::new();
    for line in stdout.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(event.as_object().unwrap().len(), 4, "{line}");
        let (start, end) = (event["start"].as_f64().unwrap(), event["end"].as_f64().unwrap());
        assert!(0.0 <= start && start < end, "{line}");
        assert!((0.0..=1.0).contains(&event["score"].as_f64().unwrap()), "{line}");
        assert!(line.starts_with("{\"start\":") && !line.contains(' '), "{line}");
        labels.push(event["label"].as_str().unwrap().to_owned());
    }
    labels
}

#[test]
fn each_word_of_a_recording_is_a_line() {
    let file = scratch("stream-words.wav", &wav(&words(&["yes", "no", "stop"])));
    let stdout = succeed(stream(&[]).arg(&file), b"");
    assert_eq!(labels(&stdout), ["yes", "no", "stop"]);
    let starts: Vec<f64> =
        stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["start"].as_f64().unwrap()).collect();
    assert!(starts.iter().zip([0.0, 2.0, 4.0]).all(|(start, word)| (word..word + 1.0).contains(start)), "{starts:?}");
}

#[test]
fn a_word_at_the_very_end_is_heard_and_ends_with_the_file() {
    // The word is over after 0.8 s.
    let file = scratch("stream-end.wav", &wav(&samples("yes.wav")[..12_800]));
    let stdout = succeed(stream(&[]).arg(file), b"");
    assert_eq!(labels(&stdout), ["yes"]);
    assert!(stdout.contains(r#""end":0.80,"#), "{stdout}");
}

#[test]
fn a_word_at_the_very_beginning_is_heard() {
    for name in ["yes", "no", "stop", "right", "down"] {
        // It begins after a quarter of a second or later.
        let file = scratch("stream-start.wav", &wav(&samples(&format!("{name}.wav"))[4_000..]));
        assert_eq!(labels(&succeed(stream(&[]).arg(file), b"")), [name]);
    }
}

#[test]
fn pipes_raw_samples_and_other_formats_say_the_same() {
    let recording = words(&["yes", "no"]);
    let file = scratch("stream-same.wav", &wav(&recording));
    let expected = succeed(stream(&[]).arg(&file), b"");
    assert_eq!(labels(&expected).len(), 2);
    assert_eq!(succeed(&mut stream(&["-"]), &wav(&recording)), expected);
    let raw = bytes(&recording);
    assert_eq!(succeed(&mut stream(&["--raw", "16000", "-"]), &raw), expected);
    // Half a sample at the end, in the middle of a frame, is nothing to complain about.
    assert_eq!(succeed(&mut stream(&["--raw", "16000", "-"]), &[&raw[..], &[7]].concat()), expected);
    let raw = scratch("stream-same.raw", &raw);
    assert_eq!(succeed(stream(&["--raw", "16000"]).arg(&raw), b""), expected);
    for format in ["flac", "mp3", "ogg", "m4a"] {
        let stdout = succeed(stream(&[]).arg(fixture(&format!("formats/yes.{format}"))), b"");
        assert_eq!(labels(&stdout), ["yes"], "{format}");
    }
}

#[test]
fn a_pipe_is_answered_while_it_is_written() {
    let mut command = stream(&["--raw", "16000", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&bytes(&words(&["yes"]))).unwrap();
    let mut line = String::new();
    // The pipe is still open: this waits for ever if the detection waits for its end.
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(labels(&line), ["yes"]);
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn files_begin_anew_and_are_named_when_there_are_several() {
    let (first, second) = (fixture("yes.wav"), fixture("no.wav"));
    let stdout = succeed(stream(&[]).arg(&first).arg(&second).arg(&first), b"");
    let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0], lines[2]);
    for (line, (file, label)) in lines.iter().zip([(&first, "yes"), (&second, "no"), (&first, "yes")]) {
        assert_eq!((line["file"].as_str(), line["label"].as_str()), (file.to_str(), Some(label)));
        assert_eq!(line.as_object().unwrap().len(), 5);
    }
    assert!(stdout.starts_with("{\"file\":"));
    let alone = succeed(stream(&[]).arg(&second), b"");
    assert!(stdout.lines().nth(1).unwrap().ends_with(&alone.trim_end()[1..]));
}

#[test]
fn label_tracks_and_tables_hold_the_same_detections() {
    let file = scratch("stream-tracks.wav", &wav(&words(&["yes", "no"])));
    let srt = succeed(stream(&["--format", "srt"]).arg(&file), b"");
    assert!(srt.starts_with("1\n00:00:0") && srt.contains(" --> ") && srt.contains("\nyes ("), "{srt}");
    assert!(srt.contains("\n\n2\n00:00:0"), "{srt}");
    let audacity = succeed(stream(&["--format", "audacity"]).arg(&file), b"");
    let fields: Vec<Vec<&str>> = audacity.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(fields.iter().map(|fields| fields[2]).collect::<Vec<_>>(), ["yes", "no"]);
    assert!(fields.iter().all(|fields| fields[0].parse::<f64>().unwrap() < fields[1].parse::<f64>().unwrap()));
    let table = succeed(stream(&["--format", "table"]).arg(&file), b"");
    assert_eq!(table.lines().count(), 2);
    assert!(table.lines().next().unwrap().contains("  yes") && table.contains('█'), "{table}");
    let silence = scratch("stream-noise.wav", &wav(&words(&["_silence_"])));
    let table = succeed(stream(&["--format", "table"]).arg(&silence), b"");
    assert_eq!(table, "  nothing detected in 0:02.00\n");
}

#[test]
fn knobs_change_what_is_detected() {
    let file = scratch("stream-knobs.wav", &wav(&words(&["yes", "no"])));
    let heard = |arguments: &[&str]| labels(&succeed(stream(arguments).arg(&file), b""));
    assert_eq!(heard(&["--threshold", "2"]), Vec::<String>::new());
    assert_eq!(heard(&["--threshold", "2", "--threshold", "no=0.5"]), ["no"]);
    assert_eq!(heard(&["--threshold", "no=0.5", "--threshold", "2"]), ["no"], "whatever the order");
    assert_eq!(heard(&["--threshold", "yes=1.5"]), ["no"]);
    // A threshold that is met only by a score of nearly 1, at the two ends of the sensitivity.
    assert_eq!(heard(&["--threshold", "0.998", "--sensitivity", "0"]), Vec::<String>::new());
    assert_eq!(heard(&["--threshold", "0.998", "--sensitivity", "1"]), ["yes", "no"]);
    assert_eq!(heard(&["--gain-db", "-60"]), Vec::<String>::new(), "too soft for anything");
    assert_eq!(heard(&["--gain-db", "6"]), ["yes", "no"]);
}

#[test]
fn the_gate_spares_silence_and_keeps_words() {
    let mut recording = vec![0; 160_000];
    recording.extend(samples("yes.wav"));
    recording.extend(vec![0; 160_000]);
    let file = scratch("stream-gate.wav", &wav(&recording));
    for arguments in [&["--gate"][..], &["--gate=10"]] {
        let outcome = run(stream(arguments).arg(&file), b"");
        assert_eq!((labels(&outcome.stdout), outcome.code), (vec!["yes".to_owned()], 0));
    }
}

#[test]
fn a_preset_conditions_as_the_board_does() {
    // A sixteenth of the loudness, on an offset: what an SPH0645 gives.
    let soft: Vec<i16> = words(&["yes", "no"]).iter().map(|sample| sample / 16 + 1_500).collect();
    let file = scratch("stream-offset.wav", &wav(&[vec![1_500; 16_000], soft].concat()));
    let outcome = run(stream(&["--condition", "sph0645"]).arg(&file), b"");
    // What follows the words is digital silence, amplified: nothing to hold a model to.
    assert_eq!((&labels(&outcome.stdout)[..2], outcome.code), (&["yes".to_owned(), "no".to_owned()][..], 0));
}

#[test]
fn what_is_wrong_with_the_signal_is_said_in_words() {
    let zeros = scratch("stream-zeros.wav", &wav(&[0; 48_000]));
    let outcome = run(stream(&[]).arg(&zeros), b"");
    assert_eq!((outcome.stdout.as_str(), outcome.code), ("", 0));
    assert_eq!(
        outcome.stderr,
        format!(
            "earmark: {}: at 0:01.00: the signal is exactly zero: wrong channel or muted microphone?\n",
            zeros.display()
        )
    );
    let clipped: Vec<i16> = (0..64_000).map(|n| if n % 80 < 40 { i16::MAX } else { i16::MIN }).collect();
    let file = scratch("stream-clipped.wav", &wav(&clipped));
    let outcome = run(stream(&[]).arg(file), b"");
    assert!(outcome.stderr.contains("the signal is clipped: turn the gain down"), "{}", outcome.stderr);
    let shifted: Vec<i16> = words(&["_silence_"]).iter().map(|sample| sample / 2 + 9_000).collect();
    let file = scratch("stream-shifted.wav", &wav(&shifted));
    let outcome = run(stream(&[]).arg(file), b"");
    assert!(outcome.stderr.contains("the signal lies off zero: "), "{}", outcome.stderr);
    assert_eq!(outcome.code, 0);
}

#[test]
fn stereo_at_another_rate_is_heard() {
    let stdout = succeed(stream(&[]).arg(fixture("formats/yes-44100-stereo.wav")), b"");
    assert_eq!(labels(&stdout), ["yes"]);
}

#[cfg(feature = "tract")]
#[test]
fn tract_detects_the_same() {
    let core = succeed(stream(&[]).arg(fixture("yes.wav")), b"");
    let tract = succeed(stream(&["--engine", "tract"]).arg(fixture("yes.wav")), b"");
    assert_eq!(labels(&core), labels(&tract));
}

#[test]
fn the_reader_of_the_pipe_may_have_had_enough() {
    let mut command = stream(&["--raw", "16000", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    // It ends by itself, although stdin would go on for ever.
    let mut stdin = child.stdin.take().unwrap();
    let word = bytes(&words(&["yes"]));
    while stdin.write_all(&word).is_ok() {}
    let outcome = child.wait_with_output().unwrap();
    assert_eq!((outcome.status.code(), outcome.stderr.len()), (Some(0), 0));
}

#[test]
fn help_teaches() {
    let help = succeed(&mut stream(&["--help"]), b"");
    for word in
        ["{\"start\":1.24,\"end\":1.78,\"label\":\"yes\",\"score\":0.97}", "arecord", "inmp441", "audacity", "--gate"]
    {
        assert!(help.contains(word), "{word}");
    }
}
