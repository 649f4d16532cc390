//! Products of integers, in the instructions that the target has. Both ways give the same bits.

/// Whether the target multiplies 32 bits by 32 and gives 64. Where it does not, a library's function would, in many times the instructions
/// of the products of halves here.
const LONG_PRODUCTS: bool = cfg!(not(earmark_no_long_products));

/// ⌊a·b / 2³²⌋ of an |a| of at most [`MOST`], or of an `a` whose lower half is zero.
#[inline(always)]
pub(super) const fn upper_product(a: i32, b: i32) -> i32 {
    debug_assert!(a.unsigned_abs() <= MOST || a & 0xffff == 0, "products of halves may be too large");
    if LONG_PRODUCTS { ((a as i64 * b as i64) >> 32) as i32 } else { upper_of_halves(a, b) }
}

/// 2³⁰, and what rounding may add to it.
const MOST: u32 = (1 << 30) + (1 << 14);

/// The compiler leaves out what a `b` whose lower half it knows to be zero does not need.
#[inline(always)]
const fn upper_of_halves(a: i32, b: i32) -> i32 {
    // With the lower half of `a` to either side of zero the sum of the middle products keeps within 32 bits.
    let (lower_a, lower_b) = (a as i16 as i32, b & 0xffff);
    let (upper_a, upper_b) = ((a - lower_a) >> 16, b >> 16);
    let middle = ((lower_a * lower_b) >> 16) + upper_a * lower_b + lower_a * upper_b;
    upper_a * upper_b + (middle >> 16)
}

/// a² of an |a| of at most 2³⁰.
#[inline(always)]
pub(super) const fn square(a: i32) -> u64 {
    if LONG_PRODUCTS { (a as i64 * a as i64).cast_unsigned() } else { square_of_halves(a.unsigned_abs()) }
}

#[inline(always)]
const fn square_of_halves(a: u32) -> u64 {
    let (upper, lower) = (a >> 15, a & 0x7fff);
    (((upper * upper) as u64) << 30) + (((upper * lower) as u64) << 16) + (lower * lower) as u64
}

/// a·b of an `a` of at most 2⁴⁸.
#[inline(always)]
pub(super) const fn weighted(a: u64, b: u16) -> u64 {
    if LONG_PRODUCTS { a * b as u64 } else { weighted_halves(a, b as u32) }
}

#[inline(always)]
const fn weighted_halves(a: u64, b: u32) -> u64 {
    let (upper, lower) = ((a >> 32) as u32, a as u32);
    let (middle, low) = (lower >> 16, lower & 0xffff);
    (((upper * b) as u64) << 32) + (((middle * b) as u64) << 16) + (low * b) as u64
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn products_of_halves_are_those_of_the_whole(
            a in -MOST.cast_signed()..=MOST.cast_signed(),
            b: i32,
            c in 0..=1_u64 << 48,
            d: u16,
        ) {
            let upper = |a: i32| ((i64::from(a) * i64::from(b)) >> 32) as i32;
            prop_assert_eq!(upper_of_halves(a, b), upper(a));
            prop_assert_eq!(upper_of_halves(a << 16, b), upper(a << 16));
            let a = a.clamp(-1 << 30, 1 << 30);
            prop_assert_eq!(square_of_halves(a.unsigned_abs()), i64::from(a).pow(2).cast_unsigned());
            prop_assert_eq!(weighted_halves(c, d.into()), c * u64::from(d));
        }
    }

    #[test]
    fn the_ends_of_the_scale_fit() {
        let most = MOST.cast_signed();
        let halves = [-0x8001, -0x8000, -0x7fff, -1, 0, 1, 0x7fff, 0x8000];
        let upper_halves = [-most, -1 << 30, -1, 0, 1 << 30, most].into_iter();
        let near = upper_halves.flat_map(|upper| halves.map(|lower| (upper + lower).clamp(-most, most)));
        let ends = [
            i32::MIN,
            i32::MIN | 0xffff,
            i32::MIN | 0x7fff,
            -1,
            0xffff,
            i32::MAX ^ 0xffff,
            i32::MAX ^ 0x8000,
            i32::MAX,
        ];
        for (a, b) in near.chain([i32::MIN, i32::MAX ^ 0xffff]).flat_map(|a| ends.map(|b| (a, b))) {
            assert_eq!(upper_of_halves(a, b), ((i64::from(a) * i64::from(b)) >> 32) as i32, "{a} · {b}");
        }
        assert_eq!(square_of_halves(1 << 30), 1 << 60);
        for a in [(1 << 48) - 1, 1 << 48] {
            assert_eq!(weighted_halves(a, 65_535), a * 65_535);
        }
    }
}
