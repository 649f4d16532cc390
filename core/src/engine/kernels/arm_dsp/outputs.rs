//! From sums to outputs: requantisation, the zero point and the range of a byte.
//!
//! A product of a sum and a multiplier has 64 bits. Half of the divisor has none in the lower word, so that only the upper one matters,
//! unless the lower is zero: there may then be a tie, and [`exact`] decides it, as it does for a shift that leaves bits of the lower word.
//! The upper word is shifted right but for one place; twice the zero point is added, and one for the half that rounds; the last place goes with
//! saturation.

use super::instructions::saturate;
use crate::engine::arithmetic::requantise;
use crate::engine::layout::{BLOCK, SHIFT_MASK};

/// The output of one sum, whatever the scale.
#[cold]
pub(super) extern "C" fn exact(scale: u32, sum: i32, zero_point: i32) -> i32 {
    saturate(requantise(sum, scale).saturating_add(zero_point))
}

/// Outputs of one row for blocks of eight channels: of each, the sums of the even channels, then those of the odd ones. `offset` is
/// twice the zero point plus one.
///
/// # Safety
/// There are sums, scales and outputs from the given addresses on for so many blocks, at least one.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn of_one_row(
    sums: *const i32,
    scales: *const u32,
    output: *mut i8,
    blocks: usize,
    offset: i32,
) {
    // r0 a product's lower word; r1 a sum, a product's upper word, an output; r2 output; r3 an even channel's scale, a multiplier;
    // r4 a shift; r6 an odd channel's scale; r8 sums; r9 scales; r10 offset; r11 the scales' end;
    // r12 the end of a block's even sums.
    dsp_asm!(
        ".macro earmark_output scale, at",
        "and r4, \\scale, #{mask}",
        "ldr r1, [r8, #\\at]",
        "subs r4, #33",
        "blt 8f",
        "bic r0, \\scale, #{mask}",
        "smull r0, r1, r1, r0",
        "cbz r0, 8f",
        "asrs r1, r4",
        "add r1, r1, r10",
        "ssat r1, #8, r1, asr #1",
        "7:",
        "strb r1, [r2], #1",
        ".endm",
        ".macro earmark_exact_output scale, at",
        "8:",
        "mov r4, r2",
        "ldr r1, [r8, #\\at]",
        "mov r0, \\scale",
        "asr r2, r10, #1",
        "mov r5, r3",
        "mov r7, r12",
        "bl {exact}",
        "mov r12, r7",
        "mov r3, r5",
        "mov r2, r4",
        "mov r1, r0",
        "b 7b",
        ".endm",
        "push {{r3-r11, lr}}",
        "mov r8, r0",
        "mov r9, r1",
        "ldr r10, [sp, #40]",
        "add r11, r1, r3, lsl #5",
        "1:",
        "add r12, r8, #16",
        "2:",
        "ldrd r3, r6, [r9], #8",
        "earmark_output r3, 0",
        "b 3f",
        "earmark_exact_output r3, 0",
        "3:",
        "earmark_output r6, 16",
        "add r8, #4",
        "cmp r8, r12",
        "bne 2b",
        "add r8, #16",
        "cmp r9, r11",
        "bne 1b",
        "pop {{r3-r11, pc}}",
        "earmark_exact_output r6, 16",
        ".purgem earmark_exact_output",
        ".purgem earmark_output",
        mask = const SHIFT_MASK,
        exact = sym exact,
    )
}

/// Outputs of four rows: of each channel, the sums of all rows. `offset` is twice the zero point plus one; the outputs of a channel stand
/// `step` apart.
///
/// # Safety
/// There are sums and scales from the given addresses on for so many channels, at least one, and outputs of four rows.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn of_four_rows(
    sums: *const i32,
    scales: *const u32,
    output: *mut i8,
    step: usize,
    channels: usize,
    offset: i32,
) {
    // r0 a product's lower word; r1 output; r2 step; r3 multiplier; r4–r7 sums, products' upper words, outputs; r8 sums; r9 scales;
    // r10 offset; r11 shift; lr the scales' end.
    dsp_asm!(
        ".macro earmark_output_of_four sum",
        "smull r0, \\sum, \\sum, r3",
        "cbz r0, 8f",
        "asr \\sum, \\sum, r11",
        "add \\sum, \\sum, r10",
        "ssat \\sum, #8, \\sum, asr #1",
        ".endm",
        ".macro earmark_exact_output_of_four sum, at",
        "ldr r0, [r9, #-4]",
        "ldr r1, [r8, #\\at - 16]",
        "asr r2, r10, #1",
        "bl {exact}",
        "mov \\sum, r0",
        ".endm",
        "push {{r3-r11, lr}}",
        "mov r8, r0",
        "mov r9, r1",
        "mov r1, r2",
        "mov r2, r3",
        "ldrd r3, r10, [sp, #40]",
        "add lr, r9, r3, lsl #2",
        "2:",
        "ldr r3, [r9], #4",
        "ldm r8!, {{r4-r7}}",
        "and r11, r3, #{mask}",
        "subs r11, #33",
        "blt 8f",
        "bic r3, r3, #{mask}",
        "earmark_output_of_four r4",
        "earmark_output_of_four r5",
        "earmark_output_of_four r6",
        "earmark_output_of_four r7",
        "7:",
        "add r0, r1, r2",
        "strb r5, [r1, r2]",
        "strb r6, [r1, r2, lsl #1]",
        "strb r7, [r0, r2, lsl #1]",
        "strb r4, [r1], #1",
        "cmp r9, lr",
        "bne 2b",
        "pop {{r3-r11, pc}}",
        "8:",
        "push {{r1, r2, r3, lr}}",
        "earmark_exact_output_of_four r4, 0",
        "earmark_exact_output_of_four r5, 4",
        "earmark_exact_output_of_four r6, 8",
        "earmark_exact_output_of_four r7, 12",
        "pop {{r1, r2, r3, lr}}",
        "b 7b",
        ".purgem earmark_exact_output_of_four",
        ".purgem earmark_output_of_four",
        mask = const SHIFT_MASK,
        exact = sym exact,
    )
}

const _: () = assert!(BLOCK == 8, "the loops go by blocks of eight channels");
