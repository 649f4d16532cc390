//! The logarithm of an integer.

/// Bits of a fraction that choose an entry of the table.
const INDEX: u32 = 6;
/// Fractional bits of a logarithm.
pub(super) const FRACTION: u32 = 16;

/// log₂(1 + i/64), times 2^[`FRACTION`] and rounded.
static LOGARITHMS: [u32; (1 << INDEX) + 1] = {
    let mut logarithms = [0; (1 << INDEX) + 1];
    let mut i = 0;
    while i <= 1 << INDEX {
        logarithms[i] = (log2_of_sum(i as f64 / (1 << INDEX) as f64) * (1 << FRACTION) as f64 + 0.5) as u32;
        i += 1;
    }
    logarithms
};

/// log₂(1 + x) for 0..=1: with s = x/(2 + x), ln(1 + x) = 2·(s + s³/3 + s⁵/5 + …).
const fn log2_of_sum(x: f64) -> f64 {
    let s = x / (2.0 + x);
    let (mut sum, mut power) = (0.0, s);
    let mut n = 1.0;
    // s is at most 1/3, so that what is left out is below 1e-20.
    while n < 40.0 {
        sum += power / n;
        power *= s * s;
        n += 2.0;
    }
    2.0 * sum * core::f64::consts::LOG2_E
}

/// log₂ x, times 2^[`FRACTION`], between the entries of a table on a straight line: at most 4 of its units too small. Of 0 it is 0.
#[inline]
pub(super) fn log2(x: u64) -> u32 {
    let zeros = x.leading_zeros();
    if zeros == u64::BITS {
        return 0;
    }
    // The upper half, its first bit the highest that is set, and taken off.
    let fraction = ((x << zeros) >> 32) as u32 & (u32::MAX >> 1);
    let index = (fraction >> (31 - INDEX)) as usize;
    let between = (fraction >> (31 - INDEX - FRACTION)) & 0xffff;
    let entry = |index: usize| LOGARITHMS.get(index).copied().unwrap_or_default();
    let (low, high) = (entry(index), entry(index + 1));
    ((63 - zeros) << FRACTION) + low + (((high - low) * between) >> 16)
}

#[cfg(test)]
mod tests {
    use super::{FRACTION, log2};

    #[test]
    fn the_logarithm_is_right_to_a_few_units() {
        let check = |x: u64| {
            let exact = libm::log2(x as f64) * f64::from(1 << FRACTION);
            let error = f64::from(log2(x)) - exact;
            assert!((-4.0..=1.0).contains(&error), "{x}: {error}");
        };
        for exponent in 0..64 {
            for mantissa in 0..1_000_u64 {
                check(1_u64 << exponent | ((mantissa << 54) >> (63 - exponent)));
            }
        }
        (1..100_000).for_each(check);
        [u64::MAX, u64::MAX - 1, 1 << 63].into_iter().for_each(check);
        assert_eq!(log2(0), 0);
    }
}
