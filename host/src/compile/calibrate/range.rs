//! From the values that a tensor has on the calibration audio to the range that its bytes cover.

use earmark_core::model::Element;

use super::super::ir::Quant;

/// Bins of a histogram.
const BINS: usize = 2048;
/// Share of the values that [`Ranges::Percentile`] leaves out on each side.
const CUT: f64 = 5e-5;
/// Smallest part of the whole range that [`Ranges::MeanSquare`] tries, in percent.
const NARROWEST: u32 = 30;

/// How the range of a tensor is chosen. What lies outside becomes the nearest value inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ranges {
    /// Whichever of the others gives the least noise at the network's output.
    #[default]
    Best,
    /// From the least to the greatest value.
    MinMax,
    /// All but 0.005 % of the values on each side.
    Percentile,
    /// The range with the least mean square error of rounding and of what is cut off together.
    MeanSquare,
}

impl Ranges {
    /// What the option `--ranges` calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::MinMax => "min-max",
            Self::Percentile => "percentile",
            Self::MeanSquare => "mean-square",
        }
    }

    /// The ways to try: the first, and others.
    pub(super) const fn candidates(self) -> (Self, &'static [Self]) {
        match self {
            Self::Best => (Self::MinMax, &[Self::Percentile, Self::MeanSquare]),
            one => (one, &[]),
        }
    }

    /// The least and the greatest value that bytes are to stand for.
    pub(super) fn choose(self, values: &Histogram) -> [f32; 2] {
        match self {
            Self::Best | Self::MinMax => [values.low, values.high],
            Self::Percentile => values.percentile(),
            Self::MeanSquare => values.least_squares(),
        }
    }
}

/// Steps over a range, which is widened to hold 0: padding and Relu need an exact one. Of int16 as many lie on either side of it.
pub(super) fn quant([low, high]: [f32; 2], element: Element) -> Quant {
    let (low, high) = (low.min(0.0), high.max(0.0));
    if element == Element::Int16 {
        let scale = high.max(-low) / f32::from(i16::MAX);
        return Quant::int16(if scale.is_normal() { scale } else { 1.0 });
    }
    let scale = (high - low) / 255.0;
    if !scale.is_normal() {
        return Quant::bytes(1.0, 0);
    }
    let zero_point = (-128.0 - low / scale).round_ties_even().clamp(-128.0, 127.0);
    Quant::bytes(scale, zero_point as i8)
}

/// How often which values occur.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram {
    low: f32,
    high: f32,
    counts: Vec<u64>,
}

impl Histogram {
    pub(super) fn new([low, high]: [f32; 2]) -> Self {
        Self { low, high, counts: vec![0; BINS] }
    }

    pub(super) fn add(&mut self, value: f32) {
        let place = (value - self.low) / (self.high - self.low) * BINS as f32;
        self.counts[(place as usize).min(BINS - 1)] += 1;
    }

    /// Counts what another one of the same bounds has counted.
    pub(super) fn join(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, other)| *count += other);
    }

    fn width(&self) -> f32 {
        (self.high - self.low) / BINS as f32
    }

    /// The middle of each bin and how many values are in it.
    fn bins(&self) -> impl Iterator<Item = (f64, u64)> {
        let (low, width) = (f64::from(self.low), f64::from(self.width()));
        self.counts.iter().enumerate().map(move |(index, &count)| ((index as f64 + 0.5).mul_add(width, low), count))
    }

    fn percentile(&self) -> [f32; 2] {
        let left_out = (self.counts.iter().sum::<u64>() as f64 * CUT) as u64;
        let empty_below = |counts: &mut dyn Iterator<Item = &u64>| {
            let mut sum = 0;
            let within = |count: &&u64| {
                sum += **count;
                sum <= left_out
            };
            counts.take_while(within).count() as f32
        };
        let below = empty_below(&mut self.counts.iter());
        let above = empty_below(&mut self.counts.iter().rev());
        [self.low + below * self.width(), self.high - above * self.width()]
    }

    fn least_squares(&self) -> [f32; 2] {
        let bins: Vec<(f64, f64)> =
            self.bins().filter(|&(_, count)| count > 0).map(|(value, count)| (value, count as f64)).collect();
        let error = |part: u32| {
            let part = f64::from(part) / 100.0;
            let [low, high] = [self.low.min(0.0), self.high.max(0.0)].map(|bound| f64::from(bound) * part);
            // The variance of a value within a step.
            let rounding = ((high - low) / 255.0).powi(2) / 12.0;
            bins.iter()
                .map(|&(value, count)| {
                    let cut_off = (value - value.clamp(low, high)).powi(2);
                    count * if cut_off > 0.0 { cut_off } else { rounding }
                })
                .sum::<f64>()
        };
        let errors = (NARROWEST..=100).rev().map(|part| (part, error(part)));
        let best = errors.min_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(100, |(part, _)| part);
        [self.low, self.high].map(|bound| bound * best as f32 / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Many small values and few large ones.
    fn outliers() -> Histogram {
        let mut values = Histogram::new([-1.0, 100.0]);
        (0..100_000).for_each(|index| values.add((index % 1000) as f32 / 500.0 - 1.0));
        values.add(100.0);
        values
    }

    #[test]
    fn rare_values_are_cut_off() {
        assert_eq!(Ranges::MinMax.choose(&outliers()), [-1.0, 100.0]);
        let [low, high] = Ranges::Percentile.choose(&outliers());
        assert!(low == -1.0 && (1.0..1.1).contains(&high), "{low} {high}");
        // Of a part p of the range the one large value loses (100 − 100 p)², the others about 100,000 · (101 p / 255)² / 12 by rounding:
        // least near p = 0.88; what is cut off of the values near −1 makes it somewhat more.
        let [_, high] = Ranges::MeanSquare.choose(&outliers());
        assert!((88.0..95.0).contains(&high), "{high}");
    }

    #[test]
    fn a_range_holds_zero_and_its_ends() {
        for (range, least, most) in [([-1.0, 3.0], -1.0, 3.0), ([2.0, 4.0], 0.0, 4.0), ([-4.0, -2.0], -4.0, 0.0)] {
            let quant = quant(range, Element::Int8);
            assert_eq!(quant.real(quant.step(0.0)), 0.0);
            assert!((quant.real(-128) - least).abs() <= quant.scale / 2.0, "{quant:?}");
            assert!((quant.real(127) - most).abs() <= quant.scale / 2.0, "{quant:?}");
        }
        assert_eq!(quant([0.0, 0.0], Element::Int8).step(0.0), 0);
        let wide = quant([-3.0, 1.0], Element::Int16);
        assert_eq!((wide.zero_point, wide.step(-3.0), wide.step(1.5), wide.step(9.0)), (0, -32_767, 16_384, 32_767));
    }
}
