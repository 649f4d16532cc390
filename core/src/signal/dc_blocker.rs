//! Takes the constant part out of a signal.

/// A high-pass filter of first order in integers.
///
/// It subtracts a running mean: with p = 2⁻ˢ for the shift s, yₙ = xₙ − mₙ₋₁ and mₙ = mₙ₋₁ + p·(xₙ − mₙ₋₁), which is the transfer
/// function (1 − z⁻¹) / (1 − (1 − p)·z⁻¹). Its −3 dB point lies at
///
/// f = rate / 2π · p / √(1 − p), near enough rate · 2⁻ˢ / 2π,
///
/// which is 20 Hz for a shift of 7 at 16 kHz; a step decays by e in 2ˢ samples. The mean carries 14 fractional bits, so what a
/// constant input leaves behind is at most 2ˢ⁻¹⁴ of one unit before rounding: nothing. The output saturates, and no step can overflow.
///
/// ```
/// use earmark_core::signal::DcBlocker;
///
/// let mut blocker = DcBlocker::near_20_hz(16_000);
/// let last = (0..16_000).map(|_| blocker.filter(-7_000)).last();
/// assert_eq!(last, Some(0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DcBlocker {
    shift: u32,
    /// The running mean, times 2^[`FRACTION`].
    mean: i32,
}

/// Fractional bits of the mean. The difference of a sample and a mean of opposite ends of the scale still fits into 32 bits.
const FRACTION: u32 = 14;

impl DcBlocker {
    /// A filter with p = 2⁻ˢʰⁱᶠᵗ; `shift` is kept within 1..=12.
    #[must_use]
    pub const fn new(shift: u32) -> Self {
        let shift = if shift < 1 { 1 } else { shift };
        let shift = if shift > 12 { 12 } else { shift };
        Self { shift, mean: 0 }
    }

    /// The filter whose −3 dB point lies nearest to 20 Hz, on a scale of octaves, at a sample rate in Hz: below speech, and settled
    /// after 50 ms.
    #[must_use]
    pub const fn near_20_hz(sample_rate: u32) -> Self {
        // 2ˢ nearest to rate / (2π · 20) in octaves: the largest s with 2ˢ ≤ √2 · rate / (2π · 20) = rate / 88.9; the 1 keeps
        // the logarithm of a rate of 0 defined.
        Self::new((sample_rate / 89 + 1).ilog2())
    }

    /// Filters one sample.
    pub fn filter(&mut self, sample: i16) -> i16 {
        let sample = i32::from(sample);
        let filtered = sample - ((self.mean + (1 << (FRACTION - 1))) >> FRACTION);
        self.mean += ((sample << FRACTION) - self.mean) >> self.shift;
        filtered.clamp(i16::MIN.into(), i16::MAX.into()) as i16
    }

    /// Takes the mean for zero again.
    pub const fn reset(&mut self) {
        self.mean = 0;
    }
}
