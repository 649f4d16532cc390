//! Products of integers, in the instructions that the target has. Both ways give the same bits.

/// Whether the target multiplies 32 bits by 32 and gives 64. Where it does not, a library's function would, in many times the instructions
/// of the products of halves here.
const LONG_PRODUCTS: bool = cfg!(not(earmark_no_long_products));

/// ⌊a·b / 2³²⌋ of a `b` whose lower 16 bits are zero.
#[inline(always)]
pub(super) const fn upper_product(a: i32, b: i32) -> i32 {
    if LONG_PRODUCTS { ((a as i64 * b as i64) >> 32) as i32 } else { upper_of_halves(a, b >> 16) }
}

#[inline(always)]
const fn upper_of_halves(a: i32, b: i32) -> i32 {
    // The upper half times b is whole; what the lower half adds is rounded down.
    (a >> 16) * b + (((a & 0xffff) * b) >> 16)
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

/// a·b of an `a` below 2⁴⁸.
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
        fn products_of_halves_are_those_of_the_whole(a: i32, b: i16, c in 0..1_u64 << 48, d: u16) {
            let b = i32::from(b);
            prop_assert_eq!(upper_of_halves(a, b), ((i64::from(a) * i64::from(b << 16)) >> 32) as i32);
            let a = a / 2;
            prop_assert_eq!(square_of_halves(a.unsigned_abs()), i64::from(a).pow(2).cast_unsigned());
            prop_assert_eq!(weighted_halves(c, d.into()), c * u64::from(d));
        }
    }

    #[test]
    fn the_ends_of_the_scale_fit() {
        for a in [i32::MIN, i32::MAX] {
            for b in [i16::MIN, i16::MAX].map(i32::from) {
                assert_eq!(upper_of_halves(a, b), ((i64::from(a) * i64::from(b << 16)) >> 32) as i32);
            }
        }
        assert_eq!(square_of_halves(1 << 30), 1 << 60);
        assert_eq!(weighted_halves((1 << 48) - 1, 65_535), ((1 << 48) - 1) * 65_535);
    }
}
