//! Choosing thresholds.

use super::tally::Tally;

/// The thresholds that are tried, from the highest to the lowest.
///
/// They are a quarter of a logit apart, ln(t / (1 − t)), from 0.99994 to 0.12: at both ends equal steps change the odds by equal factors,
/// as the detector's sensitivity does.
#[must_use]
pub fn thresholds() -> Vec<f32> {
    (-8..=39).rev().map(|quarter| 1.0 / (1.0 + (-quarter as f32 / 4.0).exp())).collect()
}

/// A label's share of detected words is taken of no fewer words than these: few words say little about a label, and must not draw all false
/// alarms to it.
const LEAST_WORDS: usize = 50;

/// The sum over all labels of the share of its words that are detected: what an operating point is to be good at.
#[must_use]
pub fn benefit(tally: &Tally) -> f64 {
    tally.labels.iter().map(|label| share(label.hits(), label.words)).sum()
}

fn share(hits: usize, words: usize) -> f64 {
    hits as f64 / words.max(LEAST_WORDS) as f64
}

/// Chooses for each label one of the thresholds that were tried, so that as many words as possible are detected ([`benefit`]) with at most
/// `budget` false alarms in all; none if even the highest of all have more.
///
/// `tallies`: one a threshold, each with that one for all labels, from the highest threshold to the lowest. What a label's detections do to
/// another's is left out of account. It starts from the highest thresholds and lowers, again and again, that of the label that gains the
/// most for a false alarm, no further than where it gains.
#[must_use]
pub fn choose(tallies: &[Tally], budget: usize) -> Option<Vec<usize>> {
    let labels = tallies.first()?.labels.len();
    let hits = |label: usize, place: usize| tallies[place].labels[label].hits();
    let alarms = |label: usize, place: usize| tallies[place].labels[label].false_alarms;
    let mut places = vec![0; labels];
    let mut left = budget.checked_sub((0..labels).map(|label| alarms(label, 0)).sum())?;
    loop {
        let mut best: Option<(f64, usize, usize, usize)> = None;
        for (label, &now) in places.iter().enumerate() {
            for place in now + 1..tallies.len() {
                let more = hits(label, place).saturating_sub(hits(label, now));
                let gain = share(more, tallies[0].labels[label].words);
                // A lower threshold can have fewer, where detections run together; that is no credit to spend elsewhere.
                let cost = alarms(label, place).saturating_sub(alarms(label, now));
                if more == 0 || cost > left {
                    continue;
                }
                // A move for nothing is better than any other; of two of them, the one that gains more.
                let worth = if cost == 0 { 1e9 + gain } else { gain / cost as f64 };
                if best.is_none_or(|(most, ..)| worth > most) {
                    best = Some((worth, label, place, cost));
                }
            }
        }
        let Some((_, label, place, cost)) = best else { return Some(places) };
        places[label] = place;
        left -= cost;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tally::LabelTally;
    use super::*;

    /// A label's (hits, false alarms) at each threshold.
    fn tallies(labels: &[&[(usize, usize)]]) -> Vec<Tally> {
        (0..labels[0].len())
            .map(|place| {
                let label = |points: &&[(usize, usize)]| LabelTally {
                    words: 100,
                    latencies: vec![0; points[place].0],
                    false_alarms: points[place].1,
                    confusions: 0,
                };
                Tally { labels: labels.iter().map(label).collect(), sources: vec![] }
            })
            .collect()
    }

    #[test]
    fn thresholds_fall() {
        let thresholds = thresholds();
        assert!(thresholds.is_sorted_by(|a, b| a > b) && thresholds[0] < 1.0);
        assert!(thresholds.contains(&0.5));
    }

    #[test]
    fn false_alarms_go_to_the_label_that_gains_most_by_them() {
        let tallies = tallies(&[&[(50, 0), (60, 1), (62, 5)], &[(50, 0), (52, 1), (90, 3)]]);
        assert_eq!(choose(&tallies, 0), Some(vec![0, 0]));
        assert_eq!(choose(&tallies, 1), Some(vec![1, 0]));
        assert_eq!(choose(&tallies, 3), Some(vec![0, 2]));
        assert_eq!(choose(&tallies, 4), Some(vec![1, 2]));
        assert_eq!(choose(&tallies, 99), Some(vec![2, 2]));
    }

    #[test]
    fn a_threshold_is_lowered_no_further_than_it_gains() {
        let tallies = tallies(&[&[(50, 0), (60, 0), (60, 0), (60, 2)]]);
        assert_eq!(choose(&tallies, 9), Some(vec![1]));
    }

    #[test]
    fn labels_count_alike_but_few_words_count_less() {
        let mut tallies = tallies(&[&[(0, 0), (6, 1)], &[(0, 0), (5, 1)], &[(0, 0), (2, 1)]]);
        for tally in &mut tallies {
            (tally.labels[0].words, tally.labels[1].words, tally.labels[2].words) = (200, 100, 2);
        }
        assert_eq!(choose(&tallies, 1), Some(vec![0, 1, 0]), "5 % against 3 % and two of 50");
        assert!((benefit(&tallies[1]) - (0.03 + 0.05 + 0.04)).abs() < 1e-9);
    }

    #[test]
    fn some_budgets_cannot_be_kept() {
        assert_eq!(choose(&tallies(&[&[(50, 3)]]), 2), None);
        assert_eq!(choose(&[], 2), None);
    }
}
