//! The operating point for a target.

use std::cmp::Reverse;

use earmark_core::detect::{DetectorSettings, Timing};

use super::hear::Heard;
use super::operate::{benefit, choose, thresholds};
use super::programme::Labels;
use super::tally::{NEVER, Tally, Trial, tally};
use crate::Error;
use crate::eval::quantile;

/// What an operating point must keep to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// False alarms an hour, at most.
    pub false_alarms_an_hour: f64,
    /// The median time from a word's end to its detection in milliseconds, at most, if any settings can keep to it.
    pub latency_ms: f64,
}

/// An operating point.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its settings and thresholds.
    pub trial: Trial,
    /// What came of it.
    pub tally: Tally,
}

/// What a detector is tried on.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'h> {
    /// All streams.
    pub heard: &'h [Heard],
    /// The number of sources.
    pub sources: usize,
    /// The model's labels.
    pub labels: Labels<'h>,
    /// How the model's scores follow each other.
    pub timing: Timing,
}

impl Ground<'_> {
    /// Tries a detector.
    ///
    /// # Errors
    /// As of [`tally`].
    pub fn tally(&self, trial: &Trial) -> Result<Tally, Error> {
        tally(self.heard, self.sources, self.labels.names, self.timing, trial)
    }

    /// Tries each of [`thresholds`] for all labels.
    ///
    /// # Errors
    /// As of [`tally`].
    pub fn curve(&self, settings: DetectorSettings) -> Result<Vec<(f32, Tally)>, Error> {
        let at = |threshold| {
            let trial = Trial { settings, thresholds: self.masked(vec![threshold; self.labels.names.len()]) };
            Ok((threshold, self.tally(&trial)?))
        };
        thresholds().into_iter().map(at).collect()
    }

    /// Thresholds that masked labels never reach.
    #[must_use]
    pub fn masked(&self, mut thresholds: Vec<f32>) -> Vec<f32> {
        self.labels.masked.iter().for_each(|label| thresholds[*label] = NEVER);
        thresholds
    }

    /// Labels that are to be detected.
    pub fn words(&self) -> impl Iterator<Item = usize> {
        (0..self.labels.names.len()).filter(|label| self.labels.is_word(*label))
    }

    /// Those of them that nobody says.
    #[must_use]
    pub fn unsaid(&self) -> Vec<usize> {
        let is_said = |label| self.heard.iter().flat_map(|stream| &stream.words).any(|word| word.label == label);
        self.words().filter(|label| !is_said(*label)).collect()
    }

    /// Hours of all streams.
    #[must_use]
    pub fn hours(&self) -> f64 {
        let samples: u64 = self.heard.iter().map(|stream| stream.samples).sum();
        samples as f64 / f64::from(self.timing.sample_rate) / 3_600.0
    }
}

/// Looks among some settings for those with which the most words are detected at the target ([`benefit`]), with the thresholds that do it;
/// none if no thresholds keep to the target. Of equals, the one with fewer false alarms, then the faster one.
///
/// # Errors
/// As of [`tally`].
pub fn search(
    ground: &Ground<'_>,
    candidates: &[DetectorSettings],
    target: Target,
    mut on_candidate: impl FnMut(),
) -> Result<Option<Found>, Error> {
    let budget = (target.false_alarms_an_hour * ground.hours()).floor() as usize;
    let most_samples = (target.latency_ms / 1_000.0 * f64::from(ground.timing.sample_rate)) as i64;
    let mut best: Option<(_, Found)> = None;
    for &settings in candidates {
        let found = best_thresholds(ground, settings, budget)?;
        on_candidate();
        let Some(found) = found else { continue };
        let latencies: Vec<i64> = found.tally.labels.iter().flat_map(|label| label.latencies.iter().copied()).collect();
        let median = quantile(latencies, 0.5).unwrap_or(0);
        let rank =
            (median <= most_samples, benefit(&found.tally), Reverse(found.tally.false_alarms()), Reverse(median));
        if best.as_ref().is_none_or(|(most, _)| rank > *most) {
            best = Some((rank, found));
        }
    }
    Ok(best.map(|(_, found)| found))
}

/// The thresholds for some settings and a number of false alarms.
fn best_thresholds(ground: &Ground<'_>, settings: DetectorSettings, budget: usize) -> Result<Option<Found>, Error> {
    let (thresholds, tallies): (Vec<f32>, Vec<Tally>) = ground.curve(settings)?.into_iter().unzip();
    let mut aim = budget;
    while let Some(places) = choose(&tallies, aim) {
        let chosen = places.into_iter().map(|place| thresholds[place]).collect();
        let trial = Trial { settings, thresholds: ground.masked(chosen) };
        let tally = ground.tally(&trial)?;
        // One label's thresholds change what others detect: the sum over labels is only close.
        let Some(excess) = tally.false_alarms().checked_sub(budget).filter(|excess| *excess > 0) else {
            return Ok(Some(Found { trial, tally }));
        };
        let Some(lower) = aim.checked_sub(excess) else { break };
        aim = lower;
    }
    Ok(None)
}
