//! The spectrum of a frame in integers.

use super::arithmetic::{square, upper_product};
use crate::frontend::fft::{Number, Sampled, for_each_bin, transform};
use crate::frontend::twiddle::fixed_turn;

/// Bits by which samples are raised to be windowed, so that one of full scale and a coefficient of 1 give 2³⁰.
const RAISED: u32 = 16;
/// Bits that are left of a power's square: what is behind them is smaller than the noise of 16 bits makes.
const POWER_BITS_DROPPED: u32 = 12;

/// Products are of half the size, so that four numbers' sum is twice as large as the largest, not four times.
impl Number for i32 {
    /// In units of 2⁻³¹.
    type Factor = i32;

    #[inline(always)]
    fn times([a, b]: [i32; 2], [c, d]: [i32; 2]) -> [i32; 2] {
        [upper_product(a, c) - upper_product(b, d), upper_product(a, d) + upper_product(b, c)]
    }

    #[inline(always)]
    fn scaled([a, b]: [i32; 2]) -> [i32; 2] {
        [a >> 1, b >> 1]
    }
}

impl Sampled for i32 {
    /// In units of 2⁻³¹.
    type Coefficient = i32;

    #[inline(always)]
    fn windowed(sample: i16, coefficient: i32, raised: u32) -> i32 {
        upper_product(i32::from(sample) << raised, coefficient)
    }

    #[inline(always)]
    fn turns(angle: usize) -> [[i32; 2]; 3] {
        [fixed_turn(angle), fixed_turn(2 * angle), fixed_turn(3 * angle)]
    }
}

/// Leaves the power spectrum of the windowed samples in `data`, whose length is half of the transform's, a supported power of two N: bin k
/// is the number at k, lower word first, at most 2⁴⁸; gives the bin at half the sample rate. A power is |X|² in units of 2⁻¹⁸·N²·4⁻ᵉ, rounded
/// down, where e, at most [`dropped_bits`], is as large as samples of at most 2¹⁵⁻ᵉ allow.
///
/// With at most 2¹⁵⁻ᵉ for a windowed sample, no X is above 2¹⁵⁻ᵉ·N: with N·2⁻¹⁵⁻ᵉ for a unit, it and all numbers on the way to it are within
/// 31 bits.
pub(super) fn power_spectrum(samples: &[i16], window: &[i32], extra: u32, data: &mut [[i32; 2]]) -> u64 {
    let dropped = dropped_bits(data.len()).saturating_sub(extra);
    transform(samples, window, RAISED - dropped, data);
    powers_of_real(data)
}

/// Bits of a windowed full-scale sample that a transform of so many pairs has no room for.
pub(super) const fn dropped_bits(pairs: usize) -> u32 {
    let bits = pairs.trailing_zeros();
    // Steps that halve: a factor of four each, but the first.
    let halved = bits.div_ceil(2).saturating_sub(1);
    // A windowed sample has 15 fractional bits and X 15 − log₂ N.
    (bits + 1).saturating_sub(halved)
}

/// The power spectrum of real samples from the transform of their pairs, as [`for_each_bin`] has it: in the scale of products, 2·X is X.
#[inline(always)]
fn powers_of_real(data: &mut [[i32; 2]]) -> u64 {
    let Some((first, others)) = data.split_first_mut() else { return 0 };
    let [re, im] = *first;
    *first = words(square(re + im) >> POWER_BITS_DROPPED);
    let last = square(re - im) >> POWER_BITS_DROPPED;
    if let Some(middle) = for_each_bin(others, |_, _| 0, fixed_turn, |place, bin| *place = words(power(bin))) {
        *middle = words(power(*middle));
    }
    last
}

#[inline(always)]
const fn power([re, im]: [i32; 2]) -> u64 {
    (square(re) + square(im)) >> POWER_BITS_DROPPED
}

#[inline(always)]
const fn words(power: u64) -> [i32; 2] {
    [power as i32, (power >> 32) as i32]
}
