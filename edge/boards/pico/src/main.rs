//! earmark on a Raspberry Pi Pico (RP2040, Cortex-M0+ at 125 MHz) with an INMP441 microphone.
//!
//! | INMP441 | Pico |
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
//! sheet DS-INMP441-00, table 6). The LED of the Pico W hangs on its radio and stays dark.
//!
//!     cargo run --release        # with BOOTSEL held while it was plugged in: flashes by picotool, then prints the lines
//!
//! Each detection gives one line of JSON by USB, as a serial port, and lights the LED for half a second. `../rp` says how it works.
//!
//! Not tried on hardware. On an emulated RP2040 (`cargo test -p earmark-edge --test emulated_pico`) it captures, recognises and reports as it
//! should.
//!
//! The chip has no FPU: the model named in `.cargo/config.toml` has its front end in integers (`earmark compile --frontend fixed`). With another
//! one the firmware is too slow for live sound and prints mostly `{"overruns":…}`.

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
