//! Sums of two tensors, exact in 64 bits.

use super::clamp;
use super::instructions::saturate;
use crate::engine::kernels::Kernels;
use crate::engine::kernels::Sum;
use crate::engine::kernels::generic::Generic;

/// Greatest shift that leaves room for the output's zero point in 64 bits.
const MOST: u32 = 54;

/// What every value of a sum needs. Half a step and the zero point are added, and the terms' zero points taken off, from the start.
#[repr(C)]
struct Terms {
    start: i64,
    factors: [i32; 2],
    shift: u32,
    /// 32 − shift, of which only the lower five bits count.
    up: u32,
    zero_point: i32,
}

pub(super) fn sum(sum: &Sum, a: &[i8], b: &[i8], output: &mut [i8]) {
    let count = output.len().min(a.len()).min(b.len());
    let (a, b, output) = (&a[..count], &b[..count], &mut output[..count]);
    let factors = sum.multipliers.map(i64::from);
    // No term is more than 255 steps from its zero point. After the shift 32 bits must hold the sum and the output's zero point.
    let greatest = 255 * (factors[0].abs() + factors[1].abs());
    let start = || {
        let half = (1i64 << sum.shift) >> 1;
        let [zero_a, zero_b] = sum.zero_points.map(i64::from);
        half + (i64::from(sum.zero_point) << sum.shift) - zero_a * factors[0] - zero_b * factors[1]
    };
    let terms = || Terms {
        start: start(),
        factors: sum.multipliers,
        shift: sum.shift,
        up: 32 - (sum.shift & 31),
        zero_point: sum.zero_point.into(),
    };
    match sum.shift {
        _ if count == 0 => return,
        // SAFETY: there are so many values and places, at least one, and the shift is one of those that it takes.
        1..=31 if greatest >> sum.shift < 1 << 30 => unsafe {
            of_short_shift(a.as_ptr(), b.as_ptr(), output.as_mut_ptr(), a.as_ptr_range().end, &terms());
        },
        32..=MOST => of_long_shift(&terms(), a, b, output),
        _ => return Generic.sum(sum, a, b, output),
    }
    clamp(sum.clamp, output);
}

/// Adds up values, from `a` to `end`, for shifts of 1 to 31: bits of both words of an exact sum are left.
///
/// Half a step was added: where nothing is left over, the value was midway, and the even one of its neighbours is right.
///
/// # Safety
/// From `a` to `end` there is at least one value, and so many are at `b` and have places at `output`.
#[unsafe(naked)]
unsafe extern "C" fn of_short_shift(a: *const i8, b: *const i8, output: *mut i8, end: *const i8, terms: &Terms) {
    // r0 a; r1 b; r2 output; r3 end; r4, r5 an exact sum; r6, r7 its start; r8, r9 factors; r10 shift; r11 up; r12 a value, an output;
    // lr the other value.
    dsp_asm!(
        "push {{r4-r11, lr}}",
        "ldr r12, [sp, #36]",
        "ldm r12, {{r6-r11}}",
        "1:",
        "ldrsb r12, [r0], #1",
        "ldrsb lr, [r1], #1",
        "mov r4, r6",
        "mov r5, r7",
        "smlal r4, r5, r12, r8",
        "smlal r4, r5, lr, r9",
        "lsr r12, r4, r10",
        "lsl r5, r5, r11",
        "orr r12, r12, r5",
        "lsls r4, r4, r11",
        "beq 3f",
        "2:",
        "ssat r12, #8, r12",
        "strb r12, [r2], #1",
        "cmp r0, r3",
        "bne 1b",
        "pop {{r4-r11, pc}}",
        "3:",
        "ldr lr, [sp, #36]",
        "ldr lr, [lr, #24]",
        "eor lr, lr, r12",
        "and lr, lr, #1",
        "sub r12, r12, lr",
        "b 2b",
    )
}

/// The same for shifts of 32 to [`MOST`], which leave only the upper word.
fn of_long_shift(terms: &Terms, a: &[i8], b: &[i8], output: &mut [i8]) {
    let [factor_a, factor_b] = terms.factors.map(i64::from);
    let shift = terms.shift & 31;
    for ((output, &a), &b) in output.iter_mut().zip(a).zip(b) {
        let exact = terms.start.wrapping_add(i64::from(a) * factor_a).wrapping_add(i64::from(b) * factor_b);
        let (lower, upper) = (exact as u32, (exact >> 32) as i32);
        let mut value = upper >> shift;
        if lower == 0 && value << shift == upper {
            value -= (value ^ terms.zero_point) & 1;
        }
        *output = saturate(value) as i8;
    }
}
