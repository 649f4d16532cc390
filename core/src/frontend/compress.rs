//! The logarithm of a band's energy.

use super::spec::Compression;

/// 10 / ln 10: decibels in a neper of power.
const DECIBELS: f32 = 10.0 / core::f32::consts::LN_10;

/// ln x of a positive, finite x.
///
/// With x = m·2^e, m in √½..√2 and s = (m − 1)/(m + 1), ln x = e·ln 2 + 2·(s + s³/3 + s⁵/5 + s⁷/7 + …), of which the terms written out are
/// right to 2^-23 of the sum; |s| is at most 0.172. All in all it is off by at most 2^-22 of |ln x|, or 2^-24 if that is more.
///
/// It takes a third of the instructions of the `libm` crate's.
#[inline]
fn ln(x: f32) -> f32 {
    /// Bits of a number's fraction.
    const FRACTION: u32 = 23;
    let half_root = core::f32::consts::FRAC_1_SQRT_2.to_bits();
    // Subnormal numbers are made larger first.
    let (x, raised) = if x < f32::MIN_POSITIVE { (x * (1u32 << FRACTION) as f32, FRACTION as i32) } else { (x, 0) };
    let above = x.to_bits().wrapping_sub(half_root).cast_signed();
    let exponent = above >> FRACTION;
    let mantissa = f32::from_bits(x.to_bits().wrapping_sub((exponent << FRACTION).cast_unsigned()));
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series = s + s * square * (1.0 / 3.0 + square * (1.0 / 5.0 + square * (1.0 / 7.0)));
    (exponent - raised) as f32 * core::f32::consts::LN_2 + 2.0 * series
}

/// Replaces every sum, which is zero or more, by its logarithm; `floor` is more than zero.
pub(super) fn apply(compression: Compression, floor: f32, sums: &mut [f32]) {
    let at_least_floor = |x: f32| if x > floor { x } else { floor };
    match compression {
        Compression::LnPlus => sums.iter_mut().for_each(|x| *x = ln(*x + floor)),
        Compression::LnMax => sums.iter_mut().for_each(|x| *x = ln(at_least_floor(*x))),
        Compression::DecibelMax => sums.iter_mut().for_each(|x| *x = DECIBELS * ln(at_least_floor(*x))),
    }
}

#[cfg(test)]
mod tests {
    use super::ln;

    fn check(x: f32) {
        let exact = libm::log(f64::from(x));
        let allowed = (exact.abs() / f64::from(1 << 22)).max(1.0 / f64::from(1 << 24));
        assert!((f64::from(ln(x)) - exact).abs() <= allowed, "ln {x:e} is {exact}, not {}", ln(x));
    }

    #[test]
    fn the_logarithm_is_right_to_a_bit_or_two() {
        for bits in (1..f32::INFINITY.to_bits()).step_by(9_973) {
            check(f32::from_bits(bits));
        }
        // Around 1 and around where the exponent changes.
        for centre in [0.5f32, core::f32::consts::FRAC_1_SQRT_2, 1.0, core::f32::consts::SQRT_2, 2.0] {
            (centre.to_bits() - 5_000..centre.to_bits() + 5_000).for_each(|bits| check(f32::from_bits(bits)));
        }
        [f32::from_bits(1), f32::MIN_POSITIVE, f32::MAX].into_iter().for_each(check);
    }
}
