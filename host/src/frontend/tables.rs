//! Settings and tables, owned.

use earmark_core::frontend::{Arithmetic, Features, FrontEndSpec, MelBand};

use super::{Settings, dct, mel, window};
use crate::Error;

/// A front end as the compiler makes it; the artifact holds the same.
#[derive(Debug, Clone, PartialEq)]
pub struct FrontEndTables {
    settings: Settings,
    window: Vec<f32>,
    mel_bands: Vec<MelBand>,
    mel_weights: Vec<f32>,
    dct: Vec<f32>,
}

impl FrontEndTables {
    /// Computes the tables for `settings`.
    ///
    /// # Errors
    /// [`Error::Core`] or [`Error::FrontEndOption`] for settings that the core has no front end for.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        settings.check()?;
        let (mel_bands, mel_weights) = mel::filterbank(settings);
        let tables = Self {
            window: window::coefficients(settings.window, settings.window_length),
            mel_bands,
            mel_weights,
            dct: dct::matrix(settings.mfcc_coefficients, settings.mel_bands, settings.mfcc_norm),
            settings: settings.clone(),
        };
        tables.spec().check()?;
        Ok(tables)
    }

    /// The settings that the tables were computed for.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The view that the core computes with in floating point. [`FrontEndSpec::check`] accepts it. [`FixedFrontEnd`](super::FixedFrontEnd) makes
    /// one in integers of it.
    pub fn spec(&self) -> FrontEndSpec<'_> {
        let settings = &self.settings;
        FrontEndSpec {
            sample_rate: settings.sample_rate,
            window_length: settings.window_length,
            hop_length: settings.hop_length,
            fft_length: settings.fft_length,
            features: if settings.mfcc_coefficients == 0 { Features::LogMel } else { Features::Mfcc },
            spectrum: settings.spectrum,
            compression: settings.compression,
            floor: settings.floor,
            pcm_scale: settings.pcm_scale,
            arithmetic: Arithmetic::Float,
            window: &self.window,
            mel_bands: &self.mel_bands,
            mel_weights: &self.mel_weights,
            dct: &self.dct,
            offset: &settings.offset,
            scale: &settings.scale,
            clip: settings.clip,
        }
    }
}
