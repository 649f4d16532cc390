//! Sums of two tensors.

use super::instructions::saturate;
use crate::engine::kernels::generic::Generic;
use crate::engine::kernels::{Kernels, Sum};

/// Sums in 64 bits of which, after the shift, 32 count.
pub(super) fn sum(sum: &Sum, a: &[i8], b: &[i8], output: &mut [i8]) {
    let [zero_a, zero_b] = sum.zero_points.map(i64::from);
    let [factor_a, factor_b] = sum.multipliers.map(i64::from);
    // No term is more than 255 steps from its zero point; the output's own is added before the shift.
    let greatest = 255 * (factor_a.abs() + factor_b.abs()) + (1 << sum.shift.min(31));
    if !(1..=31).contains(&sum.shift) || greatest >> sum.shift >= 1 << 30 {
        return Generic.sum(sum, a, b, output);
    }
    let half = 1i64 << (sum.shift - 1);
    let start = half + (i64::from(sum.zero_point) << sum.shift) - zero_a * factor_a - zero_b * factor_b;
    let up = 32 - sum.shift;
    let [low, high] = sum.clamp;
    let zero_point = i32::from(sum.zero_point);
    for ((output, &a), &b) in output.iter_mut().zip(a).zip(b) {
        let exact = start + i64::from(a) * factor_a + i64::from(b) * factor_b;
        let (lower, upper) = (exact as u32, (exact >> 32) as u32);
        let mut value = (lower >> (sum.shift & 31) | upper << (up & 31)).cast_signed();
        // Half a step was added: where nothing is left over, the value was midway, and the even one of its neighbours is right.
        if lower << (up & 31) == 0 {
            value -= (value ^ zero_point) & 1;
        }
        *output = (saturate(value) as i8).max(low).min(high);
    }
}
