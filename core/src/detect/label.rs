//! What a detector remembers of one label.

use super::Detection;
use super::threshold::{ONE, after_talk, quantise_threshold, setting, threshold_at};

/// One label's thresholds and state. Plain words, so that they can live in the caller's memory.
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct Label {
    /// The calibrated threshold.
    pub threshold: f32,
    pub sensitivity: f32,
    /// The smoothed score from which it is detected and that below which it is released, in units of smoothed scores; never detected if
    /// the first is [`NEVER`].
    pub fire: u32,
    pub release: u32,
    /// As `fire`, where all that came before was talk; no less.
    pub fire_in_talk: u32,
    /// The smoothed score.
    pub smoothed: u32,
    /// Steps in a row, up to the present one, with a smoothed score from which it is detected.
    pub above: u32,
    /// Steps since the smoothed score last rose to `release`, the present one included; 0 if it lies below.
    pub rise: u32,
    /// Whether it was detected in this rise: 1 or 0.
    pub fired: u32,
    /// Steps to come in which it is not detected.
    pub refractory: u32,
    /// Whether it is a background label: 1 or 0.
    pub background: u32,
}

/// A smoothed score that is never reached.
const NEVER: u32 = u32::MAX;

impl Label {
    /// Works out the levels for smoothed scores in units of 2⁻¹⁵ / `unit`.
    pub fn set_levels(&mut self, release: f32, isolation: f32, unit: u32) {
        let threshold = threshold_at(self.threshold, self.sensitivity);
        let levels = quantise_threshold(threshold).filter(|_| self.background == 0).map(|level| {
            // At least one unit, so that silence releases it.
            let released = ((level as f32 * setting(release, 0.0)) as u32).clamp(1, level);
            let in_talk = quantise_threshold(after_talk(threshold, isolation)).unwrap_or(ONE).max(level);
            (level * unit, released * unit, in_talk * unit)
        });
        (self.fire, self.release, self.fire_in_talk) = levels.unwrap_or((NEVER, NEVER, NEVER));
    }

    /// Compares a new smoothed score with the levels, after a share of talk in units of 2⁻¹⁵.
    pub fn update(&mut self, smoothed: u32, talk: u32) {
        self.smoothed = smoothed;
        let fires = smoothed >= self.fire && smoothed >= self.fire_after(talk);
        self.above = if fires { self.above.saturating_add(1) } else { 0 };
        if smoothed >= self.release {
            self.rise = self.rise.saturating_add(1);
        } else {
            (self.rise, self.fired) = (0, 0);
        }
    }

    /// The smoothed score from which it is detected after a share of talk.
    const fn fire_after(&self, talk: u32) -> u32 {
        let rise = (self.fire_in_talk - self.fire) as u64 * talk as u64;
        self.fire + (rise >> ONE.trailing_zeros()) as u32
    }

    /// Whether it is to be detected now, with the smoothed score at its threshold for `minimum` steps beyond the first.
    pub const fn is_due(&self, minimum: u32) -> bool {
        self.above > minimum && self.fired == 0 && self.refractory == 0
    }

    /// Forgets scores, but not thresholds and how long it stays refractory.
    pub const fn forget_scores(&mut self) {
        (self.smoothed, self.above, self.rise, self.fired) = (0, 0, 0, 0);
    }

    /// The smoothed score as a number from 0 to 1.
    pub fn score(&self, unit: u32) -> f32 {
        self.smoothed as f32 / (unit * ONE) as f32
    }

    /// The detection of this label in the window that ends at `end`.
    pub fn detection(&self, label: usize, end: u64, step: u64, window: u64, unit: u32) -> Detection {
        let since_rise = u64::from(self.rise.saturating_sub(1)).saturating_mul(step);
        let start = end.saturating_sub(since_rise).saturating_sub(window / 2);
        Detection { label, score: self.score(unit), start, end }
    }
}
