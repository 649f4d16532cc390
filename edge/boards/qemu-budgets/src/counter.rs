//! Counting instructions: QEMU lets each take 128 ns of virtual time (`-icount shift=7`), and a timer tells that time.
#![allow(unsafe_code)]

use core::hint::black_box;

/// CMSDK timer 0 of AN386 (Arm Cortex-M System Design Kit, APB timer): counts down at 25 MHz.
const CONTROL: *mut u32 = 0x4000_0000 as *mut u32;
const VALUE: *mut u32 = 0x4000_0004 as *mut u32;
const RELOAD: *mut u32 = 0x4000_0008 as *mut u32;

/// Nanoseconds of a tick of the timer.
const TICK: u64 = 40;
/// Nanoseconds of an instruction.
const INSTRUCTION: u64 = 128;

/// The timer, running.
#[derive(Debug)]
pub struct Counter {
    /// Ticks that measuring nothing takes.
    overhead: u32,
}

impl Counter {
    /// Starts the timer.
    pub fn start() -> Self {
        // SAFETY: the machine has the timer at these addresses, and nothing else uses it.
        unsafe {
            RELOAD.write_volatile(u32::MAX);
            VALUE.write_volatile(u32::MAX);
            CONTROL.write_volatile(1);
        }
        let mut counter = Self { overhead: 0 };
        counter.overhead = counter.ticks(|| ());
        counter
    }

    /// The instructions that a piece of work takes, at most 1.3 thousand million.
    pub fn instructions<T>(&self, work: impl FnOnce() -> T) -> u32 {
        let ticks = u64::from(self.ticks(work).saturating_sub(self.overhead));
        ((ticks * TICK + INSTRUCTION / 2) / INSTRUCTION) as u32
    }

    #[inline(never)]
    fn ticks<T>(&self, work: impl FnOnce() -> T) -> u32 {
        // SAFETY: the register can be read at any time.
        let before = unsafe { VALUE.read_volatile() };
        black_box(work());
        // SAFETY: as above.
        let after = unsafe { VALUE.read_volatile() };
        before.wrapping_sub(after)
    }
}
