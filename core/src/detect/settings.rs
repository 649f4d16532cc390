//! What a detector can be told.

use crate::model::{DetectorDefaults, Model, Problem};

/// How scores are smoothed over [`DetectorSettings::smoothing_ms`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Smoothing {
    /// The mean of the scores within that time. What came before the first one counts as zero.
    #[default]
    Mean,
    /// An exponential mean with that time constant: each score weighs e⁻¹ of one that is a time constant younger. It needs no memory of
    /// past scores.
    Exponential,
}

/// Settings of a [`Detector`](super::Detector) beside the labels' thresholds. Times are in milliseconds and mean the same whatever the
/// time between two scores; numbers outside their range count as its nearest end, not-a-number as the cautious one.
///
/// ```
/// use earmark_core::detect::DetectorSettings;
/// use earmark_core::model::DetectorDefaults;
///
/// let defaults = DetectorDefaults { smoothing_ms: 100, release: 0.7, minimum_ms: 0, refractory_ms: 1_000, mute_ms: 0 };
/// let eager = DetectorSettings { sensitivity: 0.8, ..DetectorSettings::from_defaults(defaults) };
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectorSettings {
    /// The kind of smoothing.
    pub smoothing: Smoothing,
    /// Time over which scores are smoothed; below the time between two scores: not at all.
    pub smoothing_ms: u32,
    /// How easily labels are detected, 0 to 1: 0.5 as calibrated, more means fewer misses and more false alarms; see
    /// [`threshold_at`](super::threshold_at).
    pub sensitivity: f32,
    /// Part of its threshold below which a label's smoothed score must fall before the label may be detected again; 0 to 1.
    pub release: f32,
    /// Time for which the smoothed score must have been at or above the threshold.
    pub minimum_ms: u32,
    /// Time after a detection in which nothing is detected; in a multi-label model, in which the same label is not.
    pub refractory_ms: u32,
    /// Time after a start or reset whose scores are ignored.
    pub mute_ms: u32,
}

impl DetectorSettings {
    /// The settings that a model was calibrated with.
    #[must_use]
    pub const fn from_defaults(defaults: DetectorDefaults) -> Self {
        let DetectorDefaults { smoothing_ms, release, minimum_ms, refractory_ms, mute_ms } = defaults;
        Self { smoothing: Smoothing::Mean, smoothing_ms, sensitivity: 0.5, release, minimum_ms, refractory_ms, mute_ms }
    }

    /// The number of scores that a mean is taken of; 0 for [`Smoothing::Exponential`]. It decides on the detector's
    /// [`memory`](super::Detector::memory).
    #[must_use]
    pub const fn smoothing_steps(&self, timing: Timing) -> usize {
        match self.smoothing {
            Smoothing::Exponential => 0,
            Smoothing::Mean => {
                let steps = (timing.samples(self.smoothing_ms) + timing.step() / 2) / timing.step();
                if steps < 1 {
                    1
                } else if steps > MAX_SMOOTHING_STEPS {
                    MAX_SMOOTHING_STEPS as usize
                } else {
                    steps as usize
                }
            }
        }
    }
}

/// The most scores that a mean is taken of: sums of scores in units of 2⁻¹⁵ then fit into 32 bits.
const MAX_SMOOTHING_STEPS: u64 = 65_535;

/// How scores follow each other, and what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Samples a second, in Hz.
    pub sample_rate: u32,
    /// Samples from one score to the next.
    pub step_samples: usize,
    /// Samples that a score is about.
    pub window_samples: usize,
    /// Whether labels exclude each other.
    pub problem: Problem,
}

impl Timing {
    /// That of a model.
    #[must_use]
    pub const fn of(model: &Model<'_>) -> Self {
        Self {
            sample_rate: model.sample_rate(),
            step_samples: model.step_samples(),
            window_samples: model.window_samples(),
            problem: model.problem(),
        }
    }

    pub(super) const fn step(self) -> u64 {
        if self.step_samples == 0 { 1 } else { self.step_samples as u64 }
    }

    /// A time in milliseconds as samples.
    pub(super) const fn samples(self, ms: u32) -> u64 {
        ms as u64 * self.sample_rate as u64 / 1_000
    }

    /// The steps that a time takes, whole ones.
    pub(super) const fn steps(self, ms: u32) -> u32 {
        let steps = self.samples(ms).div_ceil(self.step());
        if steps > u32::MAX as u64 { u32::MAX } else { steps as u32 }
    }
}
