//! earmark on an STM32F411 (Cortex-M4F at 96 MHz) with an INMP441 microphone on I2S: WeAct's "Black Pill" with STM32F411CE, or ST's
//! Nucleo-F411RE with `--features nucleo-f411re`.
//!
//! | INMP441 | STM32F411 | Black Pill | Nucleo-F411RE |
//! |---|---|---|---|
//! | SCK | PB13, I2S2_CK | B13 | CN10, pin 30 |
//! | WS | PB12, I2S2_WS | B12 | CN10, pin 16 |
//! | SD | PB15, I2S2_SD | B15 | CN10, pin 26 |
//! | L/R | – (left channel) | G | GND |
//! | VDD | – | 3V3 | 3V3 |
//! | GND | – | G | GND |
//! | – | LED | PC13, on the board | PA5, LD2, on the board |
//!
//! SD wants a resistor of 100 kΩ to GND where the microphone's board has none (INMP441's data sheet DS-INMP441-00, table 6): its output is
//! open during the other channel's slot.
//!
//!     cargo run --release        # flashes by an ST-Link or another probe (https://probe.rs), then prints the lines
//!
//! Each detection gives one line of JSON and lights the LED for half a second. I2S2's DMA fills a ring of two halves of 10 ms; a task in an
//! interrupt of higher priority than the network's loop makes samples of each half and hands them over. The lines go by RTT, as defmt
//! frames; without a probe that listens they are dropped and the LED still works.
//!
//! Not tried on hardware: it was built, linked and measured, no more.

#![no_std]
#![no_main]
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod capture;
mod clocks;

use cortex_m_rt::entry;
use defmt_rtt as _;
use earmark_core::signal::Preset;
use earmark_edge::log::Printer;
use earmark_firmware::{Blocks, Statics, listen};
use embassy_stm32::gpio::{Level, Output, Speed};
use panic_probe as _;

use capture::Wires;

#[entry]
fn main() -> ! {
    static mut BLOCKS: Blocks = Blocks::new();
    static mut STATICS: Statics = Statics::new();
    let pins = embassy_stm32::init(clocks::settings());
    #[cfg(feature = "nucleo-f411re")]
    let led = Output::new(pins.PA5, Level::Low, Speed::Low);
    // Between the pin and the supply: PC13 can sink 3 mA but not drive (data sheet DS10314, notes of the pin definitions).
    #[cfg(not(feature = "nucleo-f411re"))]
    let led = earmark_edge::active_low::ActiveLow(Output::new(pins.PC13, Level::High, Speed::Low));

    let (writer, reader) = BLOCKS.split(cortex_m::asm::wfe);
    let wires = Wires { i2s: pins.SPI2, data: pins.PB15, word_select: pins.PB12, clock: pins.PB13, dma: pins.DMA1_CH3 };
    capture::start(wires, writer);
    match listen(STATICS, (reader, Preset::Inmp441), Printer, led) {
        Ok(()) => defmt::panic!("the microphone ended"),
        Err(error) => defmt::panic!("{}", error),
    }
}
