//! Single instructions that Rust has no stable name for.
//!
//! Source: Armv7-M Architecture Reference Manual (DDI 0403), A7.7.

use core::arch::asm;

/// Bytes 0 and 2 of a word, sign-extended to 16 bits each.
#[inline(always)]
pub(super) fn even_bytes(word: u32) -> u32 {
    let pair;
    // SAFETY: the instruction reads and writes registers only, and the target has it.
    unsafe { asm!("sxtb16 {}, {}", out(reg) pair, in(reg) word, options(pure, nomem, nostack, preserves_flags)) };
    pair
}

/// Bytes 1 and 3 of a word, sign-extended to 16 bits each.
#[inline(always)]
pub(super) fn odd_bytes(word: u32) -> u32 {
    let pair;
    // SAFETY: as above.
    unsafe {
        asm!("sxtb16 {}, {}, ror #8", out(reg) pair, in(reg) word, options(pure, nomem, nostack, preserves_flags))
    };
    pair
}

/// The sum of the products of two pairs, added to `sum`; wraps.
#[inline(always)]
pub(super) fn multiply_pairs(a: u32, b: u32, sum: i32) -> i32 {
    let total;
    // SAFETY: as above; the instruction may set the sticky flag Q, which compiled Rust does not use.
    unsafe {
        asm!("smlad {}, {}, {}, {}", out(reg) total, in(reg) a, in(reg) b, in(reg) sum, options(pure, nomem, nostack, preserves_flags));
    };
    total
}

/// The lesser of each two halves, as signed numbers.
#[inline(always)]
pub(super) fn lesser_halves(a: u32, b: u32) -> u32 {
    halves_by_order(a, b, [b, a])
}

/// The greater of each two halves, as signed numbers.
#[inline(always)]
pub(super) fn greater_halves(a: u32, b: u32) -> u32 {
    halves_by_order(a, b, [a, b])
}

/// Of each half that of the first word where `a` is at least `b`, as signed numbers, and that of the second elsewhere.
#[inline(always)]
fn halves_by_order(a: u32, b: u32, [first, second]: [u32; 2]) -> u32 {
    let chosen;
    // SAFETY: as above, and the flags GE, of which only `SEL` takes notice.
    unsafe {
        asm!("ssub16 {chosen}, {a}, {b}", "sel {chosen}, {first}, {second}", a = in(reg) a, b = in(reg) b, first = in(reg) first, second = in(reg) second, chosen = out(reg) chosen, options(pure, nomem, nostack));
    };
    chosen
}

/// The nearest number in -128..=127.
#[inline(always)]
pub(super) fn saturate(value: i32) -> i32 {
    let nearest;
    // SAFETY: as above.
    unsafe { asm!("ssat {}, #8, {}", out(reg) nearest, in(reg) value, options(pure, nomem, nostack, preserves_flags)) };
    nearest
}
