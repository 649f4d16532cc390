//! Which detections are of which words.

use earmark_core::detect::Detection;

use super::Word;

/// What a detection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The first detection of a word, by its place among the words.
    Hit(usize),
    /// Of another word than the one that is said.
    Confusion,
    /// Of anything else.
    FalseAlarm,
}

/// Judges detections in the order of time, on words in the order of their starts.
///
/// A detection belongs to a word if it overlaps it, or ends no later than `slack` samples after it. The first detection with the label of
/// a word that it belongs to is a hit, and a word is hit once. A detection that belongs to a word of another label is a confusion; every
/// other one, and so a second one of the same word, is a false alarm.
pub fn judge(detections: &[Detection], words: &[Word], slack: u64) -> Vec<Verdict> {
    let longest = words.iter().map(|word| word.end - word.start).max().unwrap_or(0).saturating_add(slack);
    let mut is_hit = vec![false; words.len()];
    let verdict = |detection: &Detection| {
        let after = words.partition_point(|word| word.start < detection.end);
        let first = words.partition_point(|word| word.start.saturating_add(longest) < detection.start);
        let belongs = |index: &usize| {
            let word = &words[*index];
            detection.start < word.end || detection.end <= word.end.saturating_add(slack)
        };
        let near: Vec<usize> = (first.min(after)..after).filter(belongs).collect();
        let same = |index: &&usize| words[**index].label == detection.label;
        if let Some(&index) = near.iter().filter(same).find(|index| !is_hit[**index]) {
            is_hit[index] = true;
            Verdict::Hit(index)
        } else if near.is_empty() || near.iter().any(|index| words[*index].label == detection.label) {
            Verdict::FalseAlarm
        } else {
            Verdict::Confusion
        }
    };
    detections.iter().map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn word(label: usize, start: u64, end: u64) -> Word {
        Word { label, start, end }
    }

    fn detection(label: usize, start: u64, end: u64) -> Detection {
        Detection { label, score: 0.9, start, end }
    }

    #[test]
    fn a_word_is_hit_from_its_start_to_the_slack_after_its_end() {
        let words = [word(0, 100, 200)];
        for (start, end, verdict) in [
            (0, 100, Verdict::FalseAlarm),
            (0, 101, Verdict::Hit(0)),
            (150, 160, Verdict::Hit(0)),
            (199, 300, Verdict::Hit(0)),
            (210, 250, Verdict::Hit(0)),
            (210, 251, Verdict::FalseAlarm),
            (900, 999, Verdict::FalseAlarm),
        ] {
            assert_eq!(judge(&[detection(0, start, end)], &words, 50), [verdict], "{start}–{end}");
        }
    }

    #[test]
    fn a_second_detection_and_another_label_are_none() {
        let words = [word(0, 100, 200), word(1, 1_000, 1_100)];
        let detections = [detection(0, 120, 180), detection(0, 190, 220), detection(0, 1_020, 1_080)];
        assert_eq!(judge(&detections, &words, 50), [Verdict::Hit(0), Verdict::FalseAlarm, Verdict::Confusion]);
    }

    #[test]
    fn the_earlier_of_two_equal_words_is_hit_first() {
        let words = [word(0, 100, 200), word(0, 220, 300)];
        let detections = [detection(0, 180, 230), detection(0, 240, 280)];
        assert_eq!(judge(&detections, &words, 50), [Verdict::Hit(0), Verdict::Hit(1)]);
    }

    proptest! {
        #[test]
        fn no_word_is_hit_twice_and_each_hit_is_of_the_word_s_label(
            words in prop::collection::vec((0_usize..3, 0_u64..2_000, 0_u64..200), 0..20),
            detections in prop::collection::vec((0_usize..3, 0_u64..300, 0_u64..2_200), 0..40),
        ) {
            let mut words: Vec<Word> =
                words.into_iter().map(|(label, start, length)| word(label, start, start + length)).collect();
            words.sort_by_key(|word| word.start);
            let mut detections: Vec<Detection> = detections
                .into_iter()
                .map(|(label, length, end)| detection(label, end.saturating_sub(length), end))
                .collect();
            detections.sort_by_key(|detection| detection.end);
            let mut hit = Vec::new();
            for (verdict, detection) in judge(&detections, &words, 50).into_iter().zip(&detections) {
                let belongs = |word: &Word| {
                    word.start < detection.end && (detection.start < word.end || detection.end <= word.end + 50)
                };
                match verdict {
                    Verdict::Hit(index) => {
                        prop_assert_eq!(words[index].label, detection.label);
                        prop_assert!(belongs(&words[index]) && !hit.contains(&index));
                        hit.push(index);
                    }
                    Verdict::Confusion => prop_assert!(words.iter().any(belongs)),
                    Verdict::FalseAlarm => {
                        let could_hit = |(index, word): (usize, &Word)| {
                            word.label == detection.label && belongs(word) && !hit.contains(&index)
                        };
                        prop_assert!(!words.iter().enumerate().any(could_hit));
                    }
                }
            }
        }
    }
}
