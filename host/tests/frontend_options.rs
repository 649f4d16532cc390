//! The front-end options of a model: defaults, overrides, and what is refused.

use earmark::Error;
use earmark::frontend::{FrontEndTables, MelTriangles, Options, Settings, Window};
use proptest::prelude::*;

fn settings(toml: &str) -> Result<Settings, Error> {
    toml::from_str::<Options>(toml).expect(toml).settings()
}

fn tables(toml: &str) -> Result<FrontEndTables, Error> {
    FrontEndTables::new(&settings(toml)?)
}

/// The message for options that must be refused.
fn refusal(toml: &str) -> String {
    tables(toml).expect_err(toml).to_string()
}

#[test]
fn a_preset_alone_is_enough() {
    for (preset, features) in [("torchaudio", 128), ("librosa", 128), ("tf_signal", 80)] {
        let tables = tables(&format!("preset = '{preset}'")).unwrap();
        assert_eq!(tables.spec().feature_count(), features);
    }
}

#[test]
fn defaults_follow_the_sample_rate_and_the_window() {
    let torchaudio = settings("preset = 'torchaudio'\nsample_rate = 8000\nwindow_length = 200").unwrap();
    assert_eq!((torchaudio.hop_length, torchaudio.fft_length, torchaudio.high_hz), (100, 256, 4000.0));
    let librosa = settings("preset = 'librosa'\nwindow_length = 512").unwrap();
    assert_eq!((librosa.hop_length, librosa.fft_length, librosa.high_hz), (128, 512, 11_025.0));
    let odd = settings("preset = 'tf_signal'\nwindow_length = 401").unwrap();
    assert_eq!((odd.window, odd.mel_triangles), (Window::HannSymmetric, MelTriangles::Mel));
}

#[test]
fn the_slaney_filterbank_has_bands_of_equal_area() {
    let tables = tables("preset = 'librosa'\nmel_bands = 20").unwrap();
    let spec = tables.spec();
    let mut weights = spec.mel_weights;
    let hertz_in_a_bin = spec.sample_rate as f32 / spec.fft_length as f32;
    for band in spec.mel_bands {
        let (own, rest) = weights.split_at(usize::from(band.bins));
        weights = rest;
        let area = own.iter().sum::<f32>() * hertz_in_a_bin;
        assert!((area - 1.0).abs() < 0.01, "{area}");
    }
}

#[test]
fn windows_are_what_their_names_say() {
    let window = |name: &str, length: usize| {
        let toml = format!(
            "preset = 'torchaudio'\nwindow = '{name}'\nwindow_length = {length}\nhop_length = 1\nmel_bands = 4"
        );
        tables(&toml).unwrap().spec().window.to_vec()
    };
    assert_eq!(window("hann", 4), [0.0, 0.5, 1.0, 0.5]);
    assert_eq!(window("hann_symmetric", 5), [0.0, 0.5, 1.0, 0.5, 0.0]);
    assert_eq!(window("hann_symmetric", 1), [1.0]);
    assert_eq!(window("hamming", 4), [0.08, 0.54, 1.0, 0.54]);
    assert_eq!(window("rectangular", 3), [1.0; 3]);
}

#[test]
fn unknown_options_and_values_are_refused_by_name() {
    let error = |toml: &str| toml::from_str::<Options>(toml).expect_err(toml).to_string();
    assert!(error("preset = 'torchaudio'\nmel_band = 40").contains("mel_band"));
    assert!(error("preset = 'kaldi'").contains("torchaudio"));
    assert!(error("mel_bands = 40").contains("preset"));
}

#[test]
fn refusals_say_what_is_wrong_and_what_is_allowed() {
    for (options, parts) in [
        ("fft_length = 400", ["fft_length is 400", "power of two"]),
        ("window_length = 4000", ["fft_length is 4096", "from 32 to 2048"]),
        ("window_length = 600\nfft_length = 512", ["window_length is 600", "1 to fft_length"]),
        ("window_length = 0", ["window_length is 0", "1 to fft_length"]),
        ("hop_length = 0", ["hop_length is 0", "at least 1"]),
        ("sample_rate = 0", ["sample_rate is 0", "from 1 to 768000 Hz"]),
        ("mel_bands = 0", ["mel_bands is 0", "from 1"]),
        ("mel_bands = 300", ["mel_bands is 300", "fft_length / 2 + 1"]),
        ("mel_bands = 40\nmfcc_coefficients = 41", ["mfcc_coefficients is 41", "mel_bands"]),
        ("low_hz = -1.0", ["low_hz is -1 Hz", "8000"]),
        ("low_hz = nan", ["low_hz is NaN Hz", "8000"]),
        ("high_hz = 8001.0", ["high_hz is 8001 Hz", "8000"]),
        ("low_hz = 300.0\nhigh_hz = 300.0", ["high_hz is 300 Hz", "above low_hz"]),
        ("floor = 0.0", ["floor", "positive"]),
        ("pcm_scale = inf", ["pcm_scale", "finite"]),
        ("pcm_scale = 1e20", ["overflow", "pcm_scale"]),
        ("mel_bands = 40\noffset = [1.0, 2.0]", ["offset has 2 values", "40"]),
        ("mel_bands = 2\nscale = [1.0, nan]", ["value 1", "scale"]),
    ] {
        let message = refusal(&format!("preset = 'torchaudio'\n{options}"));
        for part in parts {
            assert!(message.contains(part), "{options:?}: {message}");
        }
        assert!(!message.contains('\n'), "{message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_options_give_tables_that_the_core_accepts_or_an_error(
        preset in prop_oneof![Just("torchaudio"), Just("librosa"), Just("tf_signal")],
        sample_rate in prop_oneof![any::<u32>(), 4_000..48_000_u32],
        window_length in prop_oneof![3 => 1..2_100_usize, 1 => 0..i64::MAX as usize],
        hop_length in prop_oneof![3 => 1..2_100_usize, 1 => 0..i64::MAX as usize],
        mel_bands in prop_oneof![3 => 1..80_usize, 1 => 0..i64::MAX as usize],
        mfcc_coefficients in prop_oneof![3 => 0..20_usize, 1 => 0..i64::MAX as usize],
        (low_hz, span) in (0.0..4_000.0_f64, prop_oneof![1.0..4_000.0, prop::num::f64::ANY]),
        mel_scale in prop_oneof![Just("htk"), Just("slaney")],
        mel_norm in prop_oneof![Just("none"), Just("slaney")],
        mel_triangles in prop_oneof![Just("hertz"), Just("mel")],
    ) {
        let options: Options = serde_json::from_value(serde_json::json!({
            "preset": preset, "sample_rate": sample_rate, "window_length": window_length, "hop_length": hop_length,
            "mel_bands": mel_bands, "mfcc_coefficients": mfcc_coefficients, "low_hz": low_hz, "high_hz": low_hz + span,
            "mel_scale": mel_scale, "mel_norm": mel_norm, "mel_triangles": mel_triangles,
        }))?;
        if let Ok(tables) = options.settings().and_then(|settings| FrontEndTables::new(&settings)) {
            prop_assert_eq!(tables.spec().check(), Ok(()));
            // A band of area 1 that is narrower than 2 Hz is taller than 1.
            prop_assert!(mel_norm == "slaney" || tables.spec().mel_weights.iter().all(|&weight| weight <= 1.0));
        }
    }
}
