//! What the two Raspberry Pi Picos share: an INMP441 read by a PIO program and DMA, lines by USB, and the program.
//!
//! The network's loop runs in thread mode. Above it USB has an interrupt of its own, and above that the task that makes samples of what the
//! DMA has filled and hands them over. From one transfer to the next PIO's queue bridges 8 slots, 250 µs.

#![no_std]
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod capture;
mod executors;
mod i2s;
mod serial;

use earmark_core::signal::Preset;
use earmark_firmware::{Blocks, Statics, listen};
use embassy_rp::clocks::clk_sys_freq;
use embassy_rp::gpio::{Level, Output};
use embedded_io::Write;

use capture::Wires;
use serial::Port;

/// All memory but the stack and that of the tasks.
pub struct Memory {
    blocks: Blocks,
    statics: Statics,
}

impl Memory {
    /// Memory to put into a `static`.
    #[must_use]
    pub const fn new() -> Self {
        Self { blocks: Blocks::new(), statics: Statics::new() }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// Listens for ever. What goes wrong is said once a second.
pub fn start(memory: &'static mut Memory) -> ! {
    let pins = embassy_rp::init(embassy_rp::config::Config::default());
    let led = Output::new(pins.PIN_25, Level::Low);
    let (writer, reader) = memory.blocks.split(cortex_m::asm::wfe);
    let wires =
        Wires { pio: pins.PIO0, dma: pins.DMA_CH0, clock: pins.PIN_10, word_select: pins.PIN_11, data: pins.PIN_12 };
    executors::start((wires, writer), pins.USB);
    let outcome = listen(&mut memory.statics, (reader, Preset::Inmp441), Port, led);
    loop {
        // The port takes everything.
        let _ = match outcome {
            Ok(()) => writeln!(Port, "the microphone ended"),
            Err(error) => writeln!(Port, "{error}"),
        };
        cortex_m::asm::delay(clk_sys_freq());
    }
}
