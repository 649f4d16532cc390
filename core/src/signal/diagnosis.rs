//! Finding out whether the signal can be heard at all.

use super::{SignalChange, SignalCondition};
use crate::engine::kernels::{KernelSet, Kernels};

/// Looks at raw samples and says when something is wrong with them, and when it is over.
///
/// Samples are judged by quarters of a second, so that every event lies on that grid and does not depend on how the samples arrive.
/// One condition holds at a time, the first of these that applies:
///
/// | condition | a quarter shows it if | it is reported after | and over after |
/// |---|---|---|---|
/// | [`AllZero`](SignalCondition::AllZero) | every sample is 0 | 1 s if nothing else was heard since the start, else 5 s | one quarter that moves |
/// | [`Stuck`](SignalCondition::Stuck) | every sample is the same | the same | one quarter that moves |
/// | [`Clipped`](SignalCondition::Clipped) | 1 % of its samples repeat the one before at an end of the scale (−32768, −32767, 32767) | one quarter | 2 s without |
/// | [`DcShifted`](SignalCondition::DcShifted) | its mean is off zero by more than the limit, and it does not cross zero | 1 s | 1 s within half the limit |
///
/// Seconds of digital silence between words, which speech synthesisers and edited recordings have, are therefore nothing to report, and
/// nor are rooms, however quiet: their noise moves the last bit. Noise that merely touches the ends of the scale does not stay there.
///
/// ```
/// use earmark_core::signal::{Diagnosis, SignalCondition};
///
/// let mut diagnosis = Diagnosis::new(16_000);
/// let mut found = Vec::new();
/// diagnosis.hear(&[0; 32_000], |change| found.push(change));
/// assert_eq!((found[0].at, found[0].condition, found.len()), (16_000, SignalCondition::AllZero, 1));
/// assert!(found[0].condition.to_string().contains("muted microphone?"));
/// ```
#[derive(Debug, Clone)]
pub struct Diagnosis {
    quarter_length: u32,
    dc_limit: u16,
    position: u64,
    quarter: Quarter,
    /// Whether a quarter has moved since the start.
    alive: bool,
    /// Quarters in a row without movement, and without a breach of the respective limit or with it.
    still: u32,
    unclipped: u32,
    shifted: u32,
    unshifted: u32,
    clipped: bool,
    off_zero: bool,
    present: Option<SignalCondition>,
}

/// What a quarter of a second has shown so far.
#[derive(Debug, Clone, Copy)]
struct Quarter {
    heard: u32,
    low: i16,
    high: i16,
    sum: i64,
    last: i16,
    flat: u32,
}

const QUARTERS_A_SECOND: u32 = 4;
const STILL_FROM_START: u32 = QUARTERS_A_SECOND;
const STILL_LATER: u32 = 5 * QUARTERS_A_SECOND;
const CLIPPED_SHARE: u32 = 100;
const UNCLIPPED: u32 = 2 * QUARTERS_A_SECOND;
const SHIFT: u32 = QUARTERS_A_SECOND;
/// −40 dB of full scale: far above what a converter's own offset leaves, far below what costs headroom.
const DC_LIMIT: u16 = 328;

/// Samples whose sum fits 32 bits.
const SUMMED: usize = 1 << 15;

impl Quarter {
    const EMPTY: Self = Self { heard: 0, low: i16::MAX, high: i16::MIN, sum: 0, last: 0, flat: 0 };

    fn hear(&mut self, samples: &[i16]) {
        let (mut low, mut high) = (i16::MAX, i16::MIN);
        for block in samples.chunks(SUMMED) {
            let found = KernelSet::certain().extremes(block);
            (low, high) = (low.min(found.low), high.max(found.high));
            self.sum += i64::from(found.sum);
        }
        (self.low, self.high) = (self.low.min(low), self.high.max(high));
        // Most sound never gets there: it is spared the second look.
        if is_an_end(low) || is_an_end(high) {
            for &sample in samples {
                self.flat += u32::from(is_an_end(sample) && sample == self.last);
                self.last = sample;
            }
        }
        self.last = samples.last().copied().unwrap_or(self.last);
        self.heard += samples.len() as u32;
    }
}

/// Whether a sample is at an end of the scale; some converters and programs take −32767 for the lower one.
const fn is_an_end(sample: i16) -> bool {
    sample == i16::MAX || sample <= -i16::MAX
}

impl Diagnosis {
    /// Starts, for samples at a rate in Hz, with a limit of 1 % of full scale for the signal's mean.
    #[must_use]
    pub const fn new(sample_rate: u32) -> Self {
        let quarter_length = if sample_rate < QUARTERS_A_SECOND { 1 } else { sample_rate / QUARTERS_A_SECOND };
        Self {
            quarter_length,
            dc_limit: DC_LIMIT,
            position: 0,
            quarter: Quarter::EMPTY,
            alive: false,
            still: 0,
            unclipped: 0,
            shifted: 0,
            unshifted: 0,
            clipped: false,
            off_zero: false,
            present: None,
        }
    }

    /// Takes another limit for the signal's mean, in units of one sample: where a DC blocker follows, only an offset that costs headroom
    /// matters.
    #[must_use]
    pub const fn with_dc_limit(mut self, limit: u16) -> Self {
        self.dc_limit = limit;
        self
    }

    /// Takes samples, and hands over every change of the signal's condition.
    pub fn hear(&mut self, samples: &[i16], mut on_change: impl FnMut(SignalChange)) {
        let mut rest = samples;
        while !rest.is_empty() {
            let (taken, later) = rest.split_at(rest.len().min(self.until_judgement()));
            self.quarter.hear(taken);
            self.position += taken.len() as u64;
            if self.until_judgement() == 0 {
                self.judge().into_iter().for_each(&mut on_change);
            }
            rest = later;
        }
    }

    /// How many samples are missing to the next judgement; at least 1.
    #[must_use]
    pub const fn until_judgement(&self) -> usize {
        (self.quarter_length - self.quarter.heard) as usize
    }

    /// What the signal's condition is; `None` as long as nothing is wrong.
    #[must_use]
    pub const fn present(&self) -> Option<SignalCondition> {
        self.present
    }

    /// Forgets everything heard.
    pub const fn reset(&mut self) {
        *self = Self::with_quarters(self.quarter_length, self.dc_limit);
    }

    const fn with_quarters(quarter_length: u32, dc_limit: u16) -> Self {
        let mut new = Self::new(0);
        new.quarter_length = quarter_length;
        new.dc_limit = dc_limit;
        new
    }

    /// Judges the quarter that is complete.
    fn judge(&mut self) -> Option<SignalChange> {
        let quarter = self.quarter;
        self.quarter = Quarter { last: quarter.last, ..Quarter::EMPTY };
        let is_still = quarter.low == quarter.high;
        self.still = if is_still { self.still.saturating_add(1) } else { 0 };
        self.alive |= !is_still;
        self.judge_clipping(&quarter);
        self.judge_mean(&quarter);

        let patience = if self.alive { STILL_LATER } else { STILL_FROM_START };
        let now = if self.still >= patience {
            Some(if quarter.low == 0 { SignalCondition::AllZero } else { SignalCondition::Stuck })
        } else if self.clipped {
            Some(SignalCondition::Clipped)
        } else if self.off_zero {
            Some(SignalCondition::DcShifted)
        } else {
            None
        };
        let before = core::mem::replace(&mut self.present, now);
        let changed = SignalChange { at: self.position, condition: now.unwrap_or(SignalCondition::Recovered) };
        (now != before).then_some(changed)
    }

    fn judge_clipping(&mut self, quarter: &Quarter) {
        // A signal that does not move at all is stuck, not clipped.
        if quarter.flat * CLIPPED_SHARE >= quarter.heard && quarter.low != quarter.high {
            (self.clipped, self.unclipped) = (true, 0);
        } else if self.clipped {
            self.unclipped += 1;
            self.clipped = self.unclipped < UNCLIPPED;
        }
    }

    fn judge_mean(&mut self, quarter: &Quarter) {
        let mean = (quarter.sum / i64::from(quarter.heard.max(1))).unsigned_abs();
        let crosses_zero = quarter.low <= 0 && quarter.high >= 0;
        let limit = u64::from(self.dc_limit);
        self.shifted = if mean > limit && !crosses_zero { self.shifted.saturating_add(1) } else { 0 };
        self.unshifted = if mean <= limit / 2 { self.unshifted.saturating_add(1) } else { 0 };
        self.off_zero = if self.off_zero { self.unshifted < SHIFT } else { self.shifted >= SHIFT };
    }
}
