//! Every shipped model, step by step, gives the bits that it gives window by window: however the samples arrive, across a reset, and on
//! every set of kernels that this machine has.

use std::path::{Path, PathBuf};

use earmark::model::LoadedModel;
use earmark_core::engine::PlanEngine;
use earmark_core::engine::kernels::KernelSet;
use earmark_core::model::{Mode, Model};
use earmark_core::recognizer::Recognizer;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")
}

/// The shipped artifacts.
fn shipped() -> Vec<PathBuf> {
    let files = std::fs::read_dir(models()).expect("the models are in the repository");
    let mut models: Vec<PathBuf> =
        files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|is| is == "ear")).collect();
    models.sort();
    assert!(!models.is_empty());
    models
}

/// All fixtures, one after the other.
fn sound() -> Vec<i16> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(models().join("fixtures")).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|is| is == "wav"));
    files.sort();
    files
        .iter()
        .flat_map(|file| hound::WavReader::open(file).unwrap().into_samples::<i16>())
        .map(Result::unwrap)
        .collect()
}

/// Ends and raw outputs of all windows on the grid, each classified by itself.
fn window_by_window(model: Model<'_>, samples: &[i16]) -> Vec<(u64, Vec<f32>)> {
    let mut memory = vec![0u32; model.sizes().recognizer.div_ceil(4)];
    let mut recognizer = Recognizer::new(model, bytemuck::cast_slice_mut(&mut memory)).unwrap();
    let front_end = model.front_end();
    // A window may be longer than its frames by less than a hop; what is behind them is not heard.
    let covered = (model.frames() - 1) * front_end.hop_length + front_end.window_length;
    let ends = (covered..=samples.len()).step_by(model.step_samples());
    ends.map(|end| {
        let mut window = samples[end - covered..end].to_vec();
        window.resize(model.window_samples(), 0);
        (end as u64, recognizer.classify(&window).unwrap().to_vec())
    })
    .collect()
}

/// The same of a stream, in pieces of the given lengths and then whole.
fn step_by_step(model: Model<'_>, kernels: KernelSet, streams: &[&[i16]], cuts: &[usize]) -> Vec<Vec<(u64, Vec<f32>)>> {
    let sizes = model.sizes();
    let mut memory = vec![0x5A5A_5A5Au32; sizes.streaming_recognizer.div_ceil(4)];
    let (engine, rest) = bytemuck::cast_slice_mut::<u32, u8>(&mut memory).split_at_mut(sizes.streaming_engine);
    let engine = PlanEngine::streaming(model, engine).unwrap().with_kernels(kernels);
    let mut recognizer = Recognizer::with_network(model, engine, rest).unwrap();
    let hear = |samples: &&[i16]| {
        recognizer.reset();
        let (mut heard, mut rest) = (Vec::new(), *samples);
        for cut in cuts.iter().copied().chain([usize::MAX]) {
            let (piece, later) = rest.split_at(cut.min(rest.len()));
            recognizer.push(piece, |end, outputs| heard.push((end, outputs.to_vec()))).unwrap();
            rest = later;
        }
        heard
    };
    streams.iter().map(hear).collect()
}

fn cases() -> Config {
    if std::env::var_os("EARMARK_FULL").is_some() {
        Config::with_cases(2_000)
    } else {
        Config { rng_seed: RngSeed::Fixed(1), ..Config::with_cases(12) }
    }
}

#[test]
fn shipped_models_stream() {
    for path in shipped() {
        let loaded = LoadedModel::open(Some(&path)).unwrap();
        assert!(matches!(loaded.model().unwrap().mode(), Mode::Streaming { .. }), "{}", path.display());
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn steps_give_the_bits_of_windows(
        start in 0usize..500_000,
        length in 16_000usize..40_000,
        cuts in vec(0usize..6_000, 0..10),
    ) {
        let sound = sound();
        let start = start % (sound.len() - length);
        let samples = &sound[start..start + length];
        let second = &sound[start / 2..start / 2 + 17_000];
        for path in shipped() {
            let loaded = LoadedModel::open(Some(&path)).unwrap();
            let model = loaded.model().unwrap();
            let expected = [samples, second].map(|samples| window_by_window(model, samples));
            for kernels in KernelSet::available() {
                let heard = step_by_step(model, kernels, &[samples, second], &cuts);
                prop_assert!(heard == expected, "{} on {}", path.display(), kernels.name());
            }
        }
    }
}
