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
pub(super) fn turn(step: usize) -> [f32; 2] {
    // A mask in place of a check that cannot fail.
    [COSINES[step % QUARTER], -COSINES[(QUARTER - step) % QUARTER]]
}

#[cfg(test)]
mod tests {
    use super::{QUARTER, turn};

    #[test]
    fn turns_are_rounded_once() {
        for step in 1..QUARTER {
            let angle = core::f64::consts::TAU * step as f64 / (4 * QUARTER) as f64;
            assert_eq!(turn(step), [libm::cos(angle) as f32, -libm::sin(angle) as f32], "{step}");
        }
    }
}
