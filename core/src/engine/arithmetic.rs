//! The integer arithmetic that every kernel and every target shares.

use super::layout::SHIFT_MASK;

/// Scales an accumulator by a packed scale (see [`layout`](super::layout)) with one rounding, ties to even, in 64 bits.
///
/// gemmlowp rounds twice and differs from float in 3 of 1000 cases; one rounding of a 25-bit multiplier differs in a few of a million, and in more
/// only where a channel's scale happens to lie so near a simple fraction that many sums are nearly ties.
/// Ties are rare but where scales are powers of two. The shift is at least 31, as in every checked artifact.
///
/// ```
/// use earmark_core::engine::{arithmetic::requantise, layout::pack_scale};
/// let quarter = pack_scale(0.25).unwrap();
/// assert_eq!([6, 10, -6, -10, 7].map(|sum| requantise(sum, quarter)), [2, 2, -2, -2, 2]);
/// ```
#[inline(always)]
#[must_use]
pub const fn requantise(accumulator: i32, scale: u32) -> i32 {
    let shift = scale & SHIFT_MASK;
    let below_half = ((1i64 << shift) >> 1) - 1;
    let product = accumulator as i64 * (scale & !SHIFT_MASK) as i64;
    let odd = (product >> shift) & 1;
    ((product + below_half + odd) >> shift) as i32
}

/// Scales the sum of a convolution with an int16 tensor by a packed scale, rounded once, ties to even.
///
/// Sums are within ±2^38: 32768 products of an int16 and an int8, and a bias of 32 bits. The multiplier has 25 bits.
///
/// ```
/// use earmark_core::engine::{arithmetic::requantise_int16, layout::pack_scale_int16};
/// let scale = pack_scale_int16(2.5).unwrap();
/// assert_eq!([4, -1, 3, 1 << 36].map(|sum| requantise_int16(sum, scale)), [10, -2, 8, 5 << 35]);
/// ```
#[inline(always)]
#[must_use]
pub const fn requantise_int16(sum: i64, scale: u32) -> i64 {
    // The multiplier's lowest six bits are the shift's place.
    const EMPTY: u32 = SHIFT_MASK.count_ones();
    let multiplier = (scale >> EMPTY) as i64;
    shift_half_even(sum.wrapping_mul(multiplier), (scale & SHIFT_MASK).saturating_sub(EMPTY))
}

/// Brings a requantised value to the output's zero point and into its range.
#[inline(always)]
#[must_use]
pub const fn finish(value: i32, zero_point: i8, clamp: [i8; 2]) -> i8 {
    let (low, high) = (clamp[0] as i32 - zero_point as i32, clamp[1] as i32 - zero_point as i32);
    let value = if value < low { low } else { value };
    let value = if value > high { high } else { value };
    (value + zero_point as i32) as i8
}

/// Brings a value into the range of int16, and its upper byte between two bounds.
///
/// ```
/// use earmark_core::engine::arithmetic::finish_int16;
/// assert_eq!([-70_000, -5, 70_000].map(|value| finish_int16(value, [-128, 127])), [-32_768, -5, 32_767]);
/// assert_eq!([-70_000, -5, 70_000].map(|value| finish_int16(value, [0, 1])), [0, 0, 511]);
/// ```
#[inline(always)]
#[must_use]
pub const fn finish_int16(value: i64, clamp: [i8; 2]) -> i16 {
    let (low, high) = (256 * clamp[0] as i64, 256 * clamp[1] as i64 + 255);
    if value < low {
        low as i16
    } else if value > high {
        high as i16
    } else {
        value as i16
    }
}

/// A value of a table of [`INT16_ENTRIES`](super::layout::INT16_ENTRIES) at an int16, in 128ths: on the straight line between the entries on
/// either side.
///
/// ```
/// use earmark_core::engine::arithmetic::interpolate;
/// let doubled: Vec<i16> = (-256..=256).map(|index| (index * 256).clamp(-32_768, 32_767) as i16).collect();
/// assert_eq!([0, 1, -5, 16_000].map(|value| interpolate(&doubled, value)), [0, 256, -1280, 128 * 32_000]);
/// ```
#[inline]
#[must_use]
pub fn interpolate(table: &[i16], value: i32) -> i32 {
    let place = value.wrapping_add(1 << 15);
    let entry = |index: i32| table.get(index as usize).copied().map_or(0, i32::from);
    let (index, rest) = (place >> 7, place & 127);
    let (before, behind) = (entry(index), entry(index.wrapping_add(1)));
    (before << 7) + (behind - before) * rest
}

/// `value / 2^shift`, ties to even, for shifts of 0..=62.
///
/// Sums and products of few quantised values meet exact ties all the time, and QuantizeLinear sends those to even.
///
/// ```
/// use earmark_core::engine::arithmetic::shift_half_even;
/// assert_eq!([3, 5, -3, -5].map(|value| shift_half_even(value, 1)), [2, 2, -2, -2]);
/// ```
#[inline]
#[must_use]
pub const fn shift_half_even(value: i64, shift: u32) -> i64 {
    let floor = value >> shift;
    let rest = value - (floor << shift);
    let half = (1i64 << shift) >> 1;
    if shift > 0 && (rest > half || (rest == half && floor & 1 == 1)) { floor + 1 } else { floor }
}

/// Means of sums: `sum · multiplier / (count · 2^shift)`, ties to even; 0 for a count of 0.
///
/// Exact, and cheap where 64-bit division is a library's loop: one 32-bit division, which most microcontrollers have as an instruction.
/// What is beyond 32 bits before the division saturates there; such a mean is far beyond any byte for every count up to 2¹⁶.
///
/// ```
/// use earmark_core::engine::arithmetic::Mean;
/// let of_two = Mean::new(1, 0, 2);
/// assert_eq!([5, 7, -5, -7].map(|sum| of_two.round(sum)), [2, 4, -2, -4]);
/// assert_eq!(Mean::new(3, 1, 3).round(9), 4); // 9 · 1.5 / 3 = 4.5
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Mean {
    multiplier: i32,
    shift: u32,
    count: i32,
    /// Half of the divisor.
    half: i64,
}

impl Mean {
    /// Shifts of 0..=40.
    #[must_use]
    pub const fn new(multiplier: i32, shift: u32, count: u32) -> Self {
        // With a place more, an odd count has a half, too. A ratio that has no room for it brings every sum far out.
        let (multiplier, shift) = if shift == 0 { (multiplier.saturating_mul(2), 1) } else { (multiplier, shift) };
        Self { multiplier, shift, count: count as i32, half: (count as i64) << (shift - 1) }
    }

    /// The mean of a sum.
    #[inline]
    #[must_use]
    pub const fn round(&self, sum: i32) -> i32 {
        if self.count == 0 {
            return 0;
        }
        let raised = sum as i64 * self.multiplier as i64 + self.half;
        let steps = raised >> self.shift;
        let whole = match steps as i32 {
            whole if whole as i64 == steps => whole,
            _ if steps < 0 => i32::MIN,
            _ => i32::MAX,
        };
        let floor = whole.div_euclid(self.count);
        // What is a multiple of the divisor after half of it was added was midway between two numbers.
        let is_tie = whole == floor.wrapping_mul(self.count) && steps << self.shift == raised;
        if is_tie && floor & 1 == 1 { floor - 1 } else { floor }
    }
}

/// As [`Mean`], without bounds and by a division in 64 bits.
///
/// ```
/// use earmark_core::engine::arithmetic::mean_wide;
/// assert_eq!([5, 7, -5, -7].map(|sum| mean_wide(sum, 1, 0, 2)), [2, 4, -2, -4]);
/// assert_eq!(mean_wide(i32::MIN, 1 << 30, 30, 1 << 16), -32_768);
/// ```
#[inline]
#[must_use]
pub const fn mean_wide(sum: i32, multiplier: i32, shift: u32, count: u32) -> i64 {
    let product = sum as i64 * multiplier as i64;
    let divisor = (count as i64) << shift;
    let Some(floor) = product.checked_div_euclid(divisor) else { return 0 };
    let rest = 2 * (product - floor * divisor);
    if rest > divisor || (rest == divisor && floor & 1 == 1) { floor + 1 } else { floor }
}

/// As [`finish`], for wide values.
#[inline]
#[must_use]
pub const fn finish_wide(value: i64, zero_point: i8, clamp: [i8; 2]) -> i8 {
    let value = value.saturating_add(zero_point as i64);
    if value < clamp[0] as i64 {
        clamp[0]
    } else if value > clamp[1] as i64 {
        clamp[1]
    } else {
        value as i8
    }
}
