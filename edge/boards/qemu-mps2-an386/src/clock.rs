//! The emulated board's clock.
#![allow(unsafe_code)]

use cortex_m::peripheral::NVIC;
use cortex_m::{asm, interrupt};

/// The two timers of AN386 (Arm Cortex-M System Design Kit, APB timer): each counts down at 25 MHz.
const FREE: *mut u32 = 0x4000_0000 as *mut u32;
const ALARM: *mut u32 = 0x4000_1000 as *mut u32;
/// Words of a timer's registers.
const CONTROL: usize = 0;
const VALUE: usize = 1;
const RELOAD: usize = 2;
const CLEAR: usize = 3;
const ENABLE: u32 = 1;
const INTERRUPT: u32 = 8;

/// The second timer's interrupt.
#[derive(Debug, Clone, Copy)]
struct Alarm;

// SAFETY: the number is that of the second timer in Arm Application Note 386, and stays the same.
unsafe impl interrupt::InterruptNumber for Alarm {
    fn number(self) -> u16 {
        9
    }
}

/// Writes a register of a timer.
fn set(timer: *mut u32, register: usize, value: u32) {
    // SAFETY: the machine has these registers, and nothing else uses them.
    unsafe { timer.wrapping_add(register).write_volatile(value) };
}

/// A clock of 25 MHz. It must be asked at least once in 171 seconds.
#[derive(Debug)]
pub struct Timer {
    /// What the counter said last.
    last: u32,
    elapsed: u64,
}

impl Timer {
    /// Starts it. Interrupts stay off: they only end a sleep.
    pub fn start() -> Self {
        interrupt::disable();
        set(FREE, RELOAD, u32::MAX);
        set(FREE, VALUE, u32::MAX);
        set(FREE, CONTROL, ENABLE);
        // It stops when it gets to zero.
        set(ALARM, RELOAD, 0);
        // SAFETY: the interrupt's handler never runs.
        unsafe { NVIC::unmask(Alarm) };
        Self { last: u32::MAX, elapsed: 0 }
    }
}

impl crate::Clock for Timer {
    const RATE: u32 = 25_000_000;

    fn now(&mut self) -> u64 {
        // SAFETY: the register can be read at any time.
        let value = unsafe { FREE.wrapping_add(VALUE).read_volatile() };
        self.elapsed += u64::from(self.last.wrapping_sub(value));
        self.last = value;
        self.elapsed
    }

    fn sleep(&mut self, until: u64) {
        loop {
            let left = until.saturating_sub(self.now());
            if left == 0 {
                return;
            }
            let left = u32::try_from(left).unwrap_or(u32::MAX);
            set(ALARM, VALUE, left);
            set(ALARM, CONTROL, ENABLE | INTERRUPT);
            asm::wfi();
            set(ALARM, CONTROL, 0);
            set(ALARM, CLEAR, 1);
            NVIC::unpend(Alarm);
        }
    }
}
