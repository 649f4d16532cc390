//! Choosing thresholds.

use super::tally::Tally;

/// The thresholds that are tried, from the highest to the lowest.
///
/// They are a quarter of a logit apart, ln(t / (1 − t)), from 0.99994 to 0.018: at both ends equal steps change the odds by equal factors,
/// as the detector's sensitivity does.
#[must_use]
pub fn thresholds() -> Vec<f32> {
    (-16..=39).rev().map(|quarter| 1.0 / (1.0 + (-quarter as f32 / 4.0).exp())).collect()
}

/// Chooses for each label one of the thresholds that were tried, so that as many words as possible are detected with at most `budget` false
/// alarms in all; none if even the highest of all have more.
///
/// `tallies`: one a threshold, each with that one for all labels, from the highest threshold to the lowest. What a label's detections do to
/// another's is left out of account. It starts from the highest thresholds and lowers, again and again, that of the label that gains the
/// most words for a false alarm, no further than where it gains them.
#[must_use]
pub fn choose(tallies: &[Tally], budget: usize) -> Option<Vec<usize>> {
    let labels = tallies.first()?.labels.len();
    let hits = |label: usize, place: usize| tallies[place].labels[label].hits();
    let alarms = |label: usize, place: usize| tallies[place].labels[label].false_alarms;
    let mut places = vec![0; labels];
    let mut left = budget.checked_sub((0..labels).map(|label| alarms(label, 0)).sum())?;
    loop {
        let mut best: Option<(f64, usize, usize, usize)> = None;
        for label in 0..labels {
            let now = places[label];
            for place in now + 1..tallies.len() {
                let gain = hits(label, place).saturating_sub(hits(label, now));
                // A lower threshold can have fewer, where detections run together; that is no credit to spend elsewhere.
                let cost = alarms(label, place).saturating_sub(alarms(label, now));
                if gain == 0 || cost > left {
                    continue;
                }
                // A move for nothing is better than any other; of two of them, the one that gains more.
                let worth = if cost == 0 { 1e9 + gain as f64 } else { gain as f64 / cost as f64 };
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
    fn some_budgets_cannot_be_kept() {
        assert_eq!(choose(&tallies(&[&[(50, 3)]]), 2), None);
        assert_eq!(choose(&[], 2), None);
    }
}
