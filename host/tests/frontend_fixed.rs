//! The front end in integers against the one in floating point, and against the libraries that they reproduce.

use std::path::{Path, PathBuf};

use earmark::frontend::{FixedFrontEnd, FrontEndTables, Options};
use earmark_core::Error;
use earmark_core::frontend::{Compression, FrontEnd, FrontEndSpec};
use earmark_core::model::Quantisation;
use proptest::prelude::*;
use serde::Deserialize;

/// So many steps a feature may be further off than by rounding, next to a tone that is 90 dB louder: with numbers of 32 bits the loudest bin
/// leaves that much in the others, in `f32` as in integers. (A step of the shipped models is 0.09.)
const MOST: f64 = 0.1;
/// The same for features within 60 dB of the frame's loudest one.
const NEAR: f64 = 0.03;
/// 60 dB of power in units of the natural logarithm.
const DISTANCE: f64 = 13.8;
/// Of recordings' features, the part that may be rounded to another step than in floating point.
const OTHERS: f64 = 0.0005;

/// About what the shipped models have.
const OUTPUT: Quantisation = Quantisation { scale: 0.09, zero_point: 20 };

/// The front end of the shipped models.
const COMMANDS: &str = "preset = 'torchaudio'\nmel_bands = 40\nhop_length = 160";

fn tables(options: &str) -> FrontEndTables {
    FrontEndTables::new(&toml::from_str::<Options>(options).unwrap().settings().unwrap()).unwrap()
}

/// The features of all frames, in steps of `output`, not rounded.
fn float_steps(spec: FrontEndSpec<'_>, samples: &[i16], output: Quantisation) -> Vec<f64> {
    let front_end = FrontEnd::new(spec).unwrap();
    let mut scratch = vec![0.0; front_end.scratch_len()];
    let mut features = vec![0.0; front_end.features()];
    let mut steps = Vec::new();
    for frame in samples.windows(spec.window_length).step_by(spec.hop_length) {
        front_end.frame(frame, &mut scratch, &mut features).unwrap();
        steps.extend(features.iter().map(|&x| to_steps(x, output)));
    }
    steps
}

fn to_steps(feature: f32, output: Quantisation) -> f64 {
    f64::from(feature) / f64::from(output.scale) + f64::from(output.zero_point)
}

/// The quantised features of all frames.
fn fixed_steps(spec: FrontEndSpec<'_>, samples: &[i16]) -> Vec<i8> {
    let front_end = FrontEnd::new(spec).unwrap();
    let mut scratch = vec![f32::NAN; front_end.scratch_len()];
    let mut features = vec![0; front_end.features()];
    let mut steps = Vec::new();
    for frame in samples.windows(spec.window_length).step_by(spec.hop_length) {
        assert_eq!(front_end.quantised_frame(frame, &mut scratch, &mut features), Ok(true));
        steps.extend_from_slice(&features);
    }
    steps
}

/// How far quantised features are off.
#[derive(Debug, Default)]
struct Errors {
    features: usize,
    /// Features that are rounded to another step.
    others: usize,
    /// The most steps further than by rounding, and by saturation: of all features, and of those near the frame's loudest.
    most: f64,
    near: f64,
}

impl Errors {
    /// Compares features of frames with so many of them; `distance` is in steps.
    fn add(&mut self, exact: &[f64], quantised: &[i8], features: usize, distance: f64) {
        assert_eq!(exact.len(), quantised.len());
        for (exact, quantised) in exact.chunks(features).zip(quantised.chunks(features)) {
            let loudest = exact.iter().copied().fold(f64::MIN, f64::max);
            for (&exact, &quantised) in exact.iter().zip(quantised) {
                let within = exact.clamp(f64::from(i8::MIN), f64::from(i8::MAX));
                let excess = (within - f64::from(quantised)).abs() - 0.5;
                self.features += 1;
                self.others += usize::from(excess > 0.0);
                self.most = self.most.max(excess);
                if exact > loudest - distance {
                    self.near = self.near.max(excess);
                }
            }
        }
    }

    fn are_small(&self) -> bool {
        self.most <= MOST && self.near <= NEAR
    }
}

/// Compares with floating point.
fn compare(options: &str, samples: &[i16], output: Quantisation) -> Errors {
    let tables = tables(options);
    let fixed = FixedFrontEnd::new(&tables.spec(), output).unwrap();
    let (exact, quantised) =
        (float_steps(tables.spec(), samples, output), fixed_steps(fixed.spec(tables.spec()), samples));
    let mut errors = Errors::default();
    errors.add(&exact, &quantised, tables.spec().feature_count(), DISTANCE / f64::from(output.scale));
    errors
}

fn wav(path: &Path) -> Vec<i16> {
    hound::WavReader::open(path).unwrap().into_samples().collect::<Result<_, _>>().unwrap()
}

fn manifest() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

#[test]
fn recordings_have_the_features_of_floating_point() {
    let folder = manifest().join("../models/fixtures");
    let mut recordings = 0;
    let mut all = Errors::default();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "wav") {
            continue;
        }
        let samples = wav(&path);
        recordings += 1;
        let Errors { features, others, most, near } = compare(COMMANDS, &samples, OUTPUT);
        all.features += features;
        all.others += others;
        all.most = all.most.max(most);
        all.near = all.near.max(near);
    }
    assert!(recordings >= 12, "{recordings} recordings");
    println!("in steps of {}: {all:?}", OUTPUT.scale);
    assert!(all.are_small() && all.others as f64 <= OTHERS * all.features as f64, "{all:?}");
}

#[derive(Deserialize)]
struct Case {
    name: String,
    options: Options,
}

/// Every case that a front end in integers has: log-mel features of the power spectrum.
#[test]
fn the_libraries_features_are_met() {
    let golden = manifest().join("tests/golden/frontend");
    let samples = wav(&golden.join("signal.wav"));
    let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(golden.join("cases.json")).unwrap()).unwrap();
    let mut met = Vec::new();
    for Case { name, options } in cases {
        let tables = FrontEndTables::new(&options.settings().unwrap()).unwrap();
        let bytes = std::fs::read(golden.join(format!("{name}.f32"))).unwrap();
        let expected = bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
        // The range of the case's features in 8 bits.
        let (low, high) = expected.clone().fold((f32::MAX, f32::MIN), |(low, high), x| (low.min(x), high.max(x)));
        let scale = (high - low) / 255.0;
        let output = Quantisation { scale, zero_point: (-128.0 - low / scale).clamp(-128.0, 127.0) as i8 };
        match FixedFrontEnd::new(&tables.spec(), output) {
            Ok(fixed) => {
                let exact: Vec<f64> = expected.map(|x| to_steps(x, output)).collect();
                let unit = match tables.spec().compression {
                    Compression::DecibelMax => 10.0 * std::f64::consts::LOG10_E,
                    Compression::LnPlus | Compression::LnMax => 1.0,
                };
                let mut errors = Errors::default();
                let quantised = fixed_steps(fixed.spec(tables.spec()), &samples);
                errors.add(&exact, &quantised, tables.spec().feature_count(), DISTANCE * unit / f64::from(scale));
                println!("{name:40} in steps of {scale}: {errors:?}");
                assert!(errors.are_small(), "{name}: {errors:?}");
                met.push(name);
            }
            Err(earmark::Error::Core(Error::FixedFrontEnd { setting, .. })) => {
                let missing = ["features", "spectrum", "center, peak, top_db and reference"];
                assert!(missing.contains(&setting), "{name}: {setting}");
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
    assert!(met.contains(&"torchaudio_commands".to_owned()) && met.len() >= 8, "{met:?}");
}

#[test]
fn what_integers_do_not_have_is_refused_by_name() {
    let refusal = |options: &str, output| FixedFrontEnd::new(&tables(options).spec(), output).unwrap_err().to_string();
    assert!(refusal(&format!("{COMMANDS}\nmfcc_coefficients = 13"), OUTPUT).contains("features"));
    assert!(refusal(&format!("{COMMANDS}\nspectrum = 'magnitude'"), OUTPUT).contains("spectrum: power"));
    assert!(refusal(&format!("{COMMANDS}\ncenter = 'reflect'"), OUTPUT).contains("center"));
    // A step of a millionth: no feature is ever within the range of 8 bits.
    let fine = Quantisation { scale: 1e-6, zero_point: 0 };
    assert!(refusal(COMMANDS, fine).contains("overflow"));
    assert!(refusal(&format!("{COMMANDS}\nfloor = 1e12"), OUTPUT).contains("overflow"));
}

/// Windows as large as they get, and a transform of every length.
fn every_transform() -> impl Iterator<Item = String> {
    [32, 64, 128, 256, 512, 1024, 2048].into_iter().map(|points| {
        format!(
            "preset = 'torchaudio'\nwindow = 'rectangular'\nwindow_length = {points}\nfft_length = {points}\nhop_length = {points}\n\
             mel_bands = 4\nmel_scale = 'slaney'\nlow_hz = 0"
        )
    })
}

/// The samples for which some sum in the transform is largest: full scale, with the signs of a cosine.
fn loudest(length: usize, cycles: usize, phase: f64) -> Vec<i16> {
    let angle = |n: usize| std::f64::consts::TAU * (n * cycles) as f64 / length as f64 + phase;
    (0..length).map(|n| if angle(n).cos() < 0.0 { i16::MIN } else { i16::MAX }).collect()
}

#[test]
fn the_loudest_frames_overflow_nothing() {
    for options in every_transform() {
        let length = tables(&options).settings().fft_length;
        for cycles in [0, 1, 2, length / 8, length / 4 - 1, length / 4, length / 2 - 1, length / 2] {
            for phase in [0.0, 0.4, 0.8, 1.6] {
                let errors = compare(&options, &loudest(length, cycles, phase), OUTPUT);
                assert!(errors.are_small(), "{length} points, {cycles} cycles: {errors:?}");
            }
        }
        for sample in [i16::MIN, i16::MAX] {
            let errors = compare(&options, &vec![sample; length], OUTPUT);
            assert!(errors.are_small(), "{length} points of {sample}: {errors:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_samples_overflow_anything(
        samples in prop::collection::vec(
            prop_oneof![3 => any::<i16>(), 2 => Just(i16::MIN), 2 => Just(i16::MAX), 1 => Just(0)],
            2_048,
        ),
    ) {
        for options in every_transform() {
            let tables = tables(&options);
            let fixed = FixedFrontEnd::new(&tables.spec(), OUTPUT).unwrap();
            fixed_steps(fixed.spec(tables.spec()), &samples);
        }
    }

    #[test]
    fn noise_of_any_level_has_the_features_of_floating_point(
        noise in prop::collection::vec(any::<i16>(), 2_000),
        level in 0.0..16.0_f64,
        tone in (0.0..8_000.0_f64, 0.0..15.0_f64),
    ) {
        let (hertz, loudness) = tone;
        let angle = std::f64::consts::TAU * hertz / 16_000.0;
        let samples: Vec<i16> = noise
            .iter()
            .enumerate()
            .map(|(n, &noise)| {
                (f64::from(noise) * (level - 16.0).exp2() + loudness.exp2() * (angle * n as f64).sin()) as i16
            })
            .collect();
        let errors = compare(COMMANDS, &samples, OUTPUT);
        prop_assert!(errors.are_small(), "{:?}", errors);
    }
}
