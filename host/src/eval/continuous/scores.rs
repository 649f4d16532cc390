//! What a model said to a stream, kept so that detectors can be tried on it.

/// Scores are kept in units of 2⁻¹⁵, as detectors round them: a detector cannot tell them from the original ones.
const ONE: f32 = 32_768.0;

/// Rows of scores, one a window, with the end of each window in samples.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scores {
    ends: Vec<u64>,
    rows: Vec<u16>,
}

impl Scores {
    /// Adds the scores of the window that ends at `end`; each time as many.
    pub fn push(&mut self, end: u64, scores: &[f32]) {
        self.ends.push(end);
        self.rows.extend(scores.iter().map(|score| (score.clamp(0.0, 1.0) * ONE + 0.5) as u16));
    }

    /// Calls `on_row` with each window's end and scores, in their order, until it fails.
    ///
    /// # Errors
    /// What `on_row` says.
    pub fn each<E>(&self, mut on_row: impl FnMut(u64, &[f32]) -> Result<(), E>) -> Result<(), E> {
        let labels = self.rows.len() / self.ends.len().max(1);
        let mut row = vec![0.0; labels];
        for (end, scores) in self.ends.iter().zip(self.rows.chunks_exact(labels.max(1))) {
            row.iter_mut().zip(scores).for_each(|(place, score)| *place = f32::from(*score) / ONE);
            on_row(*end, &row)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use earmark_core::detect::{Detection, Detector, DetectorSettings, Smoothing, Timing};
    use earmark_core::model::Problem;
    use proptest::prelude::*;

    use super::*;

    const TIMING: Timing =
        Timing { sample_rate: 1_000, step_samples: 10, window_samples: 100, problem: Problem::SingleLabel };
    const SETTINGS: DetectorSettings = DetectorSettings {
        smoothing: Smoothing::Mean,
        smoothing_ms: 30,
        sensitivity: 0.5,
        release: 0.5,
        minimum_ms: 0,
        refractory_ms: 20,
        mute_ms: 0,
    };

    fn detections(feed: impl FnOnce(&mut dyn FnMut(u64, &[f32]))) -> Vec<Detection> {
        let mut memory = vec![0_u32; Detector::memory(2, SETTINGS.smoothing_steps(TIMING)).div_ceil(4)];
        let labels = [("a", 0.5), ("b", 0.6)].into_iter();
        let mut detector = Detector::new(TIMING, &SETTINGS, labels, bytemuck::cast_slice_mut(&mut memory)).unwrap();
        let mut found = Vec::new();
        feed(&mut |end, row| detector.step(end, row, |detection| found.push(detection)).unwrap());
        found
    }

    proptest! {
        #[test]
        fn detectors_cannot_tell_them_from_the_original_ones(
            rows in prop::collection::vec(([0.0_f32..=1.0, 0.0_f32..=1.0], 1_u64..4), 0..60)
        ) {
            let mut scores = Scores::default();
            let mut end = 100;
            let rows: Vec<_> = rows.into_iter().map(|(row, steps)| { end += 10 * steps; (end, row) }).collect();
            rows.iter().for_each(|(end, row)| scores.push(*end, row));
            let original = detections(|step| rows.iter().for_each(|(end, row)| step(*end, row)));
            let kept = detections(|step| scores.each(|end, row| { step(end, row); Ok::<_, ()>(()) }).unwrap());
            prop_assert_eq!(original, kept);
        }
    }
}
