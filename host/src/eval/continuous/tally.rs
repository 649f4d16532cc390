//! Counting what a detector made of scores.

use earmark_core::detect::{Detector, DetectorSettings, Timing};
use rayon::prelude::*;

use super::hear::Heard;
use super::matching::{Verdict, judge};
use crate::Error;

/// How long after a word's end its detection may end, in milliseconds.
pub const SLACK_MS: u64 = 500;

/// A threshold that no score reaches: of labels that are not to be detected.
pub const NEVER: f32 = 2.0;

/// What a detector is tried with.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Its settings.
    pub settings: DetectorSettings,
    /// The labels' thresholds.
    pub thresholds: Vec<f32>,
}

/// What came of one label.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelTally {
    /// How often it was said.
    pub words: usize,
    /// False alarms with this label.
    pub false_alarms: usize,
    /// Confusions: it was detected while another word was said.
    pub confusions: usize,
    /// From the word's end to each hit's, in samples; below 0 where the detection came before the word's end.
    pub latencies: Vec<i64>,
}

impl LabelTally {
    /// Words that were detected.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.latencies.len()
    }

    /// Words that were not.
    #[must_use]
    pub fn misses(&self) -> usize {
        self.words - self.hits()
    }

    fn add(&mut self, other: &Self) {
        self.words += other.words;
        self.false_alarms += other.false_alarms;
        self.confusions += other.confusions;
        self.latencies.extend(&other.latencies);
    }
}

/// What came of a trial on all streams.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Of each label.
    pub labels: Vec<LabelTally>,
    /// False alarms in each source.
    pub sources: Vec<usize>,
}

impl Tally {
    fn empty(labels: usize, sources: usize) -> Self {
        Self { labels: vec![LabelTally::default(); labels], sources: vec![0; sources] }
    }

    /// All false alarms.
    #[must_use]
    pub fn false_alarms(&self) -> usize {
        self.sources.iter().sum()
    }

    fn add(mut self, other: &Self) -> Self {
        self.labels.iter_mut().zip(&other.labels).for_each(|(sum, label)| sum.add(label));
        self.sources.iter_mut().zip(&other.sources).for_each(|(sum, alarms)| *sum += alarms);
        self
    }
}

/// Runs a detector over all streams, each from a fresh start, and counts; on all cores, with the same result whatever their number.
///
/// # Errors
/// What the detector says; none for streams that the same model heard.
pub fn tally(heard: &[Heard], sources: usize, labels: &[&str], timing: Timing, trial: &Trial) -> Result<Tally, Error> {
    let tallies: Result<Vec<Tally>, Error> =
        heard.par_iter().map(|stream| tally_one(stream, sources, labels, timing, trial)).collect();
    Ok(tallies?.iter().fold(Tally::empty(labels.len(), sources), Tally::add))
}

fn tally_one(stream: &Heard, sources: usize, labels: &[&str], timing: Timing, trial: &Trial) -> Result<Tally, Error> {
    let settings = &trial.settings;
    let bytes = Detector::memory(labels.len(), settings.smoothing_steps(timing), settings.talk_steps(timing));
    let mut memory = vec![0_u32; bytes.div_ceil(size_of::<u32>())];
    let thresholds = labels.iter().copied().zip(trial.thresholds.iter().copied());
    let mut detector = Detector::new(timing, settings, thresholds, bytemuck::cast_slice_mut(&mut memory))?;
    let mut detections = Vec::new();
    stream.scores.each(|end, scores| detector.step(end, scores, |detection| detections.push(detection)))?;

    let mut tally = Tally::empty(labels.len(), sources);
    for word in &stream.words {
        tally.labels[word.label].words += 1;
    }
    let slack = SLACK_MS * u64::from(timing.sample_rate) / 1_000;
    for (verdict, detection) in judge(&detections, &stream.words, slack).into_iter().zip(&detections) {
        let label = &mut tally.labels[detection.label];
        match verdict {
            Verdict::Hit(word) => {
                label.latencies.push(detection.end.cast_signed() - stream.words[word].end.cast_signed());
            }
            Verdict::Confusion => label.confusions += 1,
            Verdict::FalseAlarm => {
                label.false_alarms += 1;
                tally.sources[stream.source] += 1;
            }
        }
    }
    Ok(tally)
}
