//! Sums of two tensors, exact in 64 bits.

use super::clamp;
use super::instructions::saturate;
use crate::engine::kernels::generic::Generic;
use crate::engine::kernels::{Kernels, Sum};

/// Greatest shift that leaves room for the output's zero point in 64 bits.
const MOST: u32 = 54;

pub(super) fn sum(sum: &Sum, a: &[i8], b: &[i8], output: &mut [i8]) {
    let count = output.len().min(a.len()).min(b.len());
    let (a, b, output) = (&a[..count], &b[..count], &mut output[..count]);
    let factors = sum.multipliers.map(i64::from);
    // No term is more than 255 steps from its zero point. After the shift 32 bits must hold the sum and the output's zero point.
    let greatest = 255 * (factors[0].abs() + factors[1].abs());
    match sum.shift {
        1..=31 if greatest >> sum.shift < 1 << 30 => each::<false>(sum, a, b, output),
        32..=MOST => each::<true>(sum, a, b, output),
        _ => return Generic.sum(sum, a, b, output),
    }
    clamp(sum.clamp, output);
}

/// Adds up the slices for shifts that leave only the upper word, if `UPPER`, or that leave bits of the lower one too.
#[inline(always)]
fn each<const UPPER: bool>(sum: &Sum, a: &[i8], b: &[i8], output: &mut [i8]) {
    let [zero_a, zero_b] = sum.zero_points.map(i64::from);
    let [factor_a, factor_b] = sum.multipliers;
    let shift = sum.shift & 31;
    let half = 1i64 << (sum.shift - 1);
    let start =
        half + (i64::from(sum.zero_point) << sum.shift) - zero_a * i64::from(factor_a) - zero_b * i64::from(factor_b);
    let zero_point = i32::from(sum.zero_point);
    for ((output, &a), &b) in output.iter_mut().zip(a).zip(b) {
        let exact =
            start.wrapping_add(i64::from(a) * i64::from(factor_a)).wrapping_add(i64::from(b) * i64::from(factor_b));
        let (lower, upper) = (exact as u32, (exact >> 32) as i32);
        // Half a step was added: where nothing is left over, the value was midway, and the even one of its neighbours is right.
        let (mut value, midway) = if UPPER {
            let value = upper >> shift;
            (value, lower == 0 && value << shift == upper)
        } else {
            let up = (32 - shift) & 31;
            ((lower >> shift | upper.cast_unsigned() << up).cast_signed(), lower << up == 0)
        };
        if midway {
            value -= (value ^ zero_point) & 1;
        }
        *output = saturate(value) as i8;
    }
}
