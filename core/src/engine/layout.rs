//! How weights, biases and scales are laid out in the artifact, and the scratch memory that an operator takes.
//!
//! The compiler packs by these functions and the kernels read by them, so that they can't disagree.
//!
//! **Convolution.** Per output channel the weights form one row of [`depth`] values in the order kernel height, kernel width,
//! input channel, padded with zeros to a multiple of 4. Rows are interleaved in blocks of [`BLOCK`] output channels, four values of
//! each in turn: one 32-byte tile meets four neighbouring inputs. Groups follow one another, each padded to whole blocks.
//!
//! Within a tile, each two neighbouring channels share eight bytes, an even channel E and an odd one O, for the inputs 0 to 3:
//! `E0 O0 E2 O2  E1 O1 E3 O3`; weights of the even channels are stored with 128 added ([`pack_weight`]). Read as 16-bit numbers these are
//! 256·O + (E + 128): on Cortex-M one `SMLAD` sums 256·O + E of two inputs with no unpacking, and one `UXTB16` gives the E + 128, whose
//! sum, taken off, leaves 256·O. For other instructions a shuffle of bytes restores the rows.
//!
//! **Depthwise.** One row of [`depthwise_row`] values a tap: channels last, padded to a multiple of 4.
//!
//! **Requantisation.** [`requantised_channels`] biases (`i32`), then as many packed scales (`u32`): the upper 26 bits are a
//! multiplier below 2^31 (its six lowest bits are zero), the lower 6 bits a right shift in [`MIN_SHIFT`]`..=`[`MAX_SHIFT`].

use crate::model::{Convolution, Op};

/// Output channels that are interleaved.
pub const BLOCK: usize = 8;
/// Inputs that one tile covers.
pub const TILE_DEPTH: usize = 4;
/// Entries of a table over int16: one every 128 steps, and one behind the last.
pub const INT16_ENTRIES: usize = 513;
/// Positions that are gathered at a time where a convolution can't read its input in place.
pub const PATCHES: usize = 4;
/// Least shift of a packed scale: a scale is below 1.
pub const MIN_SHIFT: u32 = 31;
/// The same where the output is int16, whose steps may be finer than those of the sum: a scale is below 2^15.
pub const MIN_SHIFT_INT16: u32 = 16;
/// Greatest shift of a packed scale: with it an output's zero point can be added to the upper word of a product before the shift.
pub const MAX_SHIFT: u32 = 54;
/// The bits of a packed scale that hold the shift.
pub const SHIFT_MASK: u32 = 63;

/// Inputs of one output value of a convolution, padded to a multiple of [`TILE_DEPTH`].
#[must_use]
pub const fn depth(op: &Convolution) -> u64 {
    (op.window.taps() as u64 * op.group_inputs() as u64).next_multiple_of(TILE_DEPTH as u64)
}

/// Output channels of one group, padded to whole blocks.
#[must_use]
pub const fn padded_group(op: &Convolution) -> u64 {
    (op.group_outputs() as u64).next_multiple_of(BLOCK as u64)
}

/// Where the weight of output channel `channel` (within its group) and input `index` stands within its group. What stands there is
/// [`pack_weight`]'s.
///
/// ```
/// use earmark_core::engine::layout::weight_index;
/// assert_eq!([0, 2, 1, 3].map(|index| weight_index(0, index, 8)), [0, 2, 4, 6]);
/// assert_eq!([0, 2, 1, 3].map(|index| weight_index(1, index, 8)), [1, 3, 5, 7]);
/// assert_eq!(weight_index(2, 0, 8), 8); // the next two channels
/// assert_eq!(weight_index(0, 4, 8), 32); // the next tile
/// assert_eq!(weight_index(8, 0, 8), 64); // the next block of channels
/// ```
#[must_use]
pub const fn weight_index(channel: usize, index: usize, depth: usize) -> usize {
    let tile = (channel / BLOCK) * (depth / TILE_DEPTH) + index / TILE_DEPTH;
    let pair = (channel % BLOCK) / 2 * 2 * TILE_DEPTH;
    tile * BLOCK * TILE_DEPTH + pair + index % 2 * 4 + index % TILE_DEPTH / 2 * 2 + channel % 2
}

/// The byte that holds a weight of output channel `channel`, and the other way round.
///
/// ```
/// use earmark_core::engine::layout::pack_weight;
/// assert_eq!([pack_weight(0, -128), pack_weight(0, 5), pack_weight(1, 5)], [0, 5 + 128, 5]);
/// ```
#[must_use]
pub const fn pack_weight(channel: usize, weight: i8) -> u8 {
    if channel.is_multiple_of(2) { weight.cast_unsigned() ^ 0x80 } else { weight.cast_unsigned() }
}

/// Values in a depthwise row: the channels, padded.
#[must_use]
pub const fn depthwise_row(channels: u32) -> u64 {
    (channels as u64).next_multiple_of(TILE_DEPTH as u64)
}

/// Bytes of a convolution's weights.
#[must_use]
pub const fn weights_length(op: &Convolution, depthwise: bool) -> u64 {
    if depthwise {
        op.window.taps() as u64 * depthwise_row(op.input.channels)
    } else {
        op.groups as u64 * padded_group(op) * depth(op)
    }
}

/// Entries in a convolution's table of biases, and in that of scales.
#[must_use]
pub const fn requantised_channels(op: &Convolution, depthwise: bool) -> u64 {
    if depthwise {
        (op.output.channels as u64).next_multiple_of(BLOCK as u64)
    } else {
        op.groups as u64 * padded_group(op)
    }
}

/// Whether every tap of every output lies inside the input.
#[must_use]
pub const fn unpadded(op: &Convolution) -> bool {
    let window = &op.window;
    let last_row = (op.output.height as u64 - 1) * window.stride[0] as u64 + window.extent(0) as u64;
    let last_column = (op.output.width as u64 - 1) * window.stride[1] as u64 + window.extent(1) as u64;
    window.pad[0] == 0
        && window.pad[1] == 0
        && last_row <= op.input.height as u64
        && last_column <= op.input.width as u64
}

/// Whether the inputs of each output are one run of memory, so that the convolution reads its input in place.
#[must_use]
pub const fn reads_in_place(op: &Convolution) -> bool {
    let window = &op.window;
    let row_is_run = window.kernel[1] == 1 || window.dilation[1] == 1;
    let rows_are_run = window.kernel[0] == 1 || (window.dilation[0] == 1 && window.kernel[1] == op.input.width);
    op.groups == 1
        && row_is_run
        && rows_are_run
        && (window.taps() as u64 * op.input.channels as u64).is_multiple_of(TILE_DEPTH as u64)
        && unpadded(op)
}

/// Bytes of scratch memory that the operator takes.
#[must_use]
pub const fn scratch_length(op: &Op) -> u64 {
    // With int16 everything is read where it is.
    if op.has_int16() {
        return 0;
    }
    match op {
        Op::Convolution(op) if !reads_in_place(op) => PATCHES as u64 * depth(op),
        // A row of zero points, read where a tap falls on padding.
        Op::Depthwise(op) if !unpadded(op) => op.input.channels as u64,
        // A step's outputs, while all units still read those of the step before.
        #[cfg(feature = "recurrent")]
        Op::Recurrent(op) => op.output.channels as u64,
        _ => 0,
    }
}

/// Packs a real scale in 0..1 for [`requantise`](crate::engine::arithmetic::requantise): the multiplier rounded to 25 significant bits and
/// the shift. `None` if it is out of that range. Of scales below 2^-24, which bring any accumulator to -128..=128, fewer bits are kept.
///
/// ```
/// use earmark_core::engine::{arithmetic::requantise, layout::pack_scale};
/// let half = pack_scale(0.5).unwrap();
/// assert_eq!((requantise(10, half), requantise(-10, half)), (5, -5));
/// assert_eq!(pack_scale(1.5), None);
/// ```
#[must_use]
pub fn pack_scale(scale: f64) -> Option<u32> {
    pack_from(scale, MIN_SHIFT)
}

/// The same for an output of int16, whose scale may be up to 2^15.
#[must_use]
pub fn pack_scale_int16(scale: f64) -> Option<u32> {
    pack_from(scale, MIN_SHIFT_INT16)
}

fn pack_from(scale: f64, least: u32) -> Option<u32> {
    const UNIT: f64 = (1u64 << 31) as f64;
    const STEP: f64 = (SHIFT_MASK + 1) as f64;
    if !(scale.is_finite() && scale > 0.0) {
        return None;
    }
    let mut fraction = scale / (1u64 << (MIN_SHIFT - least)) as f64;
    let mut shift = least;
    while fraction < 0.5 && shift < MAX_SHIFT {
        fraction *= 2.0;
        shift += 1;
    }
    let mut multiplier = libm::rint(fraction * UNIT / STEP) * STEP;
    if multiplier >= UNIT && shift > least {
        multiplier /= 2.0;
        shift -= 1;
    }
    (multiplier < UNIT).then_some(multiplier as u32 | shift)
}
