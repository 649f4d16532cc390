//! Measuring the stack: it is painted, and what lost its colour was used.
#![allow(unsafe_code)]

use core::arch::asm;
use core::hint::black_box;

/// What the stack is painted with.
const COLOUR: u32 = 0xc0_10_0c_ed;
/// Words painted: more than any work here uses.
const DEPTH: usize = 4096;
/// Words next to the stack pointer that stay as they are: painting itself uses them.
const NEAR: usize = 32;

/// The bytes of stack that a piece of work uses at its peak, at least 128; `None` if it used all that was painted.
#[inline(never)]
pub fn peak<T>(work: impl FnOnce() -> T) -> Option<usize> {
    let pointer: *mut u32;
    // SAFETY: it reads a register.
    #[cfg(target_arch = "arm")]
    unsafe {
        asm!("mov {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags))
    };
    #[cfg(target_arch = "riscv32")]
    // SAFETY: as above.
    unsafe {
        asm!("mv {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags))
    };
    let deepest = pointer.wrapping_sub(DEPTH);
    for word in NEAR..DEPTH {
        // SAFETY: below the stack pointer is memory that nobody uses: the machine's RAM holds much more than the statics and this, and
        // there are no interrupts.
        unsafe { pointer.wrapping_sub(word).write_volatile(COLOUR) };
    }
    black_box(work());
    // SAFETY: as above.
    let used = |word: &usize| unsafe { deepest.wrapping_add(*word).read_volatile() } != COLOUR;
    let untouched = (1..=DEPTH - NEAR).find(used).unwrap_or(DEPTH - NEAR);
    (untouched > 1).then_some(4 * (DEPTH - untouched))
}
