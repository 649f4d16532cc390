//! Weights of an output channel as int8.

/// Steps that the greatest weight of a channel may be.
const STEPS: std::ops::RangeInclusive<u8> = 64..=127;

/// How much more the values of neighbouring inputs have in common than they differ by, in power: features of sounds change little from
/// frame to frame and from band to band.
const IN_COMMON: f64 = 6.0;

/// A channel's weights in steps of a scale.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) scale: f32,
    pub(super) steps: Vec<i8>,
}

impl Row {
    /// In the finest steps that hold the greatest weight, and none below `least`: each weight the nearest.
    pub(super) fn nearest(weights: &[f32], least: f32) -> Self {
        Self::rounded(weights, 1, (greatest(weights) / f32::from(*STEPS.end())).max(least))
    }

    /// In the steps at which the output errs least. Each run of `taps` weights meets neighbouring inputs, so that errors of opposite signs
    /// nearly cancel. Finer steps are better for many weights; few of them may happen to lie near whole numbers of coarser ones.
    pub(super) fn finest(weights: &[f32], taps: usize, least: f32) -> Self {
        let greatest = greatest(weights);
        let scales = STEPS.rev().map(|steps| (greatest / f32::from(steps)).max(least));
        let rows = scales.flat_map(|scale| [1, taps].map(|taps| Self::rounded(weights, taps, scale)));
        let by_error = rows.map(|row| (row.error(weights, taps), row)).min_by(|a, b| a.0.total_cmp(&b.0));
        by_error.map_or_else(|| Self::nearest(weights, least), |(_, row)| row)
    }

    /// Rounds weight after weight; within a run of `taps` what one errs by is made up for by the next.
    fn rounded(weights: &[f32], taps: usize, scale: f32) -> Self {
        let mut steps = Vec::with_capacity(weights.len());
        for run in weights.chunks(taps.max(1)) {
            let mut missing = 0.0;
            for weight in run {
                let exact = weight / scale + missing;
                let step = exact.round_ties_even().clamp(-127.0, 127.0);
                missing = exact - step;
                steps.push(step as i8);
            }
        }
        Self { scale, steps }
    }

    /// What the output errs by, in power, as a multiple of what neighbouring inputs differ by.
    fn error(&self, weights: &[f32], taps: usize) -> f64 {
        let runs = weights.chunks(taps.max(1)).zip(self.steps.chunks(taps.max(1)));
        let of_run = |(weights, steps): (&[f32], &[i8])| {
            let off = weights.iter().zip(steps).map(|(&w, &step)| f64::from(f32::from(step) * self.scale - w));
            let (sum, squares) = off.fold((0.0, 0.0), |(sum, squares), off| (sum + off, squares + off * off));
            squares + IN_COMMON * sum * sum
        };
        runs.map(of_run).sum()
    }
}

/// The greatest weight, without its sign.
fn greatest(weights: &[f32]) -> f32 {
    weights.iter().fold(0.0, |greatest, weight| greatest.max(weight.abs()))
}

#[cfg(test)]
mod tests {
    use super::Row;

    #[test]
    fn few_weights_are_nearly_whole_numbers_of_steps() {
        // Of 100 steps: 100, 37 and -81.
        let row = Row::finest(&[1.0, 0.37, -0.81], 3, 0.0);
        assert_eq!((row.scale, row.steps), (0.01, vec![100, 37, -81]));
        assert_eq!(Row::finest(&[0.0, 0.0], 2, 1e-9).steps, [0, 0]);
        assert_eq!(Row::finest(&[0.5], 1, 0.25), Row { scale: 0.25, steps: vec![2] });
    }

    #[test]
    fn errors_of_neighbours_cancel() {
        // Of 127 steps: 127, and 38.1 each, of which the tenths add up.
        let weights: Vec<f32> = std::iter::once(1.0).chain(std::iter::repeat_n(0.3, 89)).collect();
        let off = |row: &Row| -> f32 {
            weights.iter().zip(&row.steps).map(|(weight, &step)| f32::from(step) * row.scale - weight).sum()
        };
        let together = Row::rounded(&weights, 90, 1.0 / 127.0);
        assert!(off(&together).abs() <= 0.51 / 127.0, "{}", off(&together));
        let (nearest, finest) = (Row::nearest(&weights, 0.0), Row::finest(&weights, 90, 0.0));
        assert!(finest.error(&weights, 90) < nearest.error(&weights, 90));
    }
}
