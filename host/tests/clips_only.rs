//! Front ends that only a whole clip allows: clips are classified, and whatever listens refuses with the reason.
#![cfg(feature = "tract")]

mod support;

use std::path::{Path, PathBuf};

use earmark::classify::{Classifier, Engine};
use earmark::compile::metadata::Layers;
use earmark::model::LoadedModel;
use earmark::verify::Verifier;
use earmark_core::Error;
use earmark_core::listener::{Listener, ListenerSettings};
use earmark_core::model::Mode;
use earmark_core::recognizer::Recognizer;
use support::{earmark, fixture, run, scratch};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/commands-m.onnx")
}

fn compiled(settings: &[&str]) -> LoadedModel {
    let mut layers = Layers::default();
    settings.iter().for_each(|setting| layers.add_setting(setting).unwrap());
    LoadedModel::compile("clips", std::fs::read(source()).unwrap(), &layers).unwrap()
}

#[test]
fn clips_are_heard_and_streams_refused() {
    for (settings, reason) in [
        (&["frontend.center=reflect", "window_samples=15520"][..], "its frames are centred"),
        (&["frontend.center=zeros", "window_samples=15600"], "its frames are centred"),
        (&["frontend.peak=absolute"], "divided by the loudest"),
        (&["frontend.compression=decibel_max", "frontend.top_db=80.0"], "depend on the loudest"),
        (&["frontend.reference=max"], "depend on the loudest"),
    ] {
        let loaded = compiled(settings);
        let model = loaded.model().unwrap();
        assert_eq!(model.mode(), Mode::Windowed, "{settings:?}");
        assert!(model.provenance().contains(reason), "{settings:?}");

        let clip: Vec<i16> = (0..40_000i32).map(|index| (index * index % 20_011 - 10_000) as i16).collect();
        for length in [0, 1, 8_000, model.window_samples(), 40_000] {
            let mut classifier = Classifier::new(&loaded, Engine::Core).unwrap();
            let windows = classifier.windows(&clip[..length]).unwrap();
            assert!(windows.iter().all(|window| window.outputs.len() == 12 && window.samples.end <= length));
            assert_eq!(windows.len(), if length <= model.window_samples() { 1 } else { windows.len().max(2) });
        }
        // A window of a clip is the same as the window alone, on either engine.
        let mut verifier = Verifier::new(model, &loaded.source().unwrap()).unwrap();
        verifier.hear("clip", &clip).unwrap();
        assert!(verifier.agreement().windows >= 2);
        assert!(verifier.agreement().worst.as_ref().is_none_or(|worst| worst.steps <= 1));

        let mut memory = vec![0u32; model.sizes().listener];
        let memory: &mut [u8] = bytemuck::cast_slice_mut(&mut memory);
        let refusal = |error: Error| {
            assert!(matches!(error, Error::ClipsOnly { .. }) && error.to_string().contains(reason), "{error}");
        };
        refusal(Listener::new(model, &ListenerSettings::of(&model), memory).unwrap_err());
        let mut recognizer = Recognizer::new(model, memory).unwrap();
        refusal(recognizer.push(&clip, |_, _| {}).unwrap_err());
        refusal(recognizer.next_frame(&mut &clip[..]).unwrap_err());
    }
}

#[test]
fn louder_is_the_same_where_samples_are_divided_by_the_loudest() {
    let loaded = compiled(&["frontend.peak=absolute", "frontend.pcm_scale=1.0"]);
    let mut classifier = Classifier::new(&loaded, Engine::Core).unwrap();
    let soft: Vec<i16> = (0..16_000i32).map(|index| (index * index % 201 - 100) as i16).collect();
    let loud: Vec<i16> = soft.iter().map(|sample| sample * 128).collect();
    assert_eq!(classifier.windows(&soft).unwrap(), classifier.windows(&loud).unwrap());
}

#[test]
fn the_command_line_says_why() {
    let path = scratch("centred.ear", b"");
    let mut compile = earmark();
    compile.arg("compile").arg(source()).arg("-o").arg(&path).args([
        "--set",
        "frontend.center=reflect",
        "--window-samples",
        "15600",
    ]);
    assert_eq!(run(&mut compile, b"").code, 0);
    let inspected = run(earmark().arg("inspect").arg(&path), b"").stdout;
    assert!(inspected.contains("for clips only: its frames are centred"), "{inspected}");
    assert!(inspected.contains("it can't stream, because its frames are centred"), "{inspected}");
    let classified = run(earmark().args(["classify", "--model"]).arg(&path).arg(fixture("yes.wav")), b"");
    assert_eq!((classified.stderr.as_str(), classified.code), ("", 0));
    let streamed = run(earmark().args(["stream", "--model"]).arg(&path).arg(fixture("yes.wav")), b"");
    assert_eq!((streamed.stdout.as_str(), streamed.code), ("", 2));
    assert!(streamed.stderr.contains("cannot listen, because its frames are centred"), "{}", streamed.stderr);

    let mut fixed = earmark();
    fixed.arg("compile").arg(source()).arg("-o").arg(&path).args([
        "--set",
        "frontend.center=reflect",
        "--frontend",
        "fixed",
    ]);
    let refused = run(&mut fixed, b"");
    assert!(refused.code == 2 && refused.stderr.contains("front end in integers"), "{refused:?}");
}
