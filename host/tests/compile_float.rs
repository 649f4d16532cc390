//! Float models, quantised with the help of audio: what they lose, and what is refused.
#![cfg(feature = "tract")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use earmark::Error;
use earmark::audio::{Limits, decode, read_file};
use earmark::classify::{Classifier, Engine};
use earmark::compile::calibrate::{FloatModel, Int16, Ranges};
use earmark::compile::compile;
use earmark::compile::metadata::Layers;
use earmark::model::LoadedModel;
use earmark_core::recognizer::Recognizer;

/// Least signal to quantisation noise at the output of a network with random weights, in decibels.
const LEAST: f64 = 20.0;
/// The same with tensors of 16 bits.
const LEAST_INT16: f64 = 35.0;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models").join(name).with_extension("onnx")
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/fixtures")
}

/// The recordings among the fixtures, one after the other.
fn clips(rate: u32) -> Vec<Vec<i16>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "wav"));
    files.sort();
    let limits = Limits::default();
    files.iter().map(|file| decode(&read_file(file, &limits).unwrap(), rate, &limits).unwrap()).collect()
}

/// Signal to noise of one engine's outputs against the other's, in decibels.
fn sqnr(expected: &[f32], given: &[f32]) -> f64 {
    let power = |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value).powi(2)).sum::<f64>();
    let noise = power(&mut expected.iter().zip(given).map(|(a, b)| a - b));
    10.0 * (power(&mut expected.iter().copied()) / noise).log10()
}

/// The engine, on the artifact, against tract, on the float file. The reported figure is tract's alone, and must fit.
fn compare(name: &str) {
    compare_by(name, LEAST, LEAST_INT16);
}

/// With 8 bits everywhere, and with 16.
fn compare_by(name: &str, least: f64, least_int16: f64) {
    compare_in(name, &Int16::None, least);
    compare_in(name, &Int16::All, least_int16);
}

fn compare_in(name: &str, int16: &Int16, least: f64) {
    let onnx = std::fs::read(golden(name)).unwrap();
    let float = FloatModel::new(&onnx, &Layers::default()).unwrap();
    let clips = clips(float.sample_rate());
    let calibrated = float.calibrate(&clips, Ranges::default(), int16).unwrap();
    let reported = calibrated.layers.last().unwrap().sqnr_db.unwrap();
    assert!(reported >= least, "{name}: {reported} dB");

    let loaded = LoadedModel::with_source(name, &calibrated.artifact, onnx.clone()).unwrap();
    let outputs = |engine| -> Vec<f32> {
        let mut classifier = Classifier::new(&loaded, engine).unwrap();
        clips.iter().flat_map(|clip| classifier.windows(clip).unwrap()).flat_map(|window| window.outputs).collect()
    };
    let measured = sqnr(&outputs(Engine::Tract), &outputs(Engine::Core));
    println!(
        "{name}, int16 {int16:?}: {reported:.1} dB reported, {measured:.1} dB measured, ranges {}",
        calibrated.ranges.name()
    );
    assert!(measured >= least, "{name}: {measured}");
    // Clips are cut into windows otherwise.
    assert!((measured - reported).abs() < 1.0, "{name}: {measured} is not what is reported, {reported}");
}

#[test]
fn depthwise_separable_network() {
    compare("float_ds_cnn");
}

#[test]
fn residual_network() {
    compare("float_tc_resnet");
}

#[test]
fn batch_norm_bounds_gates_and_padding() {
    compare("float_mixed");
}

/// What `golden/models/make_torch.py` exports.
mod exported {
    use super::{compare, compare_by};

    #[test]
    fn ds_cnn() {
        compare("torch_ds_cnn");
    }

    /// Twelve blocks in a row, in each of which a norm makes what is left of the noise before it louder: not yet as good as the others.
    #[test]
    fn bc_resnet() {
        compare_by("torch_bc_resnet_1", 17.0, super::LEAST_INT16);
    }

    #[test]
    fn tc_resnet() {
        compare("torch_tc_resnet8");
    }

    #[test]
    fn matchbox_net() {
        compare("torch_matchboxnet_3x1x64");
    }

    #[test]
    fn svdf() {
        compare("torch_svdf");
    }

    #[test]
    fn gru() {
        compare("torch_crnn");
    }

    #[test]
    fn two_lstms() {
        compare("torch_crnn_lstm");
    }

    #[test]
    fn mean_over_a_gru() {
        compare("torch_gru_mean");
    }
}

/// Recurrent networks step by step.
mod streamed {
    use earmark_core::model::{Mode, Model};
    use earmark_core::recognizer::Recognizer;

    use super::{Error, FloatModel, Int16, Layers, LoadedModel, Ranges, clips, golden};

    fn compiled(name: &str, settings: &[&str]) -> Result<LoadedModel, Error> {
        let onnx = std::fs::read(golden(name)).unwrap();
        let mut layers = Layers::default();
        settings.iter().for_each(|setting| layers.add_setting(setting).unwrap());
        let calibrated =
            FloatModel::new(&onnx, &layers)?.calibrate(&clips(16_000)[..2], Ranges::MinMax, &Int16::None)?;
        LoadedModel::with_source(name, &calibrated.artifact, onnx)
    }

    fn memory(bytes: usize) -> Vec<u32> {
        vec![0x5A5A_5A5A; bytes.div_ceil(4)]
    }

    /// Ends and outputs of a stream.
    fn heard(model: Model<'_>, samples: &[i16]) -> Vec<(u64, Vec<f32>)> {
        let mut memory = memory(model.sizes().streaming_recognizer);
        let mut recognizer = Recognizer::streaming(model, bytemuck::cast_slice_mut(&mut memory)).unwrap();
        let mut heard = Vec::new();
        for chunk in samples.chunks(333) {
            recognizer.push(chunk, |end, outputs| heard.push((end, outputs.to_vec()))).unwrap();
        }
        heard
    }

    /// The same, window by window.
    fn windows(model: Model<'_>, samples: &[i16]) -> Vec<(u64, Vec<f32>)> {
        let window = model.window_samples();
        let mut memory = memory(model.sizes().recognizer);
        let mut recognizer = Recognizer::new(model, bytemuck::cast_slice_mut(&mut memory)).unwrap();
        let ends = (window..=samples.len()).step_by(model.step_samples());
        ends.map(|end| (end as u64, recognizer.classify(&samples[end - window..end]).unwrap().to_vec())).collect()
    }

    #[test]
    fn each_window_begins_with_an_empty_state() {
        let samples = clips(16_000).concat();
        for (name, stride_frames) in [("torch_crnn", 2), ("torch_crnn_lstm", 2), ("torch_gru_mean", 1)] {
            let loaded = compiled(name, &[]).unwrap();
            let model = loaded.model().unwrap();
            assert_eq!(model.mode(), Mode::Streaming { stride_frames }, "{name}");
            assert_eq!(heard(model, &samples[..40_000]), windows(model, &samples[..40_000]), "{name}");
        }
    }

    #[test]
    fn a_state_is_carried_where_that_is_asked_for() {
        let samples = clips(16_000).concat();
        let loaded = compiled("torch_crnn_lstm", &["state=carried"]).unwrap();
        let model = loaded.model().unwrap();
        let (heard, windows) = (heard(model, &samples[..40_000]), windows(model, &samples[..40_000]));
        assert_eq!((heard.len(), &heard[0]), (windows.len(), &windows[0]), "the first window begins at the start");
        let step: u64 = model.streaming().unwrap().ops().map(|op| op.multiply_accumulates()).sum();
        let window: u64 = model.plan().map(|op| op.multiply_accumulates()).sum();
        assert!(step * 40 < window, "{step} {window}");

        let refused = compiled("torch_gru_mean", &["state=carried"]).unwrap_err().to_string();
        assert!(refused.contains("sees only a window"), "{refused}");
        let refused = compiled("torch_svdf", &["state=carried"]).unwrap_err().to_string();
        assert!(refused.contains("no GRU or LSTM"), "{refused}");
    }
}

#[test]
fn what_cannot_be_quantised_is_named() {
    let onnx = std::fs::read(golden("float_unsupported")).unwrap();
    let float = FloatModel::new(&onnx, &Layers::default()).unwrap();
    let error = float.calibrate(&clips(16_000), Ranges::default(), &Int16::None).unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, Error::UnsupportedOperator { .. }), "{message}");
    assert!(message.contains("MatMul1") && message.contains("[1,40,98]"), "{message}");

    let none = float.calibrate(&[], Ranges::default(), &Int16::None).unwrap_err().to_string();
    assert!(none.contains("no audio"), "{none}");
    let quantised = std::fs::read(golden("doorbell")).unwrap();
    let refused = FloatModel::new(&quantised, &Layers::default()).unwrap_err().to_string();
    assert!(refused.contains("quantised already"), "{refused}");
    let unquantised = compile(&onnx, &Layers::default()).unwrap_err().to_string();
    assert!(unquantised.contains("MatMul1") && unquantised.contains("--calibrate"), "{unquantised}");
}

fn run(arguments: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_earmark")).arg("compile").args(arguments).output().unwrap()
}

#[test]
fn the_command_reports_and_refuses() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("calibrated");
    // A clip that is a word and one that is another, each in the folder of its label.
    let audio = directory.join("audio");
    let empty = directory.join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    for (label, clip) in [("label 0", "yes"), ("label 1", "no")] {
        std::fs::create_dir_all(audio.join(label)).unwrap();
        std::fs::copy(fixtures().join(clip).with_extension("wav"), audio.join(label).join("clip.wav")).unwrap();
    }
    let (model, artifact) = (golden("float_mixed"), directory.join("mixed.ear"));
    let options = [Path::new("-o"), &artifact, Path::new("--calibrate")];

    let done = run(&[&model, options[0], options[1], options[2], &audio]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let summary: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let calibration = &summary["calibration"];
    assert_eq!((&calibration["windows"], &calibration["accuracy"]["clips"]), (&2.into(), &2.into()), "{summary}");
    assert!(LoadedModel::open(Some(&artifact)).is_ok());

    for (folder, why) in [(empty, "no audio files"), (directory.join("none"), "cannot be read")] {
        let refused = run(&[&model, options[0], options[1], options[2], &folder]);
        let message = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && message.contains(why), "{message}");
    }
}

/// One layer in 16 bits among others in 8: by the name that the report gives, and no other.
#[test]
fn single_layers_of_16_bits() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("int16");
    std::fs::create_dir_all(&directory).unwrap();
    let (model, artifact) = (golden("float_mixed"), directory.join("mixed.ear"));
    let compile = |int16: &str| {
        let options = [Path::new("-o"), &artifact, Path::new("--calibrate")];
        run(&[&model, options[0], options[1], options[2], &fixtures(), Path::new("--int16"), Path::new(int16)])
    };
    let layers = |int16: &str| -> Vec<(String, u64)> {
        let done = compile(int16);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let summary: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
        let layers = summary["calibration"]["layers"].as_array().unwrap().iter();
        layers.map(|layer| (layer["node"].as_str().unwrap().to_owned(), layer["bits"].as_u64().unwrap())).collect()
    };
    let all = layers("all");
    assert!(all.iter().all(|(_, bits)| *bits == 16), "{all:?}");
    for (name, _) in &all {
        let one = layers(name);
        assert!(one.iter().all(|(other, bits)| (*bits == 16) == (other == name)), "{name}: {one:?}");
        let loaded = LoadedModel::open(Some(&artifact)).unwrap();
        steps_give_what_windows_give(&loaded);
    }
    let refused = compile("no such layer");
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && message.contains("there is no layer \"no such layer\""), "{message}");
    assert!(all.iter().any(|(name, _)| message.contains(name)), "{message}");
}

/// On all fixtures in a row, if the network streams.
fn steps_give_what_windows_give(loaded: &LoadedModel) {
    let model = loaded.model().unwrap();
    let clip = clips(model.sample_rate()).concat();
    let mut state = vec![0u32; model.sizes().streaming_recognizer.div_ceil(4)];
    let mut stream = Recognizer::streaming(model, bytemuck::cast_slice_mut(&mut state)).unwrap();
    let mut memory = vec![0u32; model.sizes().recognizer.div_ceil(4)];
    let mut whole = Recognizer::new(model, bytemuck::cast_slice_mut(&mut memory)).unwrap();
    let mut heard = Vec::new();
    stream.push(&clip, |end, outputs| heard.push((end as usize, outputs.to_vec()))).unwrap();
    assert!(heard.len() > 10);
    for (end, outputs) in heard.iter().step_by(heard.len() / 10) {
        assert_eq!(whole.classify(&clip[end - model.window_samples()..*end]).unwrap(), outputs.as_slice());
    }
}
