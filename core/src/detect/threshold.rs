//! Thresholds, and the knob that moves them.

/// Scores are held in units of 2⁻¹⁵, so that sums of them are exact and never drift: 32768 is a score of 1.
pub(super) const ONE: u32 = 1 << 15;

/// Logits by which the sensitivity moves a threshold from its middle to either end.
pub const SENSITIVITY_LOGITS: f32 = 4.0;

/// The threshold that a sensitivity makes of a calibrated one.
///
/// It moves on the logit's axis, on which equal steps change the odds by equal factors wherever the threshold is:
///
/// logit(threshold′) = logit(threshold) − 2 · 4 · (sensitivity − 0.5), with logit(t) = ln(t / (1 − t)).
///
/// A sensitivity of 0.5 leaves it where it is. From a threshold of 0.9, 0 leads to 0.998, 0.25 to 0.985, 0.75 to 0.55 and 1 to 0.14.
/// Thresholds of 0 or less and of 1 or more have no logit and stay. A sensitivity outside 0..=1 counts as the nearer of the two,
/// not-a-number as 0.
///
/// ```
/// use earmark_core::detect::threshold_at;
///
/// assert_eq!(threshold_at(0.9, 0.5), 0.9);
/// assert!((threshold_at(0.9, 1.0) - 0.1415).abs() < 1e-4);
/// assert!((threshold_at(0.9, 0.0) - 0.9980).abs() < 1e-4);
/// ```
#[must_use]
pub fn threshold_at(threshold: f32, sensitivity: f32) -> f32 {
    raised(threshold, -2.0 * SENSITIVITY_LOGITS * (setting(sensitivity, 0.0) - 0.5))
}

/// The threshold where all that came before was talk: [`DetectorSettings::isolation`](super::DetectorSettings::isolation).
pub(super) fn after_talk(threshold: f32, isolation: f32) -> f32 {
    raised(threshold, SENSITIVITY_LOGITS * setting(isolation, 1.0))
}

/// A setting of 0..=1; outside it counts as the nearer of the two, not-a-number as the `cautious` one.
pub(super) const fn setting(value: f32, cautious: f32) -> f32 {
    if value.is_nan() { cautious } else { value.clamp(0.0, 1.0) }
}

/// A threshold with its logit raised. Once in a firmware, however often it is asked for.
#[inline(never)]
fn raised(threshold: f32, logits: f32) -> f32 {
    // Not-a-number is none of them.
    if !(threshold > 0.0 && threshold < 1.0) || logits == 0.0 {
        return threshold;
    }
    let odds = libm::expf(logits);
    threshold * odds / (threshold * odds + (1.0 - threshold))
}

/// A score in units of 2⁻¹⁵; outside 0..=1 it counts as the nearer of the two, not-a-number as 0.
pub(super) fn quantise_score(score: f32) -> u16 {
    (score.clamp(0.0, 1.0) * ONE as f32 + 0.5) as u16
}

/// A threshold in units of 2⁻¹⁵, at least one; `None`, which no score reaches, above 1 or if it is not a number.
pub(super) fn quantise_threshold(threshold: f32) -> Option<u32> {
    (threshold <= 1.0).then(|| u32::from(quantise_score(threshold)).max(1))
}
