//! earmark on an ESP32-C3 (RV32IMC at 160 MHz) with an INMP441 microphone on I2S: any board whose USB socket is the chip's own, as on
//! Espressif's ESP32-C3-DevKit-RUST-1 or the "Super Mini".
//!
//! | INMP441 | ESP32-C3 |
//! |---|---|
//! | SCK | GPIO4 |
//! | WS | GPIO5 |
//! | SD | GPIO6 |
//! | L/R | GND (left channel) |
//! | VDD | 3V3 |
//! | GND | GND |
//! | – | GPIO10: an LED of your own, with a resistor of 1 kΩ to GND |
//!
//! Any other pins do, but not GPIO2, 8 and 9, which say how to boot, 12 to 17, which have the flash, and 18 and 19, which are USB (data sheet
//! of ESP32-C3, sections "Strapping Pins" and "Pin Overview"). SD wants a resistor of 100 kΩ to GND where the microphone's board has none
//! (INMP441's data sheet DS-INMP441-00, table 6).
//!
//!     cargo run --release        # flashes by espflash, then prints the lines
//!
//! Each detection gives one line of JSON by USB, as a serial port, and lights the LED for half a second. I2S's DMA fills a chain of eight
//! buffers of 10 ms by itself; the loop takes what is full and gives the buffers back. If it is late by more than these 80 ms, the chain
//! ends, and it is started afresh and told of as an overrun.
//!
//! Not tried on hardware: it was built, linked and measured, no more. A known risk: esp-hal's issue 5292, open, has reception begin at a wrong
//! bit of the slot on an ESP32-S3 whose transmitter ran already, which is heard as a wrong gain; here there is no transmitter.
//!
//! The chip has no FPU: the model named in `.cargo/config.toml` has its front end in integers (`earmark compile --frontend fixed`). With another
//! one the firmware is too slow for live sound and prints mostly `{"overruns":…}`.

#![no_std]
#![no_main]
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod microphone;
mod port;

use earmark_core::signal::Preset;
use earmark_edge::slots::{Channel, Decoded, Decoder, from_24_in_32};
use earmark_firmware::{SLOTS, Statics, listen};
use esp_backtrace as _;
use esp_hal::clock::CpuClock;
use esp_hal::gpio::{Level, Output, OutputConfig};
use esp_hal::usb::usb_serial_jtag::UsbSerialJtag;
use static_cell::ConstStaticCell;

use microphone::{Microphone, Wires};
use port::Port;

static STATICS: ConstStaticCell<Statics> = ConstStaticCell::new(Statics::new());
static BUFFER: ConstStaticCell<[[u8; 4]; SLOTS]> = ConstStaticCell::new([[0; 4]; SLOTS]);

esp_bootloader_esp_idf::esp_app_desc!();

#[esp_hal::main]
fn main() -> ! {
    let pins = esp_hal::init(esp_hal::Config::default().with_cpu_clock(CpuClock::max()));
    let led = Output::new(pins.GPIO10, Level::Low, OutputConfig::default());
    let port = Port(UsbSerialJtag::new(pins.USB_DEVICE));
    let wires =
        Wires { i2s: pins.I2S0, dma: pins.DMA_CH0, clock: pins.GPIO4, word_select: pins.GPIO5, data: pins.GPIO6 };

    let decoder = Decoder::new(Channel::Left, |bytes| from_24_in_32(u32::from_le_bytes(bytes)));
    let outcome = Microphone::new(wires).and_then(|microphone| {
        listen(STATICS.take(), (Decoded::new(microphone, decoder, BUFFER.take()), Preset::Inmp441), port, led)
    });
    match outcome {
        Ok(()) => panic!("the microphone ended"),
        Err(error) => panic!("{error}"),
    }
}
