//! Where words are said in a recording: label tracks as Audacity exports them.

use std::collections::BTreeSet;

use earmark_core::model::is_background;

/// A word that is said, in samples from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// The index of its label.
    pub label: usize,
    /// Its first sample.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
}

/// A label track.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Track {
    /// The words that a detector is to hear, by their start.
    pub words: Vec<Word>,
    /// Labels that it is not, because the model does not have them or they stand for everything else.
    pub others: BTreeSet<String>,
}

impl Track {
    /// Reads a track: a line a label, `start⇥end⇥label` with times in seconds. Lines that begin with a backslash (Audacity's frequency
    /// ranges) and empty ones are passed over.
    ///
    /// # Errors
    /// What is wrong, with the number of the line.
    ///
    /// ```
    /// use earmark::eval::continuous::{Track, Word};
    /// let track = Track::parse("1.5\t2.0\tyes\n4.0\t4.5\tmaybe\n", &["_unknown_", "yes"], 16_000)?;
    /// assert_eq!(track.words, [Word { label: 1, start: 24_000, end: 32_000 }]);
    /// assert!(track.others.contains("maybe"));
    /// # Ok::<(), String>(())
    /// ```
    pub fn parse(text: &str, labels: &[&str], sample_rate: u32) -> Result<Self, String> {
        let mut track = Self::default();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('\\') {
                continue;
            }
            let wrong =
                |what: &str| format!("line {}: {what}: write start, end and label with tabs between", index + 1);
            let mut columns = line.splitn(3, '\t');
            let (Some(start), Some(end), Some(name)) = (columns.next(), columns.next(), columns.next()) else {
                return Err(wrong("there are no three columns"));
            };
            let (Some(start), Some(end)) = (position(start, sample_rate), position(end, sample_rate)) else {
                return Err(wrong("a time is no number of seconds"));
            };
            if end < start {
                return Err(wrong("it ends before it starts"));
            }
            let name = name.trim();
            match labels.iter().position(|label| *label == name && !is_background(label)) {
                Some(label) => track.words.push(Word { label, start, end }),
                None => drop(track.others.insert(name.to_owned())),
            }
        }
        track.words.sort_by_key(|word| (word.start, word.end));
        Ok(track)
    }
}

/// A time in seconds as samples; none before the start or beyond all recordings.
fn position(text: &str, sample_rate: u32) -> Option<u64> {
    /// A century.
    const MOST_SECONDS: f64 = 3e9;
    // Some versions of Audacity write the comma of the user's language.
    let seconds: f64 = text.trim().replace(',', ".").parse().ok()?;
    (0.0..MOST_SECONDS).contains(&seconds).then(|| (seconds * f64::from(sample_rate)).round() as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LABELS: [&str; 2] = ["_silence_", "go"];

    #[test]
    fn words_come_in_the_order_of_time() {
        let track = Track::parse("\u{feff}2\t3\tgo\r\n\\\t100\t200\n\n0,5\t0.5\tgo\n", &LABELS, 100).unwrap();
        assert_eq!(track.words, [Word { label: 1, start: 50, end: 50 }, Word { label: 1, start: 200, end: 300 }]);
        assert!(Track::parse("1\t2\t_silence_", &LABELS, 100).unwrap().words.is_empty());
    }

    #[test]
    fn faults_are_told_with_their_line() {
        for line in ["go", "1\tgo", "1\tx\tgo", "2\t1\tgo", "-1\t1\tgo", "nan\t1\tgo", "1\t1e30\tgo"] {
            let message = Track::parse(&format!("0\t1\tgo\n{line}"), &LABELS, 100).unwrap_err();
            assert!(message.starts_with("line 2: "), "{message}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*", rate in 1_u32..200_000) {
            if let Ok(track) = Track::parse(&text, &LABELS, rate) {
                prop_assert!(track.words.iter().all(|word| word.start <= word.end));
            }
        }

        #[test]
        fn what_is_written_is_read(words in prop::collection::vec((0_u32..100_000, 0_u32..1_000), 0..20)) {
            let text: String =
                words.iter().map(|(start, length)| format!("{start}\t{}\tgo\n", start + length)).collect();
            let mut expected: Vec<Word> = words
                .iter()
                .map(|&(start, length)| Word { label: 1, start: start.into(), end: (start + length).into() })
                .collect();
            expected.sort_by_key(|word| (word.start, word.end));
            prop_assert_eq!(Track::parse(&text, &LABELS, 1).unwrap().words, expected);
        }
    }
}
