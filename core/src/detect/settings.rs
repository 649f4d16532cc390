//! What a detector can be told.

use super::talk;
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
/// let defaults = DetectorDefaults {
///     smoothing_ms: 100,
///     isolation: 0.0,
///     release: 0.7,
///     minimum_ms: 0,
///     refractory_ms: 1_000,
///     mute_ms: 0,
/// };
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
    /// How much surer a label must be in the midst of talk than after a pause, 0 to 1. Where all that came before was talk, its threshold's
    /// logit is higher by so many times [`SENSITIVITY_LOGITS`]; where a part of it was, the threshold lies in between, in proportion.
    ///
    /// Talk is the mean of 1 − the score of `_silence_` over the scores from one and a half windows ago to half a window ago. Whatever the model
    /// does not take for silence counts, voices and music in the background too. Scores before the first one count as silence, and so do
    /// those up to a detection and in the refractory time after it: one command may follow on another. Without the label `_silence_` it has no
    /// effect.
    ///
    /// [`SENSITIVITY_LOGITS`]: super::SENSITIVITY_LOGITS
    pub isolation: f32,
    /// Part of its threshold after a pause, below which a label's smoothed score must fall before the label may be detected again; 0 to 1.
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
        let DetectorDefaults { smoothing_ms, isolation, release, minimum_ms, refractory_ms, mute_ms } = defaults;
        Self {
            smoothing: Smoothing::Mean,
            smoothing_ms,
            sensitivity: 0.5,
            isolation,
            release,
            minimum_ms,
            refractory_ms,
            mute_ms,
        }
    }

    /// The number of scores that a mean is taken of; 0 for [`Smoothing::Exponential`]. It decides on the detector's
    /// [`memory`](super::Detector::memory).
    #[must_use]
    pub const fn smoothing_steps(&self, timing: Timing) -> usize {
        match self.smoothing {
            Smoothing::Exponential => 0,
            Smoothing::Mean => timing.steps_of_mean(timing.samples(self.smoothing_ms)),
        }
    }

    /// The number of scores of silence that are remembered for [`isolation`](Self::isolation); 0 without it. It decides on the detector's
    /// [`memory`](super::Detector::memory).
    #[must_use]
    pub const fn talk_steps(&self, timing: Timing) -> usize {
        if self.isolation > 0.0 || self.isolation.is_nan() {
            talk::remembered(timing.steps_of_mean(timing.window_samples as u64))
        } else {
            0
        }
    }

    /// The number of scores before the present one on which a detection may depend.
    #[must_use]
    pub const fn reach_steps(&self, timing: Timing) -> usize {
        let (smoothing, talk) = (self.smoothing_steps(timing), self.talk_steps(timing));
        if smoothing > talk { smoothing } else { talk }
    }
}

/// The most scores that a mean is taken of: sums of scores in units of 2⁻¹⁵ then fit into 32 bits.
const MAX_MEAN_STEPS: u64 = 65_535;

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

    /// The nearest number of steps to a number of samples: one at least, and no more than a mean is taken of.
    const fn steps_of_mean(self, samples: u64) -> usize {
        let steps = (samples + self.step() / 2) / self.step();
        if steps < 1 {
            1
        } else if steps > MAX_MEAN_STEPS {
            MAX_MEAN_STEPS as usize
        } else {
            steps as usize
        }
    }

    /// The steps that a time takes, whole ones.
    pub(super) const fn steps(self, ms: u32) -> u32 {
        let steps = self.samples(ms).div_ceil(self.step());
        if steps > u32::MAX as u64 { u32::MAX } else { steps as u32 }
    }
}
