//! From samples to the features a network sees: window, FFT, mel filterbank, logarithm, and for MFCC a cosine transform.
//!
//! All settings and tables come from the artifact as a [`FrontEndSpec`]; [`FrontEnd`] computes one frame, and [`Framer`]
//! cuts a stream into frames. A whole clip goes the same way, unless its settings ask for what only [a clip](ClipSettings) has.
//!
//! The artifact says which arithmetic: IEEE 754 single precision (+ − × ÷, square root, and a logarithm made of these, in a fixed
//! order and without fused multiply-add), or [integers](fixed) for processors without floating point. In either, features are the same
//! bits on every target, which [`conformance`] proves.

pub(crate) mod built_in;
mod clip;
mod compress;
pub mod conformance;
mod dct;
mod fft;
pub mod fixed;
mod framer;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod mel;
mod spec;
mod sqrt;
mod twiddle;

pub use clip::{Centring, ClipSettings, Peak};
pub use framer::Framer;
pub use spec::{Arithmetic, Compression, Features, FrontEndSpec, MAX_FFT_LENGTH, MIN_FFT_LENGTH, MelBand, Spectrum};

use crate::Error;
#[cfg(target_arch = "x86_64")]
use crate::engine::kernels::x86::Avx2;
use fixed::FixedTables;

/// Computes the features of one frame at a time.
///
/// It holds nothing but its settings, so that one can serve many streams.
///
/// ```
/// use earmark_core::frontend::{
///     Arithmetic, ClipSettings, Compression, Features, FrontEnd, FrontEndSpec, MelBand, Spectrum,
/// };
///
/// // Fifteen bands of 500 Hz each, from 250 Hz on; a real spec comes with the model.
/// let window: Vec<f32> = (0..256).map(|i| 0.5 - 0.5 * (i as f32 / 256.0 * core::f32::consts::TAU).cos()).collect();
/// let bands: Vec<MelBand> = (0..15).map(|band| MelBand { first_bin: 4 + band * 8, bins: 8 }).collect();
/// let front_end = FrontEnd::new(FrontEndSpec {
///     sample_rate: 16_000,
///     window_length: 256,
///     hop_length: 160,
///     fft_length: 256,
///     features: Features::LogMel,
///     spectrum: Spectrum::Power,
///     compression: Compression::LnPlus,
///     floor: 1e-6,
///     pcm_scale: 1.0 / 32_768.0,
///     arithmetic: Arithmetic::Float,
///     window: &window,
///     mel_bands: &bands,
///     mel_weights: &[1.0; 120],
///     dct: &[],
///     offset: &[],
///     scale: &[],
///     clip: ClipSettings::NONE,
/// })?;
///
/// // A tone of 1 kHz is loudest in the band from 750 to 1250 Hz.
/// let tone: Vec<i16> =
///     (0..256).map(|i| (8_000.0 * (i as f32 * 1_000.0 / 16_000.0 * core::f32::consts::TAU).sin()) as i16).collect();
/// let mut scratch = vec![0.0; front_end.scratch_len()];
/// let mut features = vec![0.0; front_end.features()];
/// front_end.frame(&tone, &mut scratch, &mut features)?;
/// let loudest = (0..15).max_by(|&a, &b| features[a].total_cmp(&features[b]));
/// assert_eq!(loudest, Some(1));
/// # Ok::<(), earmark_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct FrontEnd<'m> {
    spec: FrontEndSpec<'m>,
}

impl<'m> FrontEnd<'m> {
    /// Takes settings that [`FrontEndSpec::check`] accepts.
    ///
    /// # Errors
    /// What `check` finds wrong.
    pub fn new(spec: FrontEndSpec<'m>) -> Result<Self, Error> {
        spec.check()?;
        Ok(Self { spec })
    }

    /// The settings and tables.
    pub const fn spec(&self) -> &FrontEndSpec<'m> {
        &self.spec
    }

    /// Features in a frame.
    pub const fn features(&self) -> usize {
        self.spec.feature_count()
    }

    /// The `f32`s of working memory that [`frame`](Self::frame) needs.
    pub const fn scratch_len(&self) -> usize {
        let kept = match self.spec.features {
            Features::LogMel => 0,
            Features::Mfcc => self.spec.mel_bands.len(),
        };
        scratch_len_for(self.spec.fft_length, kept)
    }

    /// Computes the features of one frame of `window_length` samples, oldest first.
    ///
    /// `scratch` holds [`scratch_len`](Self::scratch_len) values or more, whatever they are; `features` exactly
    /// [`features`](Self::features). Every feature is finite, whatever the samples. A front end in integers gives what its quantised features
    /// stand for.
    ///
    /// # Errors
    /// [`Error::BufferLength`] if one of the three slices has the wrong length. Values never fail.
    #[inline(never)] // Firmware that is optimised for size has it as fast as this crate is compiled.
    pub fn frame(&self, samples: &[i16], scratch: &mut [f32], features: &mut [f32]) -> Result<(), Error> {
        self.check_lengths(samples.len(), scratch.len(), features.len())?;
        if built_in::FIXED
            && let Arithmetic::Fixed(tables) = &self.spec.arithmetic
        {
            let count = features.len();
            let quantised = bytemuck::cast_slice_mut::<f32, i8>(features).get_mut(..count).unwrap_or_default();
            self.fixed_frame(tables, samples, scratch, quantised);
            // Each takes the place of others that are done with: the last comes first.
            for index in (0..count).rev() {
                let value = bytemuck::cast_slice::<f32, i8>(features).get(index).copied().unwrap_or_default();
                if let Some(feature) = features.get_mut(index) {
                    *feature = tables.output.value(value);
                }
            }
            return Ok(());
        }
        self.adjusted_frame(samples, scratch, features, |_| {});
        Ok(())
    }

    /// Computes a frame in floating point from slices of the right lengths; `adjust` may change the compressed bands before anything is made of them.
    #[inline(always)]
    fn adjusted_frame(
        &self,
        samples: &[i16],
        scratch: &mut [f32],
        features: &mut [f32],
        adjust: impl FnOnce(&mut [f32]),
    ) {
        if !built_in::FLOAT {
            // There is no other kind, and `check` has seen to it that the spec is of a kind that there is.
            return;
        }
        let window = self.spec.window;
        #[cfg(target_arch = "x86_64")]
        if let Some(proof) = Avx2::detect() {
            proof.run(
                #[inline(always)]
                || {
                    self.float_frame(
                        #[inline(always)]
                        |spectrum| lanes::power_spectrum(proof, samples, window, spectrum),
                        scratch,
                        features,
                        adjust,
                    )
                },
            );
            return;
        }
        self.float_frame(|spectrum| fft::power_spectrum(samples, window, spectrum), scratch, features, adjust);
    }

    /// The features of a frame whose spectrum `power_spectrum` gives; the slices have the right lengths.
    #[inline(always)]
    fn float_frame(
        &self,
        power_spectrum: impl FnOnce(&mut [[f32; 2]]),
        scratch: &mut [f32],
        features: &mut [f32],
        adjust: impl FnOnce(&mut [f32]),
    ) {
        let spec = &self.spec;
        let Some((frame, kept)) = scratch.split_at_mut_checked(spec.fft_length) else { return };
        let (spectrum, _) = frame.as_chunks_mut();
        power_spectrum(spectrum);
        if spec.spectrum == Spectrum::Magnitude {
            if let Some([_, last]) = spectrum.first_mut() {
                *last = sqrt::sqrt(*last);
            }
            spectrum.iter_mut().for_each(|[x, _]| *x = sqrt::sqrt(*x));
        }

        let bands = match spec.features {
            Features::LogMel => Some(&mut *features),
            Features::Mfcc => kept.get_mut(..spec.mel_bands.len()),
        };
        let Some(bands) = bands else { return };
        self.log_mel(spectrum, bands);
        adjust(bands);
        if spec.features == Features::Mfcc {
            dct::apply(spec.dct, kept.get(..spec.mel_bands.len()).unwrap_or_default(), features);
        }
        features.iter_mut().zip(spec.offset).for_each(|(x, offset)| *x += offset);
        features.iter_mut().zip(spec.scale).for_each(|(x, scale)| *x *= scale);
    }

    /// Computes the features of one frame as the network takes them; `false`, and nothing else, unless the front end computes in integers.
    /// What is not quantised yet [`frame`](Self::frame) gives.
    ///
    /// # Errors
    /// As [`frame`](Self::frame).
    pub fn quantised_frame(&self, samples: &[i16], scratch: &mut [f32], features: &mut [i8]) -> Result<bool, Error> {
        let Arithmetic::Fixed(tables) = &self.spec.arithmetic else { return Ok(false) };
        if !built_in::FIXED {
            return Ok(false);
        }
        self.check_lengths(samples.len(), scratch.len(), features.len())?;
        self.fixed_frame(tables, samples, scratch, features);
        Ok(true)
    }

    fn fixed_frame(&self, tables: &FixedTables<'_>, samples: &[i16], scratch: &mut [f32], features: &mut [i8]) {
        // Numbers of the same size, whose old values do not matter.
        let scratch: &mut [i32] = bytemuck::cast_slice_mut(scratch);
        let (spectrum, _) = scratch.get_mut(..self.spec.fft_length).unwrap_or_default().as_chunks_mut();
        tables.frame((self.spec.mel_bands, self.spec.compression), samples, spectrum, features);
    }

    fn check_lengths(&self, samples: usize, scratch: usize, features: usize) -> Result<(), Error> {
        let length = |accepted, buffer, needed, given| {
            if accepted { Ok(()) } else { Err(Error::BufferLength { buffer, needed, given }) }
        };
        let (window, scratch_len, count) = (self.spec.window_length, self.scratch_len(), self.features());
        length(samples == window, "samples", window, samples)?;
        length(scratch >= scratch_len, "scratch", scratch_len, scratch)?;
        length(features == count, "features", count, features)
    }

    #[inline(always)]
    fn log_mel(&self, spectrum: &[[f32; 2]], bands: &mut [f32]) {
        // The powers are four times too large, and those of samples that were not scaled.
        let half = 0.5 * self.spec.pcm_scale;
        let unit = match self.spec.spectrum {
            Spectrum::Magnitude => half,
            Spectrum::Power => half * half,
        };
        mel::apply(self.spec.mel_bands, self.spec.mel_weights, spectrum, unit, bands);
        compress::apply(self.spec.compression, self.spec.floor, bands);
    }
}

/// The `f32`s of working memory that [`FrontEnd::frame`] needs, for sizing `static` memory. `kept_bands` is the number of mel bands of an
/// MFCC, and 0 for log-mel features.
pub const fn scratch_len_for(fft_length: usize, kept_bands: usize) -> usize {
    // The spectrum takes the place of the frame, and the log-mel features of an MFCC follow it.
    fft_length + kept_bands
}
