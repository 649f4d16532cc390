//! From counts to figures.

use earmark_core::detect::DetectorSettings;
use serde::Serialize;

use super::search::Ground;
use super::tally::{LabelTally, Tally, Trial};
use crate::eval::{PerLabel, poisson_bound, quantile, wilson};

/// From the end of a word to its detection, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// Half of the words were detected by then.
    pub median: Option<f64>,
    /// So were 95 % of them.
    pub p95: Option<f64>,
}

/// Misses, false alarms and latency.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Total {
    /// Words that were said, without those of labels that are reported apart.
    pub words: usize,
    /// Those that were not detected.
    pub misses: usize,
    /// Their share, 0 to 1.
    pub miss_rate: Option<f64>,
    /// Its 95 % interval, by [`wilson`].
    pub miss_interval: [f64; 2],
    /// Detections, of all labels, that are of no word.
    pub false_alarms: usize,
    /// An hour.
    pub false_alarms_an_hour: Option<f64>,
    /// The upper 95 % bound of that, by [`poisson_bound`].
    pub false_alarms_bound: Option<f64>,
    /// Detections of one word while another one was said.
    pub confusions: usize,
    /// How long it took.
    pub latency_ms: Latency,
}

/// One threshold for all labels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// The threshold.
    pub threshold: f32,
    /// What came of it.
    #[serde(flatten)]
    pub total: Total,
}

/// What came of one label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelOperation {
    /// Its threshold.
    pub threshold: f32,
    /// How often it was said.
    pub words: usize,
    /// How often it was missed.
    pub misses: usize,
    /// The share of that, 0 to 1.
    pub miss_rate: Option<f64>,
    /// False alarms with this label.
    pub false_alarms: usize,
    /// Detections with this label while another word was said.
    pub confusions: usize,
    /// How long it took.
    pub latency_ms: Latency,
}

/// The false alarms of one source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceFigures {
    /// Where it comes from.
    pub name: String,
    /// How long it is.
    pub hours: f64,
    /// How many there were.
    pub false_alarms: usize,
}

/// A detector's settings, as an artifact holds them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Settings {
    /// Time over which scores are averaged.
    pub smoothing_ms: u32,
    /// How much surer a label must be in the midst of talk.
    pub isolation: f32,
    /// Part of its threshold below which a score must fall.
    pub release: f32,
    /// Time above the threshold.
    pub minimum_ms: u32,
    /// Time between two detections.
    pub refractory_ms: u32,
}

/// How good a detector is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperatingFigures {
    /// Its settings.
    pub detector: Settings,
    /// All labels together.
    #[serde(flatten)]
    pub total: Total,
    /// Each label that is a word and not masked.
    pub per_label: PerLabel<LabelOperation>,
    /// Each source.
    pub sources: Vec<SourceFigures>,
}

impl Total {
    /// Counts. Words of the labels in `apart`, by their indices, are left out; their false alarms are not.
    #[must_use]
    pub fn new(tally: &Tally, apart: &[usize], ground: &Ground<'_>) -> Self {
        let counted =
            || tally.labels.iter().enumerate().filter(|(index, _)| !apart.contains(index)).map(|(_, label)| label);
        let (words, misses) =
            counted().fold((0, 0), |(words, misses), label| (words + label.words, misses + label.misses()));
        let (alarms, hours) = (tally.false_alarms(), ground.hours());
        let an_hour = |alarms: f64| (hours > 0.0).then(|| alarms / hours);
        Self {
            words,
            misses,
            miss_rate: share(misses, words),
            miss_interval: wilson(misses, words),
            false_alarms: alarms,
            false_alarms_an_hour: an_hour(alarms as f64),
            false_alarms_bound: an_hour(poisson_bound(alarms)),
            confusions: tally.labels.iter().map(|label| label.confusions).sum(),
            latency_ms: Latency::new(counted(), ground.timing.sample_rate),
        }
    }
}

impl OperatingFigures {
    /// Figures of a trial.
    #[must_use]
    pub fn new(trial: &Trial, tally: &Tally, apart: &[usize], ground: &Ground<'_>, sources: &[String]) -> Self {
        let DetectorSettings { smoothing_ms, isolation, release, minimum_ms, refractory_ms, .. } = trial.settings;
        let words = (0..ground.labels.names.len()).filter(|label| ground.labels.is_word(*label));
        let of_label = |label: usize| {
            let LabelTally { words, false_alarms, confusions, .. } = tally.labels[label];
            let misses = tally.labels[label].misses();
            let operation = LabelOperation {
                threshold: trial.thresholds[label],
                words,
                misses,
                miss_rate: share(misses, words),
                false_alarms,
                confusions,
                latency_ms: Latency::new([&tally.labels[label]].into_iter(), ground.timing.sample_rate),
            };
            (ground.labels.names[label].to_owned(), operation)
        };
        let of_source = |(index, name): (usize, &String)| {
            let samples: u64 =
                ground.heard.iter().filter(|stream| stream.source == index).map(|stream| stream.samples).sum();
            let hours = samples as f64 / f64::from(ground.timing.sample_rate) / 3_600.0;
            SourceFigures { name: name.clone(), hours, false_alarms: tally.sources[index] }
        };
        Self {
            detector: Settings { smoothing_ms, isolation, release, minimum_ms, refractory_ms },
            total: Total::new(tally, apart, ground),
            per_label: PerLabel(words.map(of_label).collect()),
            sources: sources.iter().enumerate().map(of_source).collect(),
        }
    }
}

impl Latency {
    fn new<'t>(labels: impl Iterator<Item = &'t LabelTally>, sample_rate: u32) -> Self {
        let samples: Vec<i64> = labels.flat_map(|label| label.latencies.iter().copied()).collect();
        let milliseconds = |samples: i64| samples as f64 * 1_000.0 / f64::from(sample_rate);
        Self {
            median: quantile(samples.clone(), 0.5).map(milliseconds),
            p95: quantile(samples, 0.95).map(milliseconds),
        }
    }
}

/// Misses against false alarms an hour, from the highest threshold to the lowest: of all words together, then of each label; for
/// [`trade_off`](crate::eval::plots::trade_off). Thresholds so low that more words are missed again, in all the false alarms, are left out.
#[must_use]
pub fn trade_offs(curve: &[(f32, Tally)], apart: &[usize], ground: &Ground<'_>) -> Vec<crate::eval::plots::Curve> {
    let hours = ground.hours().max(f64::MIN_POSITIVE);
    let all = |(_, tally): &(f32, Tally)| {
        let total = Total::new(tally, apart, ground);
        (total.false_alarms as f64 / hours, total.miss_rate.unwrap_or(0.0))
    };
    let mut curves = vec![("all".to_owned(), falling(curve.iter().map(all).collect()))];
    for (label, name) in ground.labels.names.iter().enumerate() {
        let point = |(_, tally): &(f32, Tally)| {
            let label = &tally.labels[label];
            Some((label.false_alarms as f64 / hours, share(label.misses(), label.words)?))
        };
        // A label that is never said has no misses.
        if let Some(points) = curve.iter().map(point).collect() {
            curves.push(((*name).to_owned(), falling(points)));
        }
    }
    curves
}

/// The points with fewer misses than all before them.
fn falling(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let mut least = f64::INFINITY;
    let is_better = |&(_, misses): &(f64, f64)| {
        let before = least;
        least = least.min(misses);
        misses < before
    };
    points.into_iter().filter(is_better).collect()
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_falls() {
        assert_eq!(
            falling(vec![(0.0, 0.9), (1.0, 0.5), (2.0, 0.5), (1.0, 0.4), (9.0, 0.6)]),
            [(0.0, 0.9), (1.0, 0.5), (1.0, 0.4)]
        );
    }
}
