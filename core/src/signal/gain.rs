//! Louder or softer, without wrapping round.

/// A factor for samples, from 0 to just below 256 in steps of 1/256. What exceeds the scale saturates.
///
/// ```
/// use earmark_core::signal::Gain;
///
/// let gain = Gain::times(4);
/// assert_eq!([100, -100, 30_000, -30_000].map(|sample| gain.apply(sample)), [400, -400, i16::MAX, i16::MIN]);
/// assert_eq!(Gain::from_decibels(-6.0206).apply(-30_000), -15_000);
/// assert_eq!(Gain::UNITY.apply(-32_768), -32_768);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gain {
    /// The factor times 2^[`FRACTION`].
    factor: u16,
}

/// Fractional bits of the factor: full scale times the largest factor, and the half for rounding, fit into 32 bits.
const FRACTION: u32 = 8;

impl Gain {
    /// Leaves samples as they are.
    pub const UNITY: Self = Self::times(1);

    /// A whole factor.
    #[must_use]
    pub const fn times(factor: u8) -> Self {
        Self { factor: (factor as u16) << FRACTION }
    }

    /// The nearest factor to a gain in decibels; what is above 48.16 dB counts as that, not-a-number as silence.
    #[must_use]
    pub fn from_decibels(decibels: f32) -> Self {
        let factor = libm::powf(10.0, decibels / 20.0) * (1 << FRACTION) as f32;
        Self { factor: libm::roundf(factor) as u16 }
    }

    /// Multiplies one sample, rounding to nearest.
    #[must_use]
    pub const fn apply(self, sample: i16) -> i16 {
        let product = (sample as i32 * self.factor as i32 + (1 << (FRACTION - 1))) >> FRACTION;
        if product > i16::MAX as i32 {
            i16::MAX
        } else if product < i16::MIN as i32 {
            i16::MIN
        } else {
            product as i16
        }
    }
}
