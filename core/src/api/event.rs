//! A detection as a line of JSON: `{"start":1.24,"end":1.78,"label":"yes","score":0.97}`; and a change of the signal's condition.

use serde_json_core::ser;

use super::response::escaped_bound;
use crate::Error;
use crate::detect::Detection;
use crate::signal::SignalChange;

/// Bytes of an event beside its label: the keys, two times of at most 18 digits, a point and two more, and a score.
const EVENT_BYTES: usize = r#"{"start":,"end":,"label":"","score":0.00}"#.len() + 2 * 21;

/// Writes a detection as JSON into `buffer` and returns the text: times in seconds and the score, rounded to two decimals.
///
/// Everything is done in integers: formatting floats would cost a device some 10 KB of program. Compact: no spaces, no line end.
///
/// # Errors
/// [`Error::ScoreNotFinite`] for a score that is not a number (a detector gives none; what lies outside 0..=1 is written as the nearer of
/// the two); [`Error::BufferTooSmall`], with a length that is certain to do ([`event_bound`]), if the text does not fit. The buffer's
/// contents are then meaningless.
///
/// ```
/// use earmark_core::{api::write_event, detect::Detection};
///
/// let detection = Detection { label: 0, score: 0.9712, start: 19_840, end: 28_480 };
/// let mut buffer = [0; 96];
/// let json = write_event("yes", &detection, 16_000, &mut buffer)?;
/// assert_eq!(json, r#"{"start":1.24,"end":1.78,"label":"yes","score":0.97}"#);
/// # Ok::<(), earmark_core::Error>(())
/// ```
pub fn write_event<'b>(
    label: &str,
    detection: &Detection,
    sample_rate: u32,
    buffer: &'b mut [u8],
) -> Result<&'b str, Error> {
    if detection.score.is_nan() {
        return Err(Error::ScoreNotFinite { index: 0 });
    }
    let score = (detection.score.clamp(0.0, 1.0) * 100.0 + 0.5) as u64;
    let too_small = Error::BufferTooSmall { needed: event_bound(label), given: buffer.len() };
    let mut line = Line { buffer, length: 0 };
    let written = line
        .text(r#"{"start":"#)
        .and_then(|()| line.hundredths(hundredths(detection.start, sample_rate)))
        .and_then(|()| line.text(r#","end":"#))
        .and_then(|()| line.hundredths(hundredths(detection.end, sample_rate)))
        .and_then(|()| line.text(r#","label":"#))
        .and_then(|()| line.quoted(label))
        .and_then(|()| line.text(r#","score":"#))
        .and_then(|()| line.hundredths(score))
        .and_then(|()| line.text("}"));
    let Line { buffer, length } = line;
    // The label is the only part that is not ASCII, and goes in whole.
    let text = written.and_then(|()| core::str::from_utf8(buffer.get(..length)?).ok());
    text.ok_or(too_small)
}

/// A length in bytes at which a buffer holds the event for this label, whatever its times and score are.
#[must_use]
pub fn event_bound(label: &str) -> usize {
    EVENT_BYTES + escaped_bound(label)
}

/// A length in bytes at which a buffer holds any change of the signal's condition.
pub const SIGNAL_BOUND: usize = r#"{"signal":"dc_shifted","at":}"#.len() + 21;

/// Writes a change of the signal's condition as JSON into `buffer` and returns the text: the condition's
/// [name](crate::signal::SignalCondition::name), and when it was found in seconds, rounded to two decimals.
///
/// # Errors
/// [`Error::BufferTooSmall`] if the text does not fit; [`SIGNAL_BOUND`] bytes are certain to do. The buffer's contents are then
/// meaningless.
///
/// ```
/// use earmark_core::{api::write_signal, signal::{SignalChange, SignalCondition}};
///
/// let change = SignalChange { at: 20_000, condition: SignalCondition::AllZero };
/// let mut buffer = [0; 64];
/// assert_eq!(write_signal(&change, 16_000, &mut buffer)?, r#"{"signal":"all_zero","at":1.25}"#);
/// # Ok::<(), earmark_core::Error>(())
/// ```
pub fn write_signal<'b>(change: &SignalChange, sample_rate: u32, buffer: &'b mut [u8]) -> Result<&'b str, Error> {
    let too_small = Error::BufferTooSmall { needed: SIGNAL_BOUND, given: buffer.len() };
    let mut line = Line { buffer, length: 0 };
    let written = line
        .text(r#"{"signal":""#)
        .and_then(|()| line.text(change.condition.name()))
        .and_then(|()| line.text(r#"","at":"#))
        .and_then(|()| line.hundredths(hundredths(change.at, sample_rate)))
        .and_then(|()| line.text("}"));
    let Line { buffer, length } = line;
    let text = written.and_then(|()| core::str::from_utf8(buffer.get(..length)?).ok());
    text.ok_or(too_small)
}

/// A time in hundredths of a second, rounded to nearest.
fn hundredths(samples: u64, sample_rate: u32) -> u64 {
    let rate = u64::from(sample_rate.max(1));
    // Whole seconds apart, so that nothing overflows.
    let (seconds, rest) = (samples / rate, samples % rate);
    seconds.saturating_mul(100).saturating_add((rest * 100 + rate / 2) / rate)
}

/// The text so far. `None` from any of its methods: the buffer is full.
struct Line<'b> {
    buffer: &'b mut [u8],
    length: usize,
}

impl Line<'_> {
    fn text(&mut self, text: &str) -> Option<()> {
        self.buffer.get_mut(self.length..)?.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        self.length += text.len();
        Some(())
    }

    fn quoted(&mut self, text: &str) -> Option<()> {
        self.length += ser::to_slice(text, self.buffer.get_mut(self.length..)?).ok()?;
        Some(())
    }

    /// A number of hundredths as a decimal with two places.
    fn hundredths(&mut self, value: u64) -> Option<()> {
        self.digits(value / 100)?;
        self.text(".")?;
        self.digit(value / 10 % 10)?;
        self.digit(value % 10)
    }

    fn digits(&mut self, value: u64) -> Option<()> {
        let mut unit = 1;
        while value / unit >= 10 {
            unit *= 10;
        }
        while unit > 0 {
            self.digit(value / unit % 10)?;
            unit /= 10;
        }
        Some(())
    }

    fn digit(&mut self, digit: u64) -> Option<()> {
        *self.buffer.get_mut(self.length)? = b'0' + (digit % 10) as u8;
        self.length += 1;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_scores_are_rounded_to_nearest() {
        let mut buffer = [0; 128];
        for (detection, rate, expected) in [
            (Detection { label: 0, score: 0.0, start: 0, end: 79 }, 16_000, r#"{"start":0.00,"end":0.00,"#),
            (Detection { label: 0, score: 0.0, start: 80, end: 159_920 }, 16_000, r#"{"start":0.01,"end":10.00,"#),
            (
                Detection { label: 0, score: 0.0, start: 1, end: 44_100 * 86_400 + 22_050 },
                44_100,
                r#"{"start":0.00,"end":86400.50,"#,
            ),
            (
                Detection { label: 0, score: 0.0, start: 7, end: u64::MAX },
                0,
                r#"{"start":7.00,"end":184467440737095516.15,"#,
            ),
        ] {
            let json = write_event("a", &detection, rate, &mut buffer).unwrap();
            assert!(json.starts_with(expected) && json.ends_with(r#""label":"a","score":0.00}"#), "{json}");
        }
        for (score, expected) in
            [(0.994, "0.99"), (0.995_1, "1.00"), (1.0, "1.00"), (f32::INFINITY, "1.00"), (-3.0, "0.00")]
        {
            let json = write_event("a", &Detection { label: 0, score, start: 0, end: 0 }, 8_000, &mut buffer).unwrap();
            assert!(json.strip_suffix('}').unwrap().ends_with(expected), "{json}");
        }
    }

    #[test]
    fn labels_are_escaped_and_the_bound_holds() {
        let detection = Detection { label: 0, score: 1.0, start: u64::MAX, end: u64::MAX };
        for label in ["", "yes", "a \"b\"\\\n\u{1}é", "\u{1f}\u{1f}"] {
            let bound = event_bound(label);
            let mut large = [0; 256];
            let json = write_event(label, &detection, 1, &mut large[..bound]).unwrap();
            let value: serde_json::Value = serde_json::from_str(json).unwrap();
            assert_eq!(value["label"], label);
            let length = json.len();
            for given in 0..length {
                let answer = write_event(label, &detection, 1, &mut large[..given]);
                assert_eq!(answer, Err(Error::BufferTooSmall { needed: bound, given }));
            }
        }
    }

    #[test]
    fn every_condition_fits_its_bound() {
        use crate::signal::SignalCondition::{AllZero, Clipped, DcShifted, Recovered, Stuck};
        for condition in [AllZero, Stuck, Clipped, DcShifted, Recovered] {
            let change = SignalChange { at: u64::MAX, condition };
            let mut buffer = [0; SIGNAL_BOUND];
            let json = write_signal(&change, 1, &mut buffer).unwrap();
            let value: serde_json::Value = serde_json::from_str(json).unwrap();
            assert_eq!(value["signal"], condition.name());
            let refused = Error::BufferTooSmall { needed: SIGNAL_BOUND, given: 9 };
            assert_eq!(write_signal(&change, 1, &mut [0; 9]), Err(refused));
        }
    }

    #[test]
    fn a_score_that_is_no_number_is_refused() {
        let detection = Detection { label: 0, score: f32::NAN, start: 0, end: 0 };
        assert_eq!(write_event("a", &detection, 16_000, &mut [0; 99]), Err(Error::ScoreNotFinite { index: 0 }));
    }
}
