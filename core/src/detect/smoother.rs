//! Smoothing of scores without drift: in integers.

use super::settings::{DetectorSettings, Smoothing, Timing};
use super::threshold::ONE;

/// How a label's smoothed score follows from its last one and a new score.
#[derive(Debug)]
pub(super) enum Smoother<'b> {
    /// Sums over a ring of past scores: the newest is added, the oldest taken off.
    Mean {
        /// One row of scores a step, one score a label.
        ring: &'b mut [u16],
        /// Where the oldest row starts.
        oldest: usize,
        steps: u32,
    },
    /// The new score's weight, times 2¹⁶.
    Exponential { weight: u32 },
}

/// Fractional bits of an exponential mean: a score of 1 is then 2³⁰ and a difference of two fits into 32 bits.
const EXPONENTIAL_FRACTION: u32 = 15;

impl<'b> Smoother<'b> {
    /// `ring` holds [`DetectorSettings::smoothing_steps`] rows.
    pub fn new(settings: &DetectorSettings, timing: Timing, ring: &'b mut [u16]) -> Self {
        match settings.smoothing {
            Smoothing::Mean => Self::Mean { ring, oldest: 0, steps: settings.smoothing_steps(timing) as u32 },
            Smoothing::Exponential => {
                let time_constant = timing.samples(settings.smoothing_ms).max(1) as f32;
                let weight = -libm::expm1f(-(timing.step() as f32) / time_constant);
                Self::Exponential { weight: ((weight * 65_536.0) as u32).max(1) }
            }
        }
    }

    /// What a smoothed score of 2⁻¹⁵ is held as.
    pub const fn unit(&self) -> u32 {
        match self {
            Self::Mean { steps, .. } => *steps,
            Self::Exponential { .. } => 1 << EXPONENTIAL_FRACTION,
        }
    }

    /// The smoothed score of the label that follows on `last`, its previous one.
    pub fn smooth(&mut self, label: usize, last: u32, score: u16) -> u32 {
        match self {
            Self::Mean { ring, oldest, .. } => match ring.get_mut(*oldest + label) {
                Some(place) => last + u32::from(score) - u32::from(core::mem::replace(place, score)),
                None => last,
            },
            Self::Exponential { weight } => {
                let difference = i64::from(u32::from(score) << EXPONENTIAL_FRACTION) - i64::from(last);
                // Rounded to nearest, it never leaves the range between the two.
                let moved = i64::from(last) + ((difference * i64::from(*weight) + (1 << 15)) >> 16);
                moved.clamp(0, i64::from(ONE << EXPONENTIAL_FRACTION)) as u32
            }
        }
    }

    /// Goes on to the next step after all labels.
    pub fn advance(&mut self, labels: usize) {
        if let Self::Mean { ring, oldest, .. } = self {
            *oldest += labels;
            if *oldest >= ring.len() {
                *oldest = 0;
            }
        }
    }

    /// Takes all past scores for zero.
    pub fn reset(&mut self) {
        if let Self::Mean { ring, oldest, .. } = self {
            ring.fill(0);
            *oldest = 0;
        }
    }
}
