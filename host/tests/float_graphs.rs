//! Float networks of any shape, quantised with audio: each is refused with a node's name, or the engine's answers are those of the float
//! network but for noise, and tract's are those of onnxruntime. A wrong graph has nothing in common with the right one; quantisation
//! leaves most. Those that stream give the same bits step by step.
#![cfg(feature = "tract")]

#[path = "support/bundle.rs"]
mod bundle;

use std::path::{Path, PathBuf};

use earmark::Error;
use earmark::classify::{Classifier, Engine};
use earmark::compile::calibrate::{FloatModel, Int16, Ranges};
use earmark::compile::metadata::Layers;
use earmark::model::LoadedModel;
use earmark::reference::ReferenceNetwork;
use earmark_core::engine::{Network, PlanEngine};
use earmark_core::model::Mode;

/// Least signal to noise at the output, in decibels: what is left of a wrong graph is near 0 or below.
const LEAST: f64 = 10.0;
/// Most by which tract and onnxruntime may differ, over the largest answer.
const SAME: f32 = 1e-3;
const CLIPS: u64 = 24;

type Case = bundle::Case<f32>;

fn golden(name: &str) -> Vec<Case> {
    bundle::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/calibrate").join(name))
}

/// A description by which the features of `clips` are near mean 0 and variance 1.
fn layers(case: &Case) -> Layers {
    let mut layers = Layers::default();
    let labels: Vec<String> = (0..case.outputs).map(|index| format!("output {index}")).collect();
    layers.set("labels", labels.into());
    layers.add_setting("frontend.preset=torchaudio").unwrap();
    layers.add_setting(&format!("frontend.mel_bands={}", case.features)).unwrap();
    layers.add_setting("frontend.mean=-3.0").unwrap();
    layers.add_setting("frontend.std=3.0").unwrap();
    layers
}

/// Noise that gets louder and fainter, brighter and darker, each 10 ms.
fn clips(frames: usize) -> Vec<Vec<i16>> {
    let samples = 400 + 160 * (frames - 1);
    let clip = |seed: u64| {
        let random = |index: usize, of: u64| f64::from(bundle::random_byte(seed * 4 + of, index as u64)) / 128.0;
        let mut low = 0.0;
        let sample = |index: usize| {
            let (loudness, brightness) = (random(index / 160, 0), random(index / 160, 1));
            let noise = random(index, 2);
            low += (noise - low) * (0.05 + 0.9 * (0.5 + 0.5 * brightness).powi(2));
            (low * (8.0 + 5.0 * loudness).exp2()) as i16
        };
        (0..samples).map(sample).collect()
    };
    (1..=CLIPS).map(clip).collect()
}

fn sqnr(expected: &[f32], given: &[f32]) -> f64 {
    let power = |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value).powi(2)).sum::<f64>();
    let noise = power(&mut expected.iter().zip(given).map(|(a, b)| a - b));
    if noise == 0.0 {
        return f64::INFINITY;
    }
    10.0 * (power(&mut expected.iter().copied()) / noise).log10()
}

/// How far tract's answers are from onnxruntime's, over the largest.
fn reference_error(case: &Case, loaded: &LoadedModel) -> f32 {
    let model = loaded.model().unwrap();
    let mut network = ReferenceNetwork::new(&case.onnx, &model).unwrap();
    let (mut worst, mut largest) = (0.0f32, 1e-3f32);
    let mut outputs = vec![0.0; case.outputs];
    let windows = case.inputs.chunks_exact(case.frames * case.features);
    for (window, answers) in windows.zip(case.answers.chunks_exact(case.outputs)) {
        network.reset();
        for frame in window.chunks_exact(case.features) {
            network.push_frame(&frame.iter().map(|&byte| f32::from(byte) / 32.0).collect::<Vec<_>>()).unwrap();
        }
        assert!(network.outputs(&mut outputs).unwrap());
        for (&given, &expected) in outputs.iter().zip(answers) {
            worst = worst.max((given - expected).abs());
            largest = largest.max(expected.abs());
        }
    }
    worst / largest
}

/// Whether a network that streams gives the bits that it gives window by window; `None` if it does not stream.
fn streams_alike(case: &Case, loaded: &LoadedModel) -> Option<bool> {
    let model = loaded.model().unwrap();
    if !matches!(model.mode(), Mode::Streaming { .. }) {
        return None;
    }
    let sizes = model.sizes();
    let (mut of_stream, mut of_windows) = (vec![0; sizes.streaming_engine], vec![0; sizes.engine]);
    let mut stream = PlanEngine::streaming(model, &mut of_stream).unwrap();
    let mut windows = PlanEngine::new(model, &mut of_windows).unwrap();
    let values: Vec<f32> = case.inputs.iter().map(|&byte| f32::from(byte) / 32.0).collect();
    let (mut heard, mut expected) = (vec![0.0; case.outputs], vec![0.0; case.outputs]);
    let mut outputs = 0;
    for (index, frame) in values.chunks_exact(case.features).enumerate() {
        stream.push_frame(frame).unwrap();
        if !stream.outputs(&mut heard).unwrap() {
            continue;
        }
        windows.reset();
        let window = (index + 1 - case.frames) * case.features..(index + 1) * case.features;
        values[window].chunks_exact(case.features).for_each(|frame| windows.push_frame(frame).unwrap());
        assert!(windows.outputs(&mut expected).unwrap());
        if heard != expected {
            return Some(false);
        }
        outputs += 1;
    }
    Some(outputs > 0)
}

/// How far the artifact is from the float network, in decibels.
fn quality(case: &Case, int16: &Int16) -> Result<(LoadedModel, f64), Error> {
    let float = FloatModel::new(&case.onnx, &layers(case))?;
    let clips = clips(case.frames);
    let calibrated = float.calibrate(&clips, Ranges::default(), int16)?;
    let loaded = LoadedModel::with_source(&case.name, &calibrated.artifact, case.onnx.clone())?;
    let outputs = |engine| -> Result<Vec<f32>, Error> {
        let mut classifier = Classifier::new(&loaded, engine)?;
        let windows: Result<Vec<_>, _> = clips.iter().map(|clip| classifier.windows(clip)).collect();
        Ok(windows?.into_iter().flatten().flat_map(|window| window.outputs).collect())
    };
    let decibels = sqnr(&outputs(Engine::Tract)?, &outputs(Engine::Core)?);
    Ok((loaded, decibels))
}

/// Compiles all, in 8 bits and in 16; at most `most_refused` of a hundred may be refused.
fn check(cases: &[Case], most_refused: usize) {
    check_in(&Int16::None, cases, most_refused);
    check_in(&Int16::All, cases, most_refused);
}

fn check_in(int16: &Int16, cases: &[Case], most_refused: usize) {
    let (mut refused, mut streaming, mut wrong, mut qualities) = (0, 0, Vec::new(), Vec::new());
    for case in cases {
        match quality(case, int16) {
            Ok((loaded, decibels)) => {
                let error = reference_error(case, &loaded);
                if decibels.is_nan() || decibels < LEAST || error.is_nan() || error > SAME {
                    println!("{}: {decibels:.1} dB, tract off by {error:e}", case.name);
                    wrong.push(case.name.as_str());
                }
                match streams_alike(case, &loaded) {
                    Some(true) => streaming += 1,
                    Some(false) => {
                        println!("{}: its stream gives other bits than its windows", case.name);
                        wrong.push(case.name.as_str());
                    }
                    None => {}
                }
                qualities.push(decibels);
            }
            Err(Error::UnsupportedOperator { node, operator, why, .. }) if !node.is_empty() => {
                println!("{}: refused at {node} ({operator}): {why}", case.name);
                refused += 1;
            }
            Err(error) => {
                println!("{}: {error}", case.name);
                wrong.push(case.name.as_str());
            }
        }
    }
    qualities.sort_unstable_by(f64::total_cmp);
    let at = |part: usize| qualities.get(qualities.len() * part / 100).copied().unwrap_or(f64::NAN);
    println!(
        "int16 {int16:?}: {} networks, {refused} refused, {streaming} stream; {:.1} dB in the median, one in 100 below {:.1} dB",
        cases.len(),
        at(50),
        at(1)
    );
    assert!(wrong.is_empty(), "wrong: {wrong:?}");
    assert!(refused * 100 <= cases.len() * most_refused, "{refused} of {} are refused", cases.len());
}

/// The sample in the repository, or thousands in the directory that `EARMARK_FLOAT_GRAPHS` names.
#[test]
fn random_networks() {
    match std::env::var_os("EARMARK_FLOAT_GRAPHS") {
        None => check(&golden("random.bin"), 15),
        Some(directory) => check(&bundle::read(&PathBuf::from(directory).join("random.bin")), 15),
    }
}

/// What `golden/calibrate/make_torch.py` exports, by both of PyTorch's exporters: nothing of it is refused.
#[test]
fn exported_networks() {
    check(&golden("torch.bin"), 0);
}
