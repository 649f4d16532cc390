//! The board's LEDs.
#![allow(unsafe_code)]

use core::convert::Infallible;

use embedded_hal::digital::{ErrorType, OutputPin, StatefulOutputPin};

/// FPGAIO's register for the two user LEDs: a bit each, 1 is on (Arm Application Note 386, FPGA system control and I/O).
const LEDS: *mut u32 = 0x4002_8000 as *mut u32;

/// One of the two LEDs. `-trace led_change_intensity` makes QEMU tell of it.
#[derive(Debug)]
pub struct Led {
    bit: u32,
}

impl Led {
    /// The first LED.
    pub const fn first() -> Self {
        Self { bit: 1 }
    }
}

impl ErrorType for Led {
    type Error = Infallible;
}

impl OutputPin for Led {
    fn set_low(&mut self) -> Result<(), Infallible> {
        // SAFETY: the register can be read and written at any time, and nothing else on this one core touches it.
        unsafe { LEDS.write_volatile(LEDS.read_volatile() & !self.bit) };
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        // SAFETY: as above.
        unsafe { LEDS.write_volatile(LEDS.read_volatile() | self.bit) };
        Ok(())
    }
}

impl StatefulOutputPin for Led {
    fn is_set_high(&mut self) -> Result<bool, Infallible> {
        // SAFETY: as above.
        Ok(unsafe { LEDS.read_volatile() } & self.bit != 0)
    }

    fn is_set_low(&mut self) -> Result<bool, Infallible> {
        self.is_set_high().map(|high| !high)
    }
}
