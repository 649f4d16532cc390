//! What a front end computes: sizes, choices and tables, as the artifact holds them.

use super::built_in;
use super::clip::ClipSettings;
use super::fixed::FixedTables;
use crate::Error;

/// The smallest FFT the core has.
pub const MIN_FFT_LENGTH: usize = 32;
/// The largest FFT the core has.
pub const MAX_FFT_LENGTH: usize = 2048;

/// What the front end hands to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Features {
    /// The compressed energy of every mel band.
    LogMel,
    /// Mel-frequency cepstral coefficients: the discrete cosine transform of the log-mel features.
    Mfcc,
}

/// What is summed in a mel band.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spectrum {
    /// The magnitude of every FFT bin, √(re² + im²).
    Magnitude,
    /// The power of every FFT bin, re² + im².
    Power,
}

/// How the sum over a mel band becomes a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// ln(x + floor), as `torchaudio.transforms.MFCC(log_mels=True)` and the tutorials of `tf.signal` do.
    LnPlus,
    /// ln(max(x, floor)).
    LnMax,
    /// 10·log₁₀(max(x, floor)), as `librosa.power_to_db` with `top_db=None` does.
    DecibelMax,
}

/// What a front end computes with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arithmetic<'m> {
    /// IEEE 754 single precision.
    Float,
    /// Integers, by tables of their own; features are quantised for the network. Log-mel features of the power spectrum only.
    Fixed(FixedTables<'m>),
}

/// The FFT bins that one mel band sums; its weights follow those of the band before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct MelBand {
    /// The first bin with a weight; bin k is at k × sample rate / FFT length hertz.
    pub first_bin: u16,
    /// The number of bins with a weight. Zero is allowed: such a band is always silent.
    pub bins: u16,
}

/// A view of a front end's settings and tables; nothing in it is computed on the device.
///
/// It is plain data and may hold nonsense until [`check`](Self::check) has accepted it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrontEndSpec<'m> {
    /// Samples per second, in hertz. The front end itself never uses it; whoever feeds it must.
    pub sample_rate: u32,
    /// Samples in a frame, at most `fft_length`.
    pub window_length: usize,
    /// Samples from the start of a frame to the start of the next, at least 1; it may exceed `window_length`.
    pub hop_length: usize,
    /// Points of the FFT: a power of two from [`MIN_FFT_LENGTH`] to [`MAX_FFT_LENGTH`]. A shorter frame is followed
    /// by zeros.
    pub fft_length: usize,
    /// Log-mel or MFCC.
    pub features: Features,
    /// Magnitude or power.
    pub spectrum: Spectrum,
    /// The logarithm.
    pub compression: Compression,
    /// Keeps the logarithm finite; greater than zero. See [`Compression`].
    pub floor: f32,
    /// Every sample is multiplied by it first: 1/32768 brings samples between -1 and 1, 1.0 leaves them as they are.
    pub pcm_scale: f32,
    /// Floating point or integers. With integers there are no tables but the bands here: all others are empty.
    pub arithmetic: Arithmetic<'m>,
    /// `window_length` coefficients.
    pub window: &'m [f32],
    /// One entry a mel band.
    pub mel_bands: &'m [MelBand],
    /// The weights of all bands, one band after the other; none is negative.
    pub mel_weights: &'m [f32],
    /// MFCC: coefficients × mel bands, a row a coefficient. Log-mel: empty.
    pub dct: &'m [f32],
    /// Added to each feature before `scale`; one a feature, or empty for none.
    pub offset: &'m [f32],
    /// Multiplies each feature after `offset`; one a feature, or empty for none.
    pub scale: &'m [f32],
    /// What only a whole clip allows; with integers none of it.
    pub clip: ClipSettings,
}

impl FrontEndSpec<'_> {
    /// Features in a frame: cepstral coefficients, or mel bands.
    pub const fn feature_count(&self) -> usize {
        match self.features {
            Features::LogMel => self.mel_bands.len(),
            Features::Mfcc if self.mel_bands.is_empty() => 0,
            Features::Mfcc => self.dct.len() / self.mel_bands.len(),
        }
    }

    /// FFT bins from DC to half the sample rate, both included.
    pub const fn spectrum_bins(&self) -> usize {
        self.fft_length / 2 + 1
    }

    /// Accepts a spec with which every frame can be computed and every feature is finite, whatever the samples.
    ///
    /// # Errors
    /// One of the `FrontEnd…` variants of [`Error`], for the first thing found wrong.
    pub fn check(&self) -> Result<(), Error> {
        self.check_sizes()?;
        if !(self.clip.range.is_finite() && self.clip.range >= 0.0) {
            return Err(Error::FrontEndNumber { table: "top_db", index: 0 });
        }
        match &self.arithmetic {
            Arithmetic::Float => {
                built_in::check(false, self.clip.refusal().is_some())?;
                self.check_tables()?;
                self.check_bands(self.mel_weights.len())?;
                self.check_numbers()?;
                self.check_loudest()
            }
            Arithmetic::Fixed(_) if self.clip != ClipSettings::NONE => {
                Err(Error::FixedFrontEnd { setting: "clip", allowed: "nothing that only a whole clip allows" })
            }
            Arithmetic::Fixed(tables) => {
                built_in::check(true, false)?;
                tables.check(self)?;
                self.check_bands(tables.mel_weights.len())
            }
        }
    }

    fn check_sizes(&self) -> Result<(), Error> {
        let setting = |accepted: bool, setting, given, allowed| {
            if accepted { Ok(()) } else { Err(Error::FrontEndSetting { setting, given, allowed }) }
        };
        let fft = self.fft_length;
        setting(self.sample_rate > 0, "sample_rate", 0, "at least 1 Hz")?;
        setting(
            fft.is_power_of_two() && (MIN_FFT_LENGTH..=MAX_FFT_LENGTH).contains(&fft),
            "fft_length",
            fft,
            "a power of two from 32 to 2048",
        )?;
        setting(
            (1..=fft).contains(&self.window_length),
            "window_length",
            self.window_length,
            "from 1 to fft_length samples",
        )?;
        setting(self.hop_length > 0, "hop_length", self.hop_length, "at least 1 sample")?;
        setting(!self.mel_bands.is_empty(), "mel_bands", 0, "at least 1")?;
        setting(self.feature_count() > 0, "mfcc_coefficients", 0, "at least 1")
    }

    fn check_tables(&self) -> Result<(), Error> {
        let coefficients = self.feature_count();
        let table = |table, needed, given| {
            if needed == given { Ok(()) } else { Err(Error::FrontEndTable { table, needed, given }) }
        };
        table("window", self.window_length, self.window.len())?;
        let dct = match self.features {
            Features::LogMel => 0,
            Features::Mfcc => coefficients * self.mel_bands.len(),
        };
        table("dct", dct, self.dct.len())?;
        for (name, values) in [("offset", self.offset), ("scale", self.scale)] {
            if !values.is_empty() {
                table(name, coefficients, values.len())?;
            }
        }
        Ok(())
    }

    fn check_bands(&self, given: usize) -> Result<(), Error> {
        let bins = self.spectrum_bins();
        let mut weights = 0;
        for (band, range) in self.mel_bands.iter().enumerate() {
            let end = usize::from(range.first_bin) + usize::from(range.bins);
            if end > bins {
                return Err(Error::FrontEndBand { band, end, bins });
            }
            weights += usize::from(range.bins);
        }
        if weights != given {
            return Err(Error::FrontEndTable { table: "mel_weights", needed: weights, given });
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), Error> {
        let all = |table, values: &[f32], accept: fn(f32) -> bool| match values.iter().position(|&x| !accept(x)) {
            Some(index) => Err(Error::FrontEndNumber { table, index }),
            None => Ok(()),
        };
        all("floor", &[self.floor], |x| x.is_finite() && x > 0.0)?;
        all("pcm_scale", &[self.pcm_scale], |x| x.is_finite() && x > 0.0)?;
        all("window", self.window, f32::is_finite)?;
        // A negative sum would have no logarithm.
        all("mel_weights", self.mel_weights, |x| x.is_finite() && x >= 0.0)?;
        all("dct", self.dct, f32::is_finite)?;
        all("offset", self.offset, f32::is_finite)?;
        all("scale", self.scale, f32::is_finite)
    }

    /// Follows the loudest possible frame through the chain. An infinity or a NaN on the way means that some samples
    /// could give a feature that is not finite.
    fn check_loudest(&self) -> Result<(), Error> {
        /// The values inside the FFT stay below this many times the sum of the absolute inputs.
        const FFT_GROWTH: f32 = 4.0;
        /// |10·log₁₀ x| of any positive f32, the smallest subnormal included, stays below it.
        const LARGEST_LOG: f32 = 500.0;
        let sum = |values: &[f32]| values.iter().map(|x| x.abs()).sum::<f32>();

        let amplitude = FFT_GROWTH * 32_768.0 * sum(self.window);
        // Samples are scaled behind the filterbank.
        let sums = 2.0 * amplitude * amplitude * (1.0 + sum(self.mel_weights));
        let loudest = sums * self.pcm_scale.max(self.pcm_scale * self.pcm_scale) + self.floor;
        if !loudest.is_finite() {
            return Err(Error::FrontEndOverflow);
        }
        let log = if self.clip.relative { 2.0 * LARGEST_LOG } else { LARGEST_LOG };
        for feature in 0..self.feature_count() {
            let gain = match self.features {
                Features::LogMel => 1.0,
                Features::Mfcc => sum(&self.dct[feature * self.mel_bands.len()..][..self.mel_bands.len()]),
            };
            let offset = self.offset.get(feature).map_or(0.0, |x| x.abs());
            let scale = self.scale.get(feature).map_or(1.0, |x| x.abs());
            if !((log * gain + offset) * scale).is_finite() {
                return Err(Error::FrontEndOverflow);
            }
        }
        Ok(())
    }
}
