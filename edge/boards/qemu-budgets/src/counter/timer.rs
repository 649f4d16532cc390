//! On Arm: each instruction takes 128 ns of virtual time (`-icount shift=7`), and a timer tells that time.
#![allow(unsafe_code)]

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
pub struct Source;

impl Source {
    pub fn start() -> Self {
        // SAFETY: the machine has the timer at these addresses, and nothing else uses it.
        unsafe {
            RELOAD.write_volatile(u32::MAX);
            VALUE.write_volatile(u32::MAX);
            CONTROL.write_volatile(1);
        }
        Self
    }

    /// Counts up.
    #[inline(always)]
    pub fn value(&self) -> u32 {
        // SAFETY: the register can be read at any time.
        !unsafe { VALUE.read_volatile() }
    }

    /// The instructions in which the value grows by so much.
    pub fn instructions(value: u32) -> u32 {
        ((u64::from(value) * TICK + INSTRUCTION / 2) / INSTRUCTION) as u32
    }
}
