//! Products of integers, in the instructions that the target has. Both ways give the same bits.

/// Whether the target multiplies 32 bits by 32 and gives 64. Where it does not, a library's function would, in many times the instructions
/// of the products of halves here.
const LONG_PRODUCTS: bool = cfg!(not(earmark_no_long_products));

/// ⌊a·b / 2³²⌋.
#[inline(always)]
pub(super) const fn upper_product(a: i32, b: i32) -> i32 {
    if LONG_PRODUCTS { ((a as i64 * b as i64) >> 32) as i32 } else { upper_of_halves(a, b) }
}

/// The compiler leaves out what a `b` whose lower half it knows to be zero does not need.
#[inline(always)]
const fn upper_of_halves(a: i32, b: i32) -> i32 {
    let ((upper_a, lower_a), (upper_b, lower_b)) = ((a >> 16, a & 0xffff), (b >> 16, b & 0xffff));
    // Each sum keeps within 32 bits: of the lower halves' product only the upper half is carried, of the next one both, apart.
    let carried = (lower_a.cast_unsigned() * lower_b.cast_unsigned()) >> 16;
    let middle = upper_a * lower_b + carried.cast_signed();
    upper_a * upper_b + (middle >> 16) + ((lower_a * upper_b + (middle & 0xffff)) >> 16)
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
        fn products_of_halves_are_those_of_the_whole(a: i32, b: i32, c in 0..=1_u64 << 48, d: u16) {
            prop_assert_eq!(upper_of_halves(a, b), ((i64::from(a) * i64::from(b)) >> 32) as i32);
            let a = a / 2;
            prop_assert_eq!(square_of_halves(a.unsigned_abs()), i64::from(a).pow(2).cast_unsigned());
            prop_assert_eq!(weighted_halves(c, d.into()), c * u64::from(d));
        }
    }

    #[test]
    fn the_ends_of_the_scale_fit() {
        let ends = [i32::MIN, i32::MIN | 0xffff, -1, 0xffff, i32::MAX ^ 0xffff, i32::MAX];
        for (a, b) in ends.into_iter().flat_map(|a| ends.map(|b| (a, b))) {
            assert_eq!(upper_of_halves(a, b), ((i64::from(a) * i64::from(b)) >> 32) as i32);
        }
        assert_eq!(square_of_halves(1 << 30), 1 << 60);
        for a in [(1 << 48) - 1, 1 << 48] {
            assert_eq!(weighted_halves(a, 65_535), a * 65_535);
        }
    }
}
