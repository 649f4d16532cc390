//! Real factors as integers over a power of two.

/// `factors ≈ integers / 2^shift` with the greatest shift up to `max_shift` at which no integer is above 2^30, and none
/// more than needed to hold all factors exactly. `None` if a factor is too large or not finite.
///
/// An `f32` has 24 significant bits, so a single factor is held exactly, and so are two of similar size: ratios such as
/// 3/2 stay ratios, and the ties that they make stay ties.
pub fn fixed_point<const N: usize>(factors: [f32; N], max_shift: u8) -> Option<([i32; N], u8)> {
    const LIMIT: f64 = (1u32 << 30) as f64;
    let scaled = |shift: u8| factors.map(|factor| f64::from(factor) * (shift as f64).exp2());
    let fits = |shift: u8| scaled(shift).iter().all(|value| value.abs() <= LIMIT);
    let exact = |shift: u8| scaled(shift).iter().all(|value| value.fract() == 0.0);
    let finite = factors.iter().all(|factor| factor.is_finite());
    let greatest = (0..=max_shift).rev().find(|&shift| finite && fits(shift))?;
    let shift = (0..greatest).find(|&shift| exact(shift)).unwrap_or(greatest);
    Some((scaled(shift).map(|value| value.round_ties_even() as i32), shift))
}

#[cfg(test)]
mod tests {
    use super::fixed_point;

    #[test]
    fn simple_ratios_are_exact() {
        assert_eq!(fixed_point([1.5, 0.5], 62), Some(([3, 1], 1)));
        assert_eq!(fixed_point([1.0], 62), Some(([1], 0)));
        assert_eq!(fixed_point([-0.25, 2.0], 62), Some(([-1, 8], 2)));
    }

    #[test]
    fn any_f32_is_exact_and_two_nearly() {
        let ([integer], shift) = fixed_point([0.1], 62).unwrap();
        assert_eq!(f64::from(integer) / f64::from(shift).exp2(), f64::from(0.1f32));
        let ([_, small], shift) = fixed_point([0.9, 1e-6], 62).unwrap();
        assert!((f64::from(small) / f64::from(shift).exp2() - 1e-6).abs() < 1e-9);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(fixed_point([f32::INFINITY], 62), None);
        assert_eq!(fixed_point([3e9], 62), None);
        assert_eq!(fixed_point([1e-30], 40).map(|(integers, _)| integers), Some([0]));
    }
}
