//! earmark on a Raspberry Pi Pico 2 (RP2350, Cortex-M33 at 150 MHz) with an INMP441 microphone.
//!
//! | INMP441 | Pico 2 |
//! |---|---|
//! | SCK | GP10, pin 14 |
//! | WS | GP11, pin 15 |
//! | SD | GP12, pin 16 |
//! | L/R | GND, pin 18 (left channel) |
//! | VDD | 3V3(OUT), pin 36 |
//! | GND | GND, pin 13 |
//! | – | LED, GP25, on the board |
//!
//! SCK and WS must be neighbours, in this order. SD wants a resistor of 100 kΩ to GND where the microphone's board has none (INMP441's data
//! sheet DS-INMP441-00, table 6); the chip's own pull-down is no substitute (RP2350 data sheet, erratum E9). The LED of the Pico 2 W hangs
//! on its radio and stays dark.
//!
//!     cargo run --release        # with BOOTSEL held while it was plugged in: flashes by picotool, then prints the lines
//!
//! Each detection gives one line of JSON by USB, as a serial port, and lights the LED for half a second. `../rp` says how it works.
//!
//! Not tried on hardware: it was built, linked and measured, no more. The Pico's firmware, of the same code, was run on an emulated RP2040.

#![no_std]
#![no_main]
#![deny(missing_docs)]
#![forbid(unsafe_code)]

use cortex_m_rt::entry;
use earmark_rp::{Memory, start};
use panic_halt as _;

#[entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::new();
    start(MEMORY)
}
