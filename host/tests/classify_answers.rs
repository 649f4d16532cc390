//! `earmark classify` on audio that it can use: what it prints for whom.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::{Outcome, earmark, fixture, run, scratch};

fn classify(arguments: &[&str]) -> Command {
    let mut command = earmark();
    command.arg("classify").args(arguments);
    command
}

fn succeed(command: &mut Command) -> String {
    let outcome = run(command, b"");
    assert_eq!((outcome.stderr.as_str(), outcome.code), ("", 0));
    outcome.stdout
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// An API array's labels and scores, after checking what the API promises.
fn entries(result: &Value) -> Vec<(&str, f64)> {
    let entries: Vec<_> = result
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            assert_eq!(entry.as_object().unwrap().len(), 2, "{entry}");
            (entry["label"].as_str().unwrap(), entry["score"].as_f64().unwrap())
        })
        .collect();
    assert!(entries.is_sorted_by(|a, b| a.1 >= b.1), "{entries:?}");
    entries
}

/// The samples of `yes.wav`.
fn yes() -> Vec<u8> {
    fs::read(fixture("yes.wav")).unwrap()[44..].to_vec()
}

/// A 16 kHz, 16-bit mono WAV file.
fn wav(data: &[u8]) -> Vec<u8> {
    let mut file = fs::read(fixture("yes.wav")).unwrap()[..40].to_vec();
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

#[test]
fn one_file_gives_the_array_of_the_api() {
    let stdout = succeed(classify(&[]).arg(fixture("yes.wav")));
    assert_eq!(stdout.lines().count(), 1);
    let result: Value = serde_json::from_str(&stdout).unwrap();
    let entries = entries(&result);
    assert_eq!(entries.len(), 12);
    assert_eq!(entries[0].0, "yes");
    assert!((entries.iter().map(|entry| entry.1).sum::<f64>() - 1.0).abs() < 1e-5);
}

#[test]
fn every_format_gives_the_same_word_and_lossless_ones_the_same_scores() {
    let expected = succeed(classify(&[]).arg(fixture("yes.wav")));
    for file in [
        "yes-24bit-extensible.wav",
        "yes-24bit.wav",
        "yes-44100-stereo.wav",
        "yes-float-extensible.wav",
        "yes-float.wav",
        "yes.flac",
        "yes.m4a",
        "yes.mp3",
        "yes.ogg",
        "yes.opus",
        "yes.webm",
        "yes-opus.mp4",
    ] {
        let stdout = succeed(classify(&[]).arg(fixture(&format!("formats/{file}"))));
        let is_lossless = !["44100", "m4a", "mp3", "ogg", "opus", "webm"].iter().any(|lossy| file.contains(lossy));
        if is_lossless {
            assert_eq!(stdout, expected, "{file}");
        }
        assert!(stdout.starts_with(r#"[{"label":"yes","#), "{file}: {stdout}");
    }
}

#[test]
fn a_dash_reads_stdin_in_any_format() {
    let expected = succeed(classify(&[]).arg(fixture("yes.wav")));
    for file in ["yes.wav", "formats/yes.flac"] {
        let outcome = run(&mut classify(&["-"]), &fs::read(fixture(file)).unwrap());
        assert_eq!((outcome.stdout, outcome.stderr, outcome.code), (expected.clone(), String::new(), 0), "{file}");
    }
}

#[test]
fn several_files_give_a_line_each_in_order() {
    let files = [fixture("yes.wav"), fixture("no.wav"), fixture("_silence_.wav")];
    let stdout = succeed(classify(&["--top-k", "1"]).args(&files));
    let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    for ((line, file), label) in lines.iter().zip(&files).zip(["yes", "no", "_silence_"]) {
        assert_eq!(line.as_object().unwrap().keys().collect::<Vec<_>>(), ["file", "result"]);
        assert_eq!(line["file"], name(file));
        let entries = entries(&line["result"]);
        assert_eq!((entries.len(), entries[0].0), (1, label));
    }
    assert_eq!(succeed(classify(&["--top-k", "1", "--format", "json"]).args(&files)), stdout);
    let one = succeed(classify(&["--top-k", "1", "--format", "jsonl"]).arg(&files[0]));
    assert_eq!(Some(one.trim_end()), stdout.lines().next());
}

#[test]
fn functions_and_top_k_are_applied() {
    let file = fixture("yes.wav");
    let of = |function: &str| -> Value {
        let stdout = succeed(classify(&["--function-to-apply", function]).arg(&file));
        serde_json::from_str(&stdout).unwrap()
    };
    assert_eq!(of("softmax").to_string() + "\n", succeed(classify(&[]).arg(&file)));
    let (raw, sigmoid) = (of("none"), of("sigmoid"));
    for ((raw_label, raw), (label, score)) in entries(&raw).into_iter().zip(entries(&sigmoid)) {
        assert_eq!(raw_label, label);
        assert!((score - 1.0 / (1.0 + (-raw).exp())).abs() < 1e-6);
    }
    let all = of("softmax");
    for (top_k, length) in [("1", 1), ("3", 3), ("12", 12), ("4294967295", 12)] {
        let stdout = succeed(classify(&["--top-k", top_k]).arg(&file));
        let result: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(result.as_array().unwrap()[..], all.as_array().unwrap()[..length]);
    }
}

#[test]
fn a_table_is_for_people() {
    let files = [fixture("yes.wav"), fixture("no.wav")];
    let stdout = succeed(classify(&["--format", "table", "--top-k", "2"]).args(&files));
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 7, "{stdout}");
    assert_eq!((lines[0], lines[3], lines[4]), (name(&files[0]), "", name(&files[1])));
    assert!(lines[1].trim_start().starts_with("yes ") && lines[5].trim_start().starts_with("no "), "{stdout}");
}

#[test]
fn a_word_is_found_anywhere_in_a_long_clip() {
    for (place, silence) in [(0, 16_000), (1, 16_000), (5, 30_123), (9, 30_123)] {
        let mut data = vec![0; silence * 2 / 10 * place * 2];
        data.extend(yes());
        data.resize(data.len().max(silence * 4 + 32_000), 0);
        let file = scratch(&format!("long-{place}-{silence}.wav"), &wav(&data));
        let stdout = succeed(classify(&["--top-k", "1"]).arg(file));
        assert!(stdout.starts_with(r#"[{"label":"yes","#), "{place} {silence}: {stdout}");
    }
}

#[test]
fn all_windows_are_listed_with_their_times() {
    // 1.25 s: windows start at 0, 0.1, 0.2 and, reaching 50 ms beyond the end, 0.3 s.
    let mut data = vec![0; 8_000];
    data.extend(yes());
    let file = scratch("window-all.wav", &wav(&data));
    let stdout = succeed(classify(&["--window", "all", "--top-k", "1"]).arg(&file));
    let windows: Vec<Value> = serde_json::from_str(&stdout).unwrap();
    let times: Vec<(f64, f64)> =
        windows.iter().map(|window| (window["start"].as_f64().unwrap(), window["end"].as_f64().unwrap())).collect();
    assert_eq!(times, [(0.0, 1.0), (0.1, 1.1), (0.2, 1.2), (0.3, 1.25)]);
    assert!(windows.iter().all(|window| entries(&window["result"]).len() == 1));

    let best = succeed(classify(&["--top-k", "1"]).arg(&file));
    let best: Value = serde_json::from_str(&best).unwrap();
    assert!(windows.iter().any(|window| window["result"] == best));

    let lines = succeed(classify(&["--window", "all", "--top-k", "1", "--format", "jsonl"]).arg(&file));
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    for (line, window) in lines.iter().zip(&windows) {
        assert_eq!(line["file"], name(&file));
        assert!(["start", "end", "result"].iter().all(|&key| line[key] == window[key]));
    }

    let table = succeed(classify(&["--window", "all", "--top-k", "1", "--format", "table"]).arg(&file));
    assert_eq!(table.lines().step_by(2).last(), Some("0.30 s to 1.25 s"));
}

#[test]
fn a_window_of_a_long_clip_scores_as_the_same_samples_alone() {
    let mut data = yes();
    data.extend(fs::read(fixture("no.wav")).unwrap()[44..].iter());
    let long = scratch("two-words.wav", &wav(&data));
    let stdout = succeed(classify(&["--window", "all"]).arg(long));
    let windows: Vec<Value> = serde_json::from_str(&stdout).unwrap();
    assert_eq!(windows.len(), 11);
    for (index, window) in windows.iter().enumerate() {
        let alone = scratch(&format!("alone-{index}.wav"), &wav(&data[index * 3_200..][..32_000]));
        let alone: Value = serde_json::from_str(&succeed(classify(&[]).arg(alone))).unwrap();
        assert_eq!(window["result"], alone, "window {index}");
    }
}

#[test]
fn a_short_clip_is_centred() {
    // The outer tenths of the fixture are digital zero, so taking them away changes nothing.
    let data = yes();
    assert!(data[..3_200].iter().chain(&data[28_800..]).all(|&byte| byte == 0));
    let short = scratch("short.wav", &wav(&data[3_200..28_800]));
    assert_eq!(succeed(classify(&[]).arg(&short)), succeed(classify(&[]).arg(fixture("yes.wav"))));
    let all = succeed(classify(&["--window", "all"]).arg(&short));
    assert!(all.starts_with(r#"[{"start":0,"end":0.8,"result":[{"#), "{all}");
    // One sample is a clip as well.
    let one = scratch("one-sample.wav", &wav(&[1, 0]));
    assert!(succeed(classify(&["--top-k", "1"]).arg(one)).starts_with(r#"[{"label":""#));
}

#[test]
fn a_model_file_is_used_in_place_of_the_built_in_one() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/commands-m.ear");
    let file = fixture("yes.wav");
    let built_in = succeed(classify(&[]).arg(&file));
    assert_eq!(succeed(classify(&["--engine", "core", "--model", name(&model)]).arg(&file)), built_in);
}

/// The reference runtime works in floats between the quantised operators, so a score may differ by a step of the output.
#[cfg(feature = "tract")]
#[test]
fn either_engine_runs_either_form_of_a_model() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let (ear, onnx) = (models.join("commands-m.ear"), models.join("commands-m.onnx"));
    for word in ["yes", "stop", "_unknown_"] {
        let file = fixture(&format!("{word}.wav"));
        let core = succeed(classify(&[]).arg(&file));
        assert_eq!(succeed(classify(&["--model", name(&onnx)]).arg(&file)), core);
        let core: Value = serde_json::from_str(&core).unwrap();
        for arguments in [&["--engine", "tract"][..], &["--engine", "tract", "--model", name(&ear)]] {
            let tract: Value = serde_json::from_str(&succeed(classify(arguments).arg(&file))).unwrap();
            let ((label, score), (expected_label, expected)) = (entries(&tract)[0], entries(&core)[0]);
            assert_eq!(label, expected_label);
            assert!((score - expected).abs() < 0.02, "{word}: {score} and {expected}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    use std::io::Read;
    use std::process::Stdio;

    let mut command = classify(&["--window", "all"]);
    command.args(vec![fixture("yes.wav"); 200]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    let code = child.wait().unwrap().code();
    assert_eq!((stderr.as_str(), code), ("", Some(0)));
}

#[test]
fn words_for_people_are_where_people_look() {
    let help: Outcome = run(&mut classify(&["--help"]), b"");
    assert_eq!((help.stderr.as_str(), help.code), ("", 0));
    for option in ["--top-k", "--function-to-apply", "--model", "--engine", "--window", "--format", "--max-seconds"] {
        assert!(help.stdout.contains(option), "{option}");
    }
    for wrong in [&["classify"][..], &[], &["clasify", "x"], &["classify", "--top-k", "0", "x"]] {
        let outcome = run(earmark().args(wrong), b"");
        assert_eq!((outcome.stdout.as_str(), outcome.code), ("", 2), "{wrong:?}");
        assert!(!outcome.stderr.is_empty());
    }
    for option in [["--function-to-apply", "Softmax"], ["--window", "most"], ["--top-k", "2.5"], ["--format", "xml"]] {
        let outcome = run(classify(&option).arg(fixture("yes.wav")), b"");
        assert_eq!((outcome.stdout.as_str(), outcome.code), ("", 2), "{option:?}");
        assert!(outcome.stderr.contains(option[1]), "{}", outcome.stderr);
    }
}
