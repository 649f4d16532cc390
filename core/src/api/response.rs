//! The answer: `[{"label":"yes","score":0.98},…]`.

use serde::{Serialize, Serializer};
use serde_json_core::ser;

use crate::Error;

/// Bytes of an entry beside its label: `{"label":"","score":},` and the longest f32 in shortest form, `-1.1754944e-38` and the like
/// (16 bytes at most).
const ENTRY_BYTES: usize = 22 + 16;

/// The most bytes that one character of a label can take: `\u001f` for a control character of one byte.
const ESCAPED_BYTES: usize = 6;

#[derive(Serialize)]
struct Entry<'l> {
    label: &'l str,
    score: f32,
}

/// Serialises its entries as a sequence, straight from the iterator.
struct Entries<I>(I);

impl<'l, I: Iterator<Item = (&'l str, f32)> + Clone> Serialize for Entries<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone().map(|(label, score)| Entry { label, score }))
    }
}

/// Writes labels and scores as the API's JSON array into `buffer`, in the order given, and returns the text.
///
/// Scores are written as the shortest decimal that reads back as the same f32. Compact: no spaces, no line end.
///
/// # Errors
/// [`Error::ScoreNotFinite`] for infinities and not-a-number, which JSON cannot carry; [`Error::BufferTooSmall`], with a length
/// that is certain to do ([`response_bound`]), if the text does not fit. The buffer's contents are then meaningless.
///
/// ```
/// use earmark_core::api::write_response;
///
/// let mut buffer = [0; 64];
/// let json = write_response([("yes", 0.98), ("no", 0.02)].into_iter(), &mut buffer)?;
/// assert_eq!(json, r#"[{"label":"yes","score":0.98},{"label":"no","score":0.02}]"#);
/// # Ok::<(), earmark_core::Error>(())
/// ```
pub fn write_response<'l, 'b>(
    entries: impl Iterator<Item = (&'l str, f32)> + Clone,
    buffer: &'b mut [u8],
) -> Result<&'b str, Error> {
    if let Some(index) = entries.clone().position(|(_, score)| !score.is_finite()) {
        return Err(Error::ScoreNotFinite { index });
    }
    let too_small =
        Error::BufferTooSmall { needed: response_bound(entries.clone().map(|(label, _)| label)), given: buffer.len() };
    let length = ser::to_slice(&Entries(entries), buffer).map_err(|_| too_small)?;
    // The writer puts out only whole characters, so this holds for any label.
    buffer.get(..length).and_then(|text| core::str::from_utf8(text).ok()).ok_or(too_small)
}

/// A length in bytes at which a buffer holds the answer for these labels, whatever their scores are.
///
/// Exact for labels without quotes, backslashes and control characters, but for the scores' digits.
pub fn response_bound<'l>(labels: impl Iterator<Item = &'l str>) -> usize {
    labels.fold(2, |bound, label| bound + ENTRY_BYTES + escaped_bound(label))
}

/// A length that a label takes at most between its quotes.
pub(super) fn escaped_bound(label: &str) -> usize {
    let escaped = |byte: u8| if byte < 0x20 || byte == b'"' || byte == b'\\' { ESCAPED_BYTES } else { 1 };
    label.bytes().map(escaped).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_scores_are_short() {
        let mut buffer = [0; 256];
        let entries = [("a \"b\"\\\n\u{1}é", 1.0), ("", 0.0), ("x", 1e-7), ("y", -3.25), ("z", 0.1)];
        assert_eq!(
            write_response(entries.into_iter(), &mut buffer),
            Ok(concat!(
                r#"[{"label":"a \"b\"\\\n\u0001é","score":1.0},{"label":"","score":0.0},"#,
                r#"{"label":"x","score":1e-7},{"label":"y","score":-3.25},{"label":"z","score":0.1}]"#
            ))
        );
        assert_eq!(write_response([].into_iter(), &mut buffer), Ok("[]"));
    }

    #[test]
    fn a_buffer_that_is_too_small_says_what_is_needed() {
        let entries = [("yes", f32::MIN_POSITIVE), ("\u{1}", -1.175_494_4e-38)];
        let mut large = [0; 256];
        let length = write_response(entries.into_iter(), &mut large).unwrap().len();
        let bound = response_bound(entries.iter().map(|entry| entry.0));
        assert!(length <= bound);
        for given in 0..length {
            let answer = write_response(entries.into_iter(), &mut large[..given]);
            assert_eq!(answer, Err(Error::BufferTooSmall { needed: bound, given }));
        }
    }

    #[test]
    fn a_score_that_json_cannot_carry_is_refused() {
        let mut buffer = [0; 64];
        for score in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let answer = write_response([("a", 0.5), ("b", score)].into_iter(), &mut buffer);
            assert_eq!(answer, Err(Error::ScoreNotFinite { index: 1 }));
        }
    }
}
