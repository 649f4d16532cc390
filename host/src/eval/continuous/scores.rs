//! What a model said to a stream, kept so that detectors can be tried on it.

use std::collections::VecDeque;

use earmark_core::detect::DetectorSettings;

/// Scores are kept in units of 2⁻¹⁵, as detectors round them: a detector cannot tell them from the original ones.
const ONE: f32 = 32_768.0;

/// Which rows a detector has to see.
#[derive(Debug, Clone, PartialEq)]
pub struct Sieve {
    /// A row in which no word has at least this score can neither raise nor hold a detection.
    least: u16,
    /// Rows around the others that smoothing, or the memory of what was said before, reaches to.
    reach: usize,
    /// Whether each label is a word.
    is_word: Vec<bool>,
}

impl Sieve {
    /// For detectors with thresholds of `lowest` and more, that part of them for release that is in `settings`, and no need of scores that
    /// are older than `reach` rows.
    #[must_use]
    pub fn new(lowest: f32, settings: &DetectorSettings, reach: usize, is_word: Vec<bool>) -> Self {
        let least = (f32::from(quantise(lowest)) * settings.release.clamp(0.0, 1.0)) as u16;
        Self { least: least.max(1), reach, is_word }
    }

    fn passes(&self, row: &[u16]) -> bool {
        row.iter().zip(&self.is_word).any(|(score, is_word)| *is_word && *score >= self.least)
    }
}

/// Rows of scores, one a window, with the end of each window in samples.
///
/// Only rows that a detector has to see are kept, and those within smoothing's reach of them. Where others are left out, all smoothed scores
/// are too low for anything: a detector takes the gap for silence, has forgotten it before that matters, and comes to the same detections.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    sieve: Sieve,
    ends: Vec<u64>,
    rows: Vec<u16>,
    /// The last rows that were not kept.
    waiting: VecDeque<(u64, Vec<u16>)>,
    /// Rows to come that are kept whatever they are.
    after: usize,
}

impl Scores {
    /// No scores yet.
    #[must_use]
    pub const fn new(sieve: Sieve) -> Self {
        Self { sieve, ends: Vec::new(), rows: Vec::new(), waiting: VecDeque::new(), after: 0 }
    }

    /// Adds the scores of the window that ends at `end`, one a label.
    pub fn push(&mut self, end: u64, scores: &[f32]) {
        let row = scores.iter().map(|score| quantise(*score)).collect::<Vec<_>>();
        if self.sieve.passes(&row) {
            for (end, row) in std::mem::take(&mut self.waiting) {
                self.keep(end, &row);
            }
            self.keep(end, &row);
            self.after = self.sieve.reach;
        } else if self.after > 0 {
            self.after -= 1;
            self.keep(end, &row);
        } else {
            self.waiting.push_back((end, row));
            if self.waiting.len() > self.sieve.reach {
                self.waiting.pop_front();
            }
        }
    }

    fn keep(&mut self, end: u64, row: &[u16]) {
        self.ends.push(end);
        self.rows.extend(row);
    }

    /// Calls `on_row` with the end and the scores of each window that was kept, in their order, until it fails.
    ///
    /// # Errors
    /// What `on_row` says.
    pub fn each<E>(&self, mut on_row: impl FnMut(u64, &[f32]) -> Result<(), E>) -> Result<(), E> {
        let labels = self.sieve.is_word.len();
        let mut row = vec![0.0; labels];
        for (end, scores) in self.ends.iter().zip(self.rows.chunks_exact(labels.max(1))) {
            row.iter_mut().zip(scores).for_each(|(place, score)| *place = f32::from(*score) / ONE);
            on_row(*end, &row)?;
        }
        Ok(())
    }
}

fn quantise(score: f32) -> u16 {
    (score.clamp(0.0, 1.0) * ONE + 0.5) as u16
}

#[cfg(test)]
mod tests {
    use earmark_core::detect::{Detection, Detector, Smoothing, Timing};
    use earmark_core::model::Problem;
    use proptest::prelude::*;

    use super::*;

    const TIMING: Timing =
        Timing { sample_rate: 1_000, step_samples: 10, window_samples: 100, problem: Problem::SingleLabel };
    const LABELS: [(&str, f32); 3] = [("a", 0.5), ("_silence_", 0.1), ("b", 0.6)];

    fn settings(smoothing_ms: u32, isolation: f32, minimum_ms: u32, release: f32) -> DetectorSettings {
        let smoothing = Smoothing::Mean;
        DetectorSettings {
            smoothing,
            smoothing_ms,
            sensitivity: 0.5,
            isolation,
            release,
            minimum_ms,
            refractory_ms: 40,
            mute_ms: 0,
        }
    }

    fn detections(settings: &DetectorSettings, feed: impl FnOnce(&mut dyn FnMut(u64, &[f32]))) -> Vec<Detection> {
        let bytes = Detector::memory(LABELS.len(), settings.smoothing_steps(TIMING), settings.talk_steps(TIMING));
        let mut memory = vec![0_u32; bytes.div_ceil(4)];
        let memory = bytemuck::cast_slice_mut(&mut memory);
        let mut detector = Detector::new(TIMING, settings, LABELS.into_iter(), memory).unwrap();
        let mut found = Vec::new();
        feed(&mut |end, row| detector.step(end, row, |detection| found.push(detection)).unwrap());
        found
    }

    #[test]
    fn quiet_rows_are_left_out() {
        let mut scores = Scores::new(Sieve::new(0.5, &settings(20, 0.0, 0, 0.8), 2, vec![true, false, true]));
        for (index, a) in [0.1, 0.2, 0.3, 0.3, 0.45, 0.2, 0.1, 0.0, 0.0].into_iter().enumerate() {
            scores.push(index as u64, &[a, 1.0 - a, 0.0]);
        }
        assert_eq!(scores.ends, [2, 3, 4, 5, 6]);
    }

    proptest! {
        #[test]
        fn detectors_cannot_tell_them_from_the_original_ones(
            rows in prop::collection::vec(
                ((0.0_f32..=1.0, 0_u32..3), (0.0_f32..=1.0, 0_u32..3), 1_usize..12, prop::bool::weighted(0.05)),
                0..40,
            ),
            (smoothing_ms, isolation, minimum_ms, release) in (0_u32..80, 0.0_f32..=1.0, 0_u32..30, 0.0_f32..=1.0),
        ) {
            let settings = settings(smoothing_ms, isolation, minimum_ms, release);
            let is_word = LABELS.map(|(name, _)| !name.starts_with('_')).to_vec();
            let reach = settings.reach_steps(TIMING);
            let sieve = Sieve::new(0.5, &settings, reach, is_word);
            let mut scores = Scores::new(sieve);
            let mut end = 100;
            let mut all = Vec::new();
            // Mostly low scores, that come several times; a window is left out now and then.
            for ((a, power), (b, other_power), times, is_gap) in rows {
                for _ in 0..times {
                    end += if is_gap { 50 } else { 10 };
                    all.push((end, [a.powi(4_i32.pow(power)), 1.0 - a, b.powi(4_i32.pow(other_power))]));
                }
            }
            all.iter().for_each(|(end, row)| scores.push(*end, row));
            let original = detections(&settings, |step| all.iter().for_each(|(end, row)| step(*end, row)));
            let kept = detections(&settings, |step| {
                scores.each(|end, row| { step(end, row); Ok::<_, ()>(()) }).unwrap();
            });
            prop_assert_eq!(original, kept);
        }
    }
}
