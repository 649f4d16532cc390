//! earmark as a product has it, on an emulated Cortex-M4F: `commands-s`, streaming, lines on UART 0, the first LED. `edge/tests/budgets.rs`
//! measures its flash, RAM and stack; nothing in it is there for the emulator but the microphone.
//!
//! The microphone is a sound in memory, put there by QEMU: at 0x2100_0000 the number of its slots, then the slots. They are delivered in
//! two halves of 10 ms, at the pace of the clock. When the sound has ended, the last line tells the bytes of stack that were used, and the
//! board is reset, which ends QEMU where it runs with `-no-reboot`.

#![no_std]
#![no_main]
#![deny(missing_docs)]
#![deny(unsafe_code)]

#[path = "../../../qemu-mps2-an386/src/clock.rs"]
mod clock;
#[path = "../../../qemu-mps2-an386/src/led.rs"]
mod led;
#[path = "../listen.rs"]
mod listen;
mod microphone;
#[path = "../../../simulation/src/pace.rs"]
mod pace;
mod stack;
mod uart;

use core::panic::PanicInfo;

use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, entry, exception};
use embedded_io::Write;

use clock::Timer;
use led::Led;
use listen::{MODEL, SIZES, Working, listening};
use microphone::Microphone;
use pace::{Clock, HALF, Paced};
use uart::Uart;

/// Frames of two slots a second.
const FRAME_RATE: u32 = 16_000;

#[entry]
fn main() -> ! {
    static mut WORKING: Working<{ SIZES.listener }> = Working::new();
    static mut HALVES: [[u32; HALF]; 2] = [[0; HALF]; 2];
    let bus = Paced::new(Microphone::new(), Some(Timer::start()), HALVES, FRAME_RATE);
    let outcome =
        listening(MODEL, bus, (Uart::start(), Led::first()), WORKING).and_then(|mut listening| listening.run());
    // What can't be written is seen by what is missing.
    let _ = match outcome {
        Ok(()) => writeln!(Uart::start(), "{{\"stack\":{}}}", stack::used()),
        Err(_) => writeln!(Uart::start(), "{{\"failed\":true}}"),
    };
    SCB::sys_reset()
}

// SAFETY: it uses nothing that the code it interrupted may have been changing.
#[allow(unsafe_code)]
#[exception]
unsafe fn HardFault(_: &ExceptionFrame) -> ! {
    SCB::sys_reset()
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    SCB::sys_reset()
}
