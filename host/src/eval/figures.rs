//! From what was answered to figures: accuracy, precision and recall, confusion, calibration.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::wilson;

/// Bins of the calibration error, each as wide as the others.
const BINS: usize = 15;

/// What a model said to one clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The index of the label that is right.
    pub truth: usize,
    /// One score a label; −∞ for a label that cannot be answered.
    pub scores: Vec<f32>,
}

impl Answer {
    /// The label that scores highest, the first of equals.
    #[must_use]
    pub fn answered(&self) -> usize {
        let best = self.scores.iter().enumerate().rev().max_by(|a, b| a.1.total_cmp(b.1));
        best.map_or(0, |(index, _)| index)
    }
}

/// How good one label's answers are.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct LabelFigures {
    /// The share of its answers that were right, 0 to 1; none if it was never answered.
    pub precision: Option<f64>,
    /// The share of its clips that were answered right, 0 to 1; none if there are none.
    pub recall: Option<f64>,
    /// Its clips.
    pub n: usize,
}

/// Figures of each label, in the model's order; in JSON an object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PerLabel<T>(pub Vec<(String, T)>);

impl<T: Serialize> Serialize for PerLabel<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (label, figures) in &self.0 {
            map.serialize_entry(label, figures)?;
        }
        map.end()
    }
}

/// How good a model is on a set of clips.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Figures {
    /// The share of right answers, 0 to 1; none without clips.
    pub accuracy: Option<f64>,
    /// Its 95 % interval, by [`wilson`]. Clips that were heard several times count once: their answers depend on each other.
    pub interval: [f64; 2],
    /// Answers: the clips, times how often each was heard.
    pub n: usize,
    /// All labels of the model, in its order.
    pub labels: Vec<String>,
    /// Figures of each label but masked ones.
    pub per_label: PerLabel<LabelFigures>,
    /// How often each label's clips (rows) got each answer (columns), in the order of `labels`.
    pub confusion: Vec<Vec<usize>>,
    /// The expected calibration error, 0 to 1: over 15 equal bins of the answer's score (0–1), how far the mean score of a bin is from its
    /// share of right answers, weighted by its clips. Guo et al., "On calibration of modern neural networks", 2017, equation 3.
    /// A score on a border counts to the bin below it.
    pub calibration_error: Option<f64>,
}

impl Figures {
    /// Counts. `masked`: labels that cannot be answered, whose clips are not among `answers`. `times`: how often each clip was heard, and
    /// answered.
    #[must_use]
    pub fn new(labels: &[&str], answers: &[Answer], masked: &[usize], times: usize) -> Self {
        let mut confusion = vec![vec![0; labels.len()]; labels.len()];
        for answer in answers {
            confusion[answer.truth][answer.answered()] += 1;
        }
        let right = (0..labels.len()).map(|label| confusion[label][label]).sum::<usize>();
        let share = |part: usize, whole: usize| (whole > 0).then(|| part as f64 / whole as f64);
        let figures_of = |label: usize| {
            let n = confusion[label].iter().sum();
            let answered = confusion.iter().map(|row| row[label]).sum();
            let hits = confusion[label][label];
            LabelFigures { precision: share(hits, answered), recall: share(hits, n), n }
        };
        let kept = (0..labels.len()).filter(|label| !masked.contains(label));
        Self {
            accuracy: share(right, answers.len()),
            interval: wilson(right / times.max(1), answers.len() / times.max(1)),
            n: answers.len(),
            labels: labels.iter().map(|&label| label.to_owned()).collect(),
            per_label: PerLabel(kept.map(|label| (labels[label].to_owned(), figures_of(label))).collect()),
            calibration_error: calibration_error(answers),
            confusion,
        }
    }
}

fn calibration_error(answers: &[Answer]) -> Option<f64> {
    let mut bins = [(0.0, 0.0); BINS];
    for answer in answers {
        let answered = answer.answered();
        let score = f64::from(*answer.scores.get(answered)?);
        let bin = (score * BINS as f64).ceil() as usize;
        let (scores, hits) = &mut bins[bin.clamp(1, BINS) - 1];
        *scores += score;
        *hits += f64::from(u8::from(answered == answer.truth));
    }
    let gaps: f64 = bins.iter().map(|(scores, hits)| (scores - hits).abs()).sum();
    (!answers.is_empty()).then(|| gaps / answers.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_clips_give_no_figures() {
        let figures = Figures::new(&["yes"], &[], &[], 1);
        assert_eq!((figures.accuracy, figures.calibration_error, figures.n), (None, None, 0));
        assert_eq!(figures.per_label.0[0].1, LabelFigures { precision: None, recall: None, n: 0 });
    }

    #[test]
    fn the_first_of_equal_scores_is_the_answer() {
        assert_eq!(Answer { truth: 0, scores: vec![0.2, 0.4, 0.4] }.answered(), 1);
    }
}
