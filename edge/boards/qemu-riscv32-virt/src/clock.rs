//! The emulated board's clock.
#![allow(unsafe_code)]

use earmark_simulation::Clock;
use riscv::register::mie;

/// The core-local interruptor of QEMU's `virt` machine: the time and when its interrupt is due, 64 bits each.
const TIME: *mut u32 = 0x0200_bff8 as *mut u32;
const DUE: *mut u32 = 0x0200_4000 as *mut u32;

/// The machine's clock.
#[derive(Debug)]
pub struct Timer {
    started: u64,
}

impl Timer {
    /// Starts it. Interrupts stay off: they only end a sleep.
    pub fn start() -> Self {
        set_due(u64::MAX);
        // SAFETY: without `mstatus.MIE` no handler runs.
        unsafe { mie::set_mtimer() };
        Self { started: time() }
    }
}

fn time() -> u64 {
    // SAFETY: the registers can be read at any time.
    let read = |word: usize| unsafe { TIME.wrapping_add(word).read_volatile() };
    loop {
        let (upper, lower) = (read(1), read(0));
        if read(1) == upper {
            return u64::from(upper) << 32 | u64::from(lower);
        }
    }
}

fn set_due(at: u64) {
    // SAFETY: the registers can be written at any time, and nothing else uses them.
    let write = |word: usize, value: u32| unsafe { DUE.wrapping_add(word).write_volatile(value) };
    // Never early in between.
    write(1, u32::MAX);
    write(0, at as u32);
    write(1, (at >> 32) as u32);
}

impl Clock for Timer {
    const RATE: u32 = 10_000_000;

    fn now(&mut self) -> u64 {
        time() - self.started
    }

    fn sleep(&mut self, until: u64) {
        set_due(self.started + until);
        while self.now() < until {
            riscv::asm::wfi();
        }
        set_due(u64::MAX);
    }
}
