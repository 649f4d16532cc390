//! What a model says about its front end.

use earmark_core::frontend::{Centring, ClipSettings, Compression, MAX_FFT_LENGTH, Peak, Spectrum};
use earmark_core::model::format::MAX_SAMPLE_RATE;
use serde::Deserialize;

use super::Preset;
use crate::Error;

/// The shape of the window that each frame is multiplied by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// Periodic Hann: 0.5 − 0.5·cos(2πi / N).
    Hann,
    /// Symmetric Hann: 0.5 − 0.5·cos(2πi / (N − 1)).
    HannSymmetric,
    /// Periodic Hamming: 0.54 − 0.46·cos(2πi / N).
    Hamming,
    /// All ones.
    Rectangular,
}

/// What "evenly spaced in mel" means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MelScale {
    /// 2595·log₁₀(1 + f / 700), of the Hidden Markov Model Toolkit.
    Htk,
    /// Linear below 1 kHz and logarithmic above, of Slaney's Auditory Toolbox.
    Slaney,
}

/// How tall the triangles of the mel filterbank are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MelNorm {
    /// Each peaks at 1.
    None,
    /// Each has area 1 over hertz: it peaks at 2 / (its width in hertz).
    Slaney,
}

/// Along which axis the sides of the triangles are straight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MelTriangles {
    /// Straight over hertz, as in torchaudio and librosa.
    Hertz,
    /// Straight over mel, as in `tf.signal`.
    Mel,
}

/// How the rows of the cosine transform (DCT-II) are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MfccNorm {
    /// Orthonormal: √(1/N) for coefficient 0, √(2/N) for the others.
    Ortho,
    /// √(2/N) for all, as the Hidden Markov Model Toolkit and `tf.signal` do.
    Htk,
}

/// What the front end computes with, on every target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArithmeticKind {
    /// IEEE 754 single precision.
    Float,
    /// Integers, for processors without floating point: log-mel features of the power spectrum.
    Fixed,
}

/// What the loudest compressed band of a clip is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reference {
    /// One like any other.
    None,
    /// Zero: it is subtracted from all, as `librosa.power_to_db(ref=numpy.max)` does.
    Max,
}

/// Numbers for the features of a frame.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "expected a number, or a list of one a feature")]
pub enum PerFeature {
    /// The same for all.
    Common(f32),
    /// One a feature.
    Each(Vec<f32>),
}

impl PerFeature {
    fn of(&self, features: usize) -> Vec<f32> {
        match self {
            Self::Common(number) => vec![*number; features],
            Self::Each(numbers) => numbers.clone(),
        }
    }
}

/// The front-end options of a model, as written: what is absent comes from the preset.
///
/// See [`Settings`] for what each means and [`Preset`] for the defaults.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of `Settings`, documented there")]
pub struct Options {
    pub preset: Preset,
    pub sample_rate: Option<u32>,
    pub window_length: Option<usize>,
    pub hop_length: Option<usize>,
    pub fft_length: Option<usize>,
    pub window: Option<Window>,
    pub mel_bands: Option<usize>,
    pub low_hz: Option<f64>,
    pub high_hz: Option<f64>,
    pub mel_scale: Option<MelScale>,
    pub mel_norm: Option<MelNorm>,
    pub mel_triangles: Option<MelTriangles>,
    pub spectrum: Option<Spectrum>,
    pub compression: Option<Compression>,
    pub floor: Option<f32>,
    pub pcm_scale: Option<f32>,
    pub mfcc_coefficients: Option<usize>,
    pub mfcc_norm: Option<MfccNorm>,
    pub arithmetic: Option<ArithmeticKind>,
    pub center: Option<Centring>,
    pub peak: Option<Peak>,
    pub top_db: Option<f32>,
    pub reference: Option<Reference>,
    pub offset: Option<PerFeature>,
    pub scale: Option<PerFeature>,
    /// Subtracted from each feature: another way to say `offset`.
    pub mean: Option<PerFeature>,
    /// Divides each feature after `mean`; not 0: another way to say `scale`.
    pub std: Option<PerFeature>,
}

/// Front-end settings with nothing left open.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Samples per second, in hertz.
    pub sample_rate: u32,
    /// Samples in a frame, from 1 to `fft_length`.
    pub window_length: usize,
    /// Samples from the start of a frame to the start of the next, at least 1.
    pub hop_length: usize,
    /// Points of the FFT: a power of two from 32 to 2048.
    pub fft_length: usize,
    /// The window's shape.
    pub window: Window,
    /// Bands of the mel filterbank, from 1 to as many as the spectrum has bins.
    pub mel_bands: usize,
    /// Where the lowest band begins, in hertz, at least 0.
    pub low_hz: f64,
    /// Where the highest band ends, in hertz, at most half the sample rate.
    pub high_hz: f64,
    /// The spacing of the bands.
    pub mel_scale: MelScale,
    /// The height of the bands.
    pub mel_norm: MelNorm,
    /// The sides of the bands.
    pub mel_triangles: MelTriangles,
    /// What a band sums.
    pub spectrum: Spectrum,
    /// The logarithm of a band's sum.
    pub compression: Compression,
    /// What keeps the logarithm finite; greater than 0.
    pub floor: f32,
    /// What samples, integers from -32768 to 32767, are multiplied by; greater than 0.
    pub pcm_scale: f32,
    /// Cepstral coefficients, at most `mel_bands`; 0 gives log-mel features.
    pub mfcc_coefficients: usize,
    /// The scale of the coefficients.
    pub mfcc_norm: MfccNorm,
    /// What the device computes with.
    pub arithmetic: ArithmeticKind,
    /// What only a whole clip allows: options `center` (`none`, `zeros`, `reflect`), `peak` (`none`, `highest`, `absolute`), `top_db` and
    /// `reference` (`none`, `max`). A model with any of it hears clips and cannot listen.
    pub clip: ClipSettings,
    /// Added to each feature before `scale`; one a feature, or empty for none.
    pub offset: Vec<f32>,
    /// Multiplies each feature after `offset`; one a feature, or empty for none.
    pub scale: Vec<f32>,
}

impl Options {
    /// Fills in what the model left open.
    ///
    /// # Errors
    /// [`Error::Core`] or [`Error::FrontEndOption`] for a value that no front end can have.
    pub fn settings(&self) -> Result<Settings, Error> {
        let defaults = self.preset.settings(self.sample_rate, self.window_length);
        let settings = Settings {
            sample_rate: defaults.sample_rate,
            window_length: defaults.window_length,
            hop_length: self.hop_length.unwrap_or(defaults.hop_length),
            fft_length: self.fft_length.unwrap_or(defaults.fft_length),
            window: self.window.unwrap_or(defaults.window),
            mel_bands: self.mel_bands.unwrap_or(defaults.mel_bands),
            low_hz: self.low_hz.unwrap_or(defaults.low_hz),
            high_hz: self.high_hz.unwrap_or(defaults.high_hz),
            mel_scale: self.mel_scale.unwrap_or(defaults.mel_scale),
            mel_norm: self.mel_norm.unwrap_or(defaults.mel_norm),
            mel_triangles: self.mel_triangles.unwrap_or(defaults.mel_triangles),
            spectrum: self.spectrum.unwrap_or(defaults.spectrum),
            compression: self.compression.unwrap_or(defaults.compression),
            floor: self.floor.unwrap_or(defaults.floor),
            pcm_scale: self.pcm_scale.unwrap_or(defaults.pcm_scale),
            mfcc_coefficients: self.mfcc_coefficients.unwrap_or(defaults.mfcc_coefficients),
            mfcc_norm: self.mfcc_norm.unwrap_or(defaults.mfcc_norm),
            arithmetic: self.arithmetic.unwrap_or(defaults.arithmetic),
            clip: ClipSettings {
                centring: self.center.unwrap_or(defaults.clip.centring),
                peak: self.peak.unwrap_or(defaults.clip.peak),
                range: self.top_db.unwrap_or(defaults.clip.range),
                relative: self.reference.map_or(defaults.clip.relative, |reference| reference == Reference::Max),
            },
            ..defaults
        };
        settings.check()?;
        let features = if settings.mfcc_coefficients == 0 { settings.mel_bands } else { settings.mfcc_coefficients };
        let (offset, scale) = self.normalisation(features)?;
        Ok(Settings { offset, scale, ..settings })
    }

    /// What is added to each of a number of features, and what they are multiplied by; empty for nothing.
    fn normalisation(&self, features: usize) -> Result<(Vec<f32>, Vec<f32>), Error> {
        let one_of = |one: &Option<PerFeature>, other: &Option<PerFeature>, option| {
            if one.is_some() && other.is_some() { Err(Error::FrontEndTwice { option }) } else { Ok(()) }
        };
        one_of(&self.offset, &self.mean, "mean and offset")?;
        one_of(&self.scale, &self.std, "std and scale")?;
        let numbers = |option: &Option<PerFeature>| option.as_ref().map_or(Vec::new(), |numbers| numbers.of(features));
        let (mut offset, mut scale) = (numbers(&self.offset), numbers(&self.scale));
        offset.extend(numbers(&self.mean).into_iter().map(|mean| -mean));
        let deviations = numbers(&self.std);
        if let Some(index) = deviations.iter().position(|&deviation| deviation == 0.0) {
            return Err(earmark_core::Error::FrontEndNumber { table: "std", index }.into());
        }
        scale.extend(deviations.into_iter().map(f32::recip));
        Ok((offset, scale))
    }
}

impl Settings {
    /// Refuses what no table can be computed for. The core checks the tables themselves.
    pub(super) fn check(&self) -> Result<(), Error> {
        let size = |accepted, setting, given, allowed| {
            if accepted { Ok(()) } else { Err(earmark_core::Error::FrontEndSetting { setting, given, allowed }) }
        };
        let rate = self.sample_rate;
        size((1..=MAX_SAMPLE_RATE).contains(&rate), "sample_rate", rate as usize, "from 1 to 768000 Hz")?;
        size(self.fft_length <= MAX_FFT_LENGTH, "fft_length", self.fft_length, "a power of two from 32 to 2048")?;
        size(
            (1..=self.fft_length).contains(&self.window_length),
            "window_length",
            self.window_length,
            "from 1 to fft_length samples",
        )?;
        let bins = self.fft_length / 2 + 1;
        size((1..=bins).contains(&self.mel_bands), "mel_bands", self.mel_bands, "from 1 to fft_length / 2 + 1")?;
        size(
            self.mfcc_coefficients <= self.mel_bands,
            "mfcc_coefficients",
            self.mfcc_coefficients,
            "at most mel_bands (0 for log-mel features)",
        )?;

        let frequency = |accepted, option, hertz: f64, expected: String| {
            if accepted { Ok(()) } else { Err(Error::FrontEndOption { option, given: hertz, expected }) }
        };
        let half = f64::from(self.sample_rate) / 2.0;
        let (low, high) = (self.low_hz, self.high_hz);
        frequency(low >= 0.0 && low < half, "low_hz", low, format!("from 0 to below {half}, half the sample rate"))?;
        frequency(
            high > low && high <= half,
            "high_hz",
            high,
            format!("above low_hz and at most {half}, half the sample rate"),
        )
    }
}
