//! How sure a figure is that was counted.

/// Standard deviations on both sides of the mean that hold 95 % of a normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % interval of a share of which `hits` of `n` were seen, by Wilson's score: it holds for shares near 0 and 1 too.
///
/// `[0, 1]` if nothing was seen. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
///
/// ```
/// let [low, high] = earmark::eval::wilson(9, 10);
/// assert!((low - 0.5958).abs() < 1e-4 && (high - 0.9821).abs() < 1e-4);
/// ```
#[must_use]
pub fn wilson(hits: usize, n: usize) -> [f64; 2] {
    if n == 0 {
        return [0.0, 1.0];
    }
    let (hits, n) = (hits as f64, n as f64);
    let share = hits / n;
    let centre = share + Z * Z / (2.0 * n);
    let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    [((centre - spread) / scale).max(0.0), ((centre + spread) / scale).min(1.0)]
}

/// The 95 % upper bound of the mean of a Poisson distribution of which `count` was seen: the mean at which so few would be seen
/// once in twenty times. 3.0 for a count of 0.
///
/// Garwood, "Fiducial limits for the Poisson distribution", 1936, one-sided.
///
/// ```
/// assert!((earmark::eval::poisson_bound(0) - 2.9957).abs() < 1e-4);
/// assert!((earmark::eval::poisson_bound(3) - 7.7537).abs() < 1e-4);
/// ```
#[must_use]
pub fn poisson_bound(count: usize) -> f64 {
    /// Halvings of the interval: more than a double has bits.
    const STEPS: u32 = 60;
    // The bound lies below the mean plus four deviations plus what a count of 0 needs.
    let (mut low, mut high) = (0.0, count as f64 + 4.0 * (count as f64).sqrt() + 4.0);
    for _ in 0..STEPS {
        let middle = (low + high) / 2.0;
        if poisson_at_most(count, middle) > 0.05 { low = middle } else { high = middle }
    }
    high
}

/// The probability of `count` or fewer, where `mean` is above 0. Terms are added in logarithms, so that none underflows early.
fn poisson_at_most(count: usize, mean: f64) -> f64 {
    let mut log_term = -mean;
    let mut sum = log_term.exp();
    for k in 1..=count {
        log_term += (mean / k as f64).ln();
        sum += log_term.exp();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_for_large_counts() {
        // scipy.stats.chi2.ppf(0.95, 2 * (k + 1)) / 2
        for (count, bound) in [(1, 4.743_864_518), (10, 16.962_219_24), (1_000, 1_053.603_122)] {
            assert!((poisson_bound(count) / bound - 1.0).abs() < 1e-6, "{count}: {}", poisson_bound(count));
        }
    }

    #[test]
    fn shares_at_the_ends_have_intervals() {
        assert_eq!(wilson(0, 0), [0.0, 1.0]);
        assert_eq!(wilson(0, 10)[0], 0.0);
        assert!((wilson(10, 10)[1] - 1.0).abs() < 1e-12);
    }
}
