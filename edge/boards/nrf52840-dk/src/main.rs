//! earmark on Nordic's nRF52840 DK (Cortex-M4F at 64 MHz) with a PDM microphone, as MP34DT05-A or MP34DT06J.
//!
//! | microphone | nRF52840 DK |
//! |---|---|
//! | CLK | P0.26, "SDA" |
//! | DOUT, DAT | P0.27, "SCL" |
//! | LR, SELECT | GND (left channel) |
//! | VDD | VDD, 3 V |
//! | GND | GND |
//! | – | LED1, P0.13, on the board |
//!
//! Any other two pins do, but those for which the product specification, section "Pin assignments", recommends low-frequency signals only.
//!
//!     cargo run --release        # flashes by the board's own probe (https://probe.rs), then prints the lines
//!
//! Each detection gives one line of JSON and lights LED1 for half a second. The PDM peripheral makes samples at 16 kHz of bits at 1.28 MHz
//! and puts them into two buffers of 10 ms by turns; a task in an interrupt of higher priority than the network's loop hands them over. The
//! lines go by RTT, as defmt frames; without a probe that listens they are dropped and the LED still works.
//!
//! Not tried on hardware: it was built, linked and measured, no more. If the task came more than 10 ms late, embassy-nrf's driver would let
//! the peripheral overwrite a buffer without a word; blocks that find no place later on are told of.

#![no_std]
#![no_main]
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod capture;

use cortex_m_rt::entry;
use defmt_rtt as _;
use earmark_core::signal::Preset;
use earmark_edge::active_low::ActiveLow;
use earmark_edge::log::Printer;
use earmark_firmware::{Blocks, Statics, listen};
use embassy_nrf::config::{Config, HfclkSource};
use embassy_nrf::gpio::{Level, Output, OutputDrive};
use panic_probe as _;

use capture::Wires;

/// These microphones have the sensitivity of an INMP441, −26 dBFS at 94 dB SPL; the peripheral adds 3 dB (product specification, section
/// "PDM", parameter G PDM,default).
const CONDITIONING: Preset = Preset::Inmp441;

#[entry]
fn main() -> ! {
    static mut BLOCKS: Blocks = Blocks::new();
    static mut STATICS: Statics = Statics::new();
    let mut settings = Config::default();
    // The bit clock is no more exact than what it is divided from.
    settings.hfclk_source = HfclkSource::ExternalXtal;
    let pins = embassy_nrf::init(settings);
    let led = ActiveLow(Output::new(pins.P0_13, Level::High, OutputDrive::Standard));

    let (writer, reader) = BLOCKS.split(cortex_m::asm::wfe);
    capture::start(Wires { pdm: pins.PDM, clock: pins.P0_26, data: pins.P0_27 }, writer);
    match listen(STATICS, (reader, CONDITIONING), Printer, led) {
        Ok(()) => defmt::panic!("the microphone ended"),
        Err(error) => defmt::panic!("{}", error),
    }
}
