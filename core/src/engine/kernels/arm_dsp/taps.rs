//! The depthwise convolution's inner loops.
//!
//! A word of inputs and one of weights hold four channels under one tap. `SXTB16` makes a pair of channels 0 and 2 and a pair of 1 and 3 of
//! each; `SMLABB` and `SMLATT` multiply the lower and the upper of two pairs.

/// Channels worked on at a time.
pub(super) const CHANNELS: usize = 4;

/// Sums of four times `fours` channels at four positions: of each channel, the sums of all positions.
///
/// From one position to the next, `table_step` is added to where its places begin, and `step` to all addresses of inputs.
///
/// # Safety
/// `places` has pairs of addresses for each of the positions, one for inputs and one for weights, of which the first `taps`, at least
/// one, count: so many words, at least one, can be read `channel` bytes behind each. There are so many biases, and places for sums.
#[unsafe(naked)]
#[allow(clippy::too_many_arguments)] // As many as the loop has.
pub(super) unsafe extern "C" fn of_four_positions(
    places: *const [*const i8; 2],
    taps: usize,
    channel: usize,
    biases: *const i32,
    sums: *mut i32,
    fours: usize,
    table_step: usize,
    step: usize,
) {
    // r0 places; r1 their end; r2 channel; r3 biases; r4–r7 sums; r8, r9 two inputs each; r10, r11 two weights each; r12 where the sums
    // go; lr channel and steps of inputs. On the stack: 0 bytes of a position's taps, 4 end of a channel's sums, 8 biases' end,
    // 12 places; 64 from the end of a position's places to the next ones, 68 step.
    dsp_asm!(
        ".macro earmark_tap",
        "ldrd r8, r10, [r0], #8",
        "ldr r9, [r8, lr]",
        "ldr r11, [r10, r2]",
        "sxtb16 r8, r9",
        "sxtb16 r10, r11",
        "sxtb16 r9, r9, ror #8",
        "sxtb16 r11, r11, ror #8",
        "smlabb r4, r8, r10, r4",
        "smlabb r5, r9, r11, r5",
        "smlatt r6, r8, r10, r6",
        "smlatt r7, r9, r11, r7",
        ".endm",
        "push {{r4-r11, lr}}",
        "ldrd r12, r4, [sp, #36]",
        "sub sp, sp, #20",
        "lsl r1, r1, #3",
        "add r4, r3, r4, lsl #4",
        "str r1, [sp]",
        "strd r4, r0, [sp, #8]",
        "ldr r4, [sp, #64]",
        "sub r4, r4, r1",
        "str r4, [sp, #64]",
        "9:",
        "ldr r0, [sp, #12]",
        "mov lr, r2",
        "add r4, r12, #16",
        "str r4, [sp, #4]",
        "0:",
        "ldr r8, [sp]",
        "ldm r3, {{r4-r7}}",
        "add r1, r0, r8",
        // An odd number of taps begins with the second of two.
        "tst r8, #8",
        "bne 2f",
        "1:",
        "earmark_tap",
        "2:",
        "earmark_tap",
        "cmp r0, r1",
        "bne 1b",
        "str r5, [r12, #16]",
        "str r6, [r12, #32]",
        "str r7, [r12, #48]",
        "str r4, [r12], #4",
        "ldr r8, [sp, #4]",
        "ldrd r9, r10, [sp, #64]",
        "add lr, lr, r10",
        "add r0, r0, r9",
        "cmp r12, r8",
        "bne 0b",
        "ldr r8, [sp, #8]",
        "add r2, r2, #4",
        "add r3, r3, #16",
        "add r12, r12, #48",
        "cmp r3, r8",
        "bne 9b",
        "add sp, sp, #20",
        "pop {{r4-r11, pc}}",
        ".purgem earmark_tap",
    )
}

/// Sums of four times `fours` channels at one position, in the order of [`of_one_row`](super::outputs::of_one_row): those of the even
/// channels of eight, then those of the odd ones.
///
/// # Safety
/// `places` has `taps` pairs of addresses, at least one, for inputs and for weights: so many words can be read `channel` bytes behind
/// each. There are so many biases, and places for sums of whole blocks.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn of_one_position(
    places: *const [*const i8; 2],
    taps: usize,
    channel: usize,
    biases: *const i32,
    sums: *mut i32,
    fours: usize,
) {
    // As above, but inputs are read by r2 as well, and lr is the first place. On the stack: 0 bytes of the taps, 4 biases' end.
    dsp_asm!(
        ".macro earmark_tap",
        "ldrd r8, r10, [r0], #8",
        "ldr r9, [r8, r2]",
        "ldr r11, [r10, r2]",
        "sxtb16 r8, r9",
        "sxtb16 r10, r11",
        "sxtb16 r9, r9, ror #8",
        "sxtb16 r11, r11, ror #8",
        "smlabb r4, r8, r10, r4",
        "smlabb r5, r9, r11, r5",
        "smlatt r6, r8, r10, r6",
        "smlatt r7, r9, r11, r7",
        ".endm",
        "push {{r4-r11, lr}}",
        "ldrd r12, r4, [sp, #36]",
        "sub sp, sp, #12",
        "lsl r1, r1, #3",
        "add r4, r3, r4, lsl #4",
        "strd r1, r4, [sp]",
        "add r1, r0, r1",
        "mov lr, r0",
        "0:",
        "ldr r8, [sp]",
        "mov r0, lr",
        "ldm r3!, {{r4-r7}}",
        "tst r8, #8",
        "bne 2f",
        "1:",
        "earmark_tap",
        "2:",
        "earmark_tap",
        "cmp r0, r1",
        "bne 1b",
        "ldr r8, [sp, #4]",
        "str r5, [r12, #16]",
        "str r7, [r12, #20]",
        "str r6, [r12, #4]",
        "str r4, [r12], #8",
        "add r2, r2, #4",
        // After the second four channels the next block follows the odd ones' sums.
        "tst r2, #4",
        "it eq",
        "addeq r12, r12, #16",
        "cmp r3, r8",
        "bne 0b",
        "add sp, sp, #12",
        "pop {{r4-r11, pc}}",
        ".purgem earmark_tap",
    )
}
