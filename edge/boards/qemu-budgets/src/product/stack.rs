//! How much of the stack was used: cortex-m-rt has painted it before `main`.
#![allow(unsafe_code)]

/// What it is painted with: `STACK_PAINT_VALUE` of cortex-m-rt.
const COLOUR: u32 = 0xcccc_cccc;

unsafe extern "C" {
    static _stack_start: u32;
    static _stack_end: u32;
}

/// Bytes of stack used since the start, at the peak.
pub fn used() -> usize {
    let (top, mut lowest) = (&raw const _stack_start, &raw const _stack_end);
    // SAFETY: what lies between the two addresses, which the linker script gives, is the stack's memory.
    while lowest < top && unsafe { lowest.read_volatile() } == COLOUR {
        lowest = lowest.wrapping_add(1);
    }
    top.addr() - lowest.addr()
}
