//! The cosines that the transform turns by.

use super::spec::MAX_FFT_LENGTH;

/// Steps in a quarter of a turn.
pub(super) const QUARTER: usize = MAX_FFT_LENGTH / 4;

/// cos(2π·i / [`MAX_FFT_LENGTH`]) of the first quarter of a turn, rounded once.
static COSINES: [f32; QUARTER] = {
    let mut cosines = [0.0; QUARTER];
    let mut i = 0;
    while i < QUARTER {
        cosines[i] = cosine(core::f64::consts::TAU * i as f64 / MAX_FFT_LENGTH as f64) as f32;
        i += 1;
    }
    cosines
};

/// −cos(2π·i / [`MAX_FFT_LENGTH`]) of the first quarter of a turn and its end, times 2³¹ and rounded: −1 is there, which 1 would not be.
static FIXED_COSINES: [i32; QUARTER + 1] = {
    let mut cosines = [0; QUARTER + 1];
    let mut i = 0;
    while i < QUARTER {
        let angle = core::f64::consts::TAU * i as f64 / MAX_FFT_LENGTH as f64;
        cosines[i] = (-cosine(angle) * (1_u32 << 31) as f64 - 0.5) as i32;
        i += 1;
    }
    cosines
};

/// The cosine of an angle in the first quarter, by its power series.
const fn cosine(angle: f64) -> f64 {
    let square = angle * angle;
    let (mut sum, mut term) = (1.0, 1.0);
    let mut n = 1.0;
    // The twelfth term is below 1e-14 of the first in a quarter of a turn; those behind it are below the last bit of the sum.
    while n < 32.0 {
        term *= -square / (n * (n + 1.0));
        sum += term;
        n += 2.0;
    }
    sum
}

/// e^(−2πi·`step` / [`MAX_FFT_LENGTH`]) as cosine and negative sine, for steps of 1 to [`QUARTER`] − 1.
#[inline(always)]
pub(super) const fn turn(step: usize) -> [f32; 2] {
    // A mask in place of a check that cannot fail.
    [COSINES[step % QUARTER], -COSINES[(QUARTER - step) % QUARTER]]
}

/// As [`turn`] in units of 2⁻³¹, for steps of 1 to 3·[`QUARTER`] − 1.
#[inline(always)]
pub(super) fn fixed_turn(step: usize) -> [i32; 2] {
    // Up to the end of a quarter.
    let negative = |step: usize| FIXED_COSINES.get(step).copied().unwrap_or_default();
    let (quarter, within) = (step / QUARTER, step % QUARTER);
    match quarter {
        // Neither is 1 here, but at step 0.
        0 => [negative(within).wrapping_neg(), negative(QUARTER - within)],
        1 => [negative(QUARTER - within), negative(within)],
        _ => [negative(within), -negative(QUARTER - within)],
    }
}

#[cfg(test)]
mod tests {
    use super::{QUARTER, fixed_turn, turn};

    #[test]
    fn turns_are_rounded_once() {
        for step in 1..QUARTER {
            let angle = core::f64::consts::TAU * step as f64 / (4 * QUARTER) as f64;
            assert_eq!(turn(step), [libm::cos(angle) as f32, -libm::sin(angle) as f32], "{step}");
        }
    }

    #[test]
    fn turns_of_fixed_point_are_rounded_once() {
        for step in 1..3 * QUARTER {
            let angle = core::f64::consts::TAU * step as f64 / (4 * QUARTER) as f64;
            let exact = [libm::cos(angle), -libm::sin(angle)].map(|x| libm::round(x * f64::from(1_u32 << 31)));
            assert_eq!(fixed_turn(step).map(f64::from), exact, "{step}");
        }
    }
}
