//! The product's inner loops.
//!
//! Both add the products of a patch of inputs and one block of weights, [`BLOCK`] channels in four pairs, to sums. In a pair of channels E
//! and O, whose weights are laid out as [`layout`](crate::engine::layout) says, one sum counts 256·O + E' and the other E', where E' is E
//! with 128 added to each weight. Their difference is 256 times what O gained.

/// Four rows of inputs against one block of weights.
///
/// `sums` holds for each pair of channels the sums E' of the four rows, then those of O.
///
/// # Safety
/// `inputs` to `end` are at least one and at most [`CHUNK`](super::patch::CHUNK) inputs of each of four rows, as in a
/// [`Patch`](super::patch::Patch); `fours` is where the last whole four tiles of them end; `weights`, at a multiple of four, has
/// as many tiles; `sums` has 32 places.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn four_rows(
    inputs: *const u32,
    fours: *const u32,
    end: *const u32,
    weights: *const i8,
    sums: *mut i32,
) {
    // r0 inputs; r1 weights; r2, r3 a pair of channels' weights for two inputs, as they are and those of E' alone; r4–r7 the sums E';
    // r8–r11 the sums of 256·O + E'; r12, lr two inputs of two rows each.
    // On the stack: 0 inputs, 4 fours, 8 end, 12 weights, 16 sums, 20 the sums' end.
    dsp_asm!(
        ".macro earmark_two_inputs_of_four_rows",
        "ldrd r12, lr, [r0], #8",
        "uxtb16 r3, r2",
        "smlad r8, r12, r2, r8",
        "smlad r9, lr, r2, r9",
        "smlad r4, r12, r3, r4",
        "smlad r5, lr, r3, r5",
        "ldrd r12, lr, [r0], #8",
        "smlad r10, r12, r2, r10",
        "smlad r11, lr, r2, r11",
        "smlad r6, r12, r3, r6",
        "smlad r7, lr, r3, r7",
        ".endm",
        ".macro earmark_tile_of_four_rows at",
        "ldr r2, [r1, #\\at]",
        "earmark_two_inputs_of_four_rows",
        "ldr r2, [r1, #\\at + 4]",
        "earmark_two_inputs_of_four_rows",
        ".endm",
        // The last tile of an iteration moves the pointer to where it ends.
        ".macro earmark_last_tile_of_four_rows at",
        "ldr r2, [r1, #\\at]",
        "earmark_two_inputs_of_four_rows",
        "ldr r2, [r1, #\\at + 4]!",
        "earmark_two_inputs_of_four_rows",
        ".endm",
        "push {{r4-r11, lr}}",
        "ldr r4, [sp, #36]",
        "sub sp, sp, #28",
        "add r5, r4, #128",
        // Weights are read at 28 and 32 bytes from the pointer.
        "sub r3, r3, #28",
        "strd r0, r1, [sp]",
        "strd r2, r3, [sp, #8]",
        "strd r4, r5, [sp, #16]",
        "mov r12, r4",
        "mov r1, r3",
        "1:",
        "ldr r2, [sp, #4]",
        "ldm r12, {{r4-r7}}",
        "mov r8, r4",
        "mov r9, r5",
        "mov r10, r6",
        "mov r11, r7",
        "cmp r0, r2",
        "beq 3f",
        "2:",
        "earmark_tile_of_four_rows 28",
        "earmark_tile_of_four_rows 60",
        "earmark_tile_of_four_rows 92",
        "earmark_last_tile_of_four_rows 124",
        "ldr r2, [sp, #4]",
        "cmp r0, r2",
        "bne 2b",
        "3:",
        "ldr r3, [sp, #8]",
        "cmp r0, r3",
        "beq 5f",
        "4:",
        "earmark_last_tile_of_four_rows 28",
        "ldr r3, [sp, #8]",
        "cmp r0, r3",
        "bne 4b",
        "5:",
        "ldrd r0, r1, [sp, #12]",
        "sub r8, r8, r4",
        "sub r9, r9, r5",
        "sub r10, r10, r6",
        "sub r11, r11, r7",
        "stm r1!, {{r4-r7}}",
        "ldm r1, {{r4-r7}}",
        "add r4, r4, r8, asr #8",
        "add r5, r5, r9, asr #8",
        "add r6, r6, r10, asr #8",
        "add r7, r7, r11, asr #8",
        "stm r1!, {{r4-r7}}",
        // The next pair of channels stands 8 bytes further.
        "mov r12, r1",
        "add r1, r0, #8",
        "ldr r2, [sp, #20]",
        "strd r1, r12, [sp, #12]",
        "ldr r0, [sp]",
        "cmp r12, r2",
        "bne 1b",
        "add sp, sp, #28",
        "pop {{r4-r11, pc}}",
        ".purgem earmark_last_tile_of_four_rows",
        ".purgem earmark_tile_of_four_rows",
        ".purgem earmark_two_inputs_of_four_rows",
    )
}

/// Starts sums of four rows for pairs of channels: those of the even channels from the bias less what their row has too much, those of
/// the odd ones from the bias.
///
/// # Safety
/// There are biases and places for sums for so many pairs, at least one; `surplus` has four numbers.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn start_four_rows(biases: *const i32, pairs: usize, surplus: *const i32, sums: *mut i32) {
    // r0 biases; r1 pairs left; r2 a bias; r3 sums; r4–r7 surplus; r8–r11 four sums; r12 a bias.
    dsp_asm!(
        "push {{r4-r11}}",
        "ldm r2, {{r4-r7}}",
        "1:",
        "ldrd r12, r2, [r0], #8",
        "sub r8, r12, r4",
        "sub r9, r12, r5",
        "sub r10, r12, r6",
        "sub r11, r12, r7",
        "stm r3!, {{r8-r11}}",
        "mov r8, r2",
        "mov r9, r2",
        "mov r10, r2",
        "mov r11, r2",
        "stm r3!, {{r8-r11}}",
        "subs r1, #1",
        "bne 1b",
        "pop {{r4-r11}}",
        "bx lr",
    )
}

/// Takes what the next inputs of a long row have too much off the sums of four rows: see [`start_four_rows`].
///
/// # Safety
/// There are sums for so many pairs of channels, at least one; `surplus` has four numbers.
pub(super) unsafe fn take_off(sums: *mut i32, pairs: usize, surplus: *const i32) {
    for pair in 0..pairs {
        for row in 0..4 {
            // SAFETY: as for this function.
            unsafe {
                let sum = sums.add(8 * pair + row);
                sum.write(sum.read().wrapping_sub(*surplus.add(row)));
            }
        }
    }
}

/// Starts sums of one row for blocks of channels from their biases: those of the even channels of a block, then those of the odd ones.
///
/// # Safety
/// There are biases and places for sums for so many blocks.
pub(super) unsafe fn start_one_row(biases: *const i32, blocks: usize, sums: *mut i32) {
    let (mut from, mut to) = (biases.cast::<[[i32; 2]; 4]>(), sums.cast::<[[i32; 4]; 2]>());
    for _ in 0..blocks {
        // SAFETY: as for this function.
        unsafe {
            let [[e0, o0], [e1, o1], [e2, o2], [e3, o3]] = from.read();
            to.write([[e0, e1, e2, e3], [o0, o1, o2, o3]]);
        }
        (from, to) = (from.wrapping_add(1), to.wrapping_add(1));
    }
}

/// What [`one_row`] works on.
#[repr(C)]
pub(super) struct Blocks {
    /// Inputs of the row, as in a [`Patch`](super::patch::Patch): at least one and at most [`CHUNK_TILES`](super::patch::CHUNK_TILES) tiles.
    pub(super) inputs: *const u32,
    /// Where the last whole four tiles of them end.
    pub(super) fours: *const u32,
    /// Where they end.
    pub(super) end: *const u32,
    /// As many tiles for each block of channels, at a multiple of four.
    pub(super) weights: *const i8,
    /// Bytes from the end of a block's weights to the next block's.
    pub(super) skip: usize,
    /// What the row's sums of even channels gain too much.
    pub(super) surplus: i32,
    /// The sums of all blocks: those of the even channels of a block, then those of the odd ones.
    pub(super) sums: *mut i32,
    /// Where they end, at least a block further.
    pub(super) sums_end: *mut i32,
}

/// One row of inputs against blocks of weights. Of what it works on, the place of the sums is used up.
///
/// # Safety
/// There is all that [`Blocks`] says.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn one_row(blocks: &mut Blocks) {
    // r0 inputs; r1 weights; r2, r3 a pair of channels' weights for four inputs; r4–r7 the sums E' of four pairs of channels;
    // r8–r11 the sums of 256·O + E'; r12, lr four inputs. On the stack: 0 fours, 4 end, 8 what to work on.
    dsp_asm!(
        ".macro earmark_pair_of_channels at, even, both, mark",
        "ldrd r2, r3, [r1, #\\at]\\mark",
        "smlad \\both, r12, r2, \\both",
        "uxtb16 r2, r2",
        "smlad \\both, lr, r3, \\both",
        "uxtb16 r3, r3",
        "smlad \\even, r12, r2, \\even",
        "smlad \\even, lr, r3, \\even",
        ".endm",
        ".macro earmark_tile_of_one_row at, mark",
        "ldrd r12, lr, [r0], #8",
        "earmark_pair_of_channels \\at, r4, r8",
        "earmark_pair_of_channels \\at + 8, r5, r9",
        "earmark_pair_of_channels \\at + 16, r6, r10",
        "earmark_pair_of_channels \\at + 24, r7, r11, \\mark",
        ".endm",
        "push {{r0, r4-r11, lr}}",
        "ldrd r2, r3, [r0, #4]",
        "push {{r2, r3}}",
        "ldr r1, [r0, #12]",
        // Weights are read at 8 to 32 bytes from the pointer.
        "sub r1, r1, #8",
        "1:",
        "ldrd r3, r12, [r0, #20]",
        "ldr r0, [r0]",
        "ldm r12, {{r4-r7}}",
        "sub r4, r4, r3",
        "sub r5, r5, r3",
        "sub r6, r6, r3",
        "sub r7, r7, r3",
        "mov r8, r4",
        "mov r9, r5",
        "mov r10, r6",
        "mov r11, r7",
        "ldr r2, [sp]",
        "cmp r0, r2",
        "beq 3f",
        "2:",
        "earmark_tile_of_one_row 8",
        "earmark_tile_of_one_row 40",
        "earmark_tile_of_one_row 72",
        "earmark_tile_of_one_row 104, !",
        "ldr r2, [sp]",
        "cmp r0, r2",
        "bne 2b",
        "3:",
        "ldr r3, [sp, #4]",
        "cmp r0, r3",
        "beq 5f",
        "4:",
        "earmark_tile_of_one_row 8, !",
        "ldr r3, [sp, #4]",
        "cmp r0, r3",
        "bne 4b",
        "5:",
        "ldr r0, [sp, #8]",
        "sub r8, r8, r4",
        "sub r9, r9, r5",
        "sub r10, r10, r6",
        "sub r11, r11, r7",
        "ldrd r12, r3, [r0, #24]",
        "stm r12!, {{r4-r7}}",
        "ldm r12, {{r4-r7}}",
        "add r4, r4, r8, asr #8",
        "add r5, r5, r9, asr #8",
        "add r6, r6, r10, asr #8",
        "add r7, r7, r11, asr #8",
        "stm r12!, {{r4-r7}}",
        "ldr r2, [r0, #16]",
        "str r12, [r0, #24]",
        "add r1, r1, r2",
        "cmp r12, r3",
        "bne 1b",
        "add sp, sp, #12",
        "pop {{r4-r11, pc}}",
        ".purgem earmark_tile_of_one_row",
        ".purgem earmark_pair_of_channels",
    )
}
