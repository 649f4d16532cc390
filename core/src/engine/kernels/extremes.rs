//! What a look at samples finds.

/// The least and the greatest of some samples, and their sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extremes {
    /// The least; 32767 of none.
    pub low: i16,
    /// The greatest; −32768 of none.
    pub high: i16,
    /// The sum; it wraps beyond 32 bits, which takes more than 65535 samples.
    pub sum: i32,
}

impl Extremes {
    /// Those of no samples.
    pub const NONE: Self = Self { low: i16::MAX, high: i16::MIN, sum: 0 };

    /// Those of samples.
    #[must_use]
    pub fn of(samples: &[i16]) -> Self {
        let mut found = Self::NONE;
        found.hear(samples);
        found
    }

    /// Those of more samples.
    #[inline(always)]
    pub(super) fn hear(&mut self, samples: &[i16]) {
        for &sample in samples {
            self.low = self.low.min(sample);
            self.high = self.high.max(sample);
            self.sum = self.sum.wrapping_add(sample.into());
        }
    }
}
