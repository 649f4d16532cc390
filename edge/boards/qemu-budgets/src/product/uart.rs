//! The emulated board's first serial port.
#![allow(unsafe_code)]

use core::convert::Infallible;

use embedded_io::{ErrorType, Write};

/// UART 0 of AN386 (Arm Cortex-M System Design Kit, APB UART).
const DATA: *mut u32 = 0x4000_4000 as *mut u32;
const STATE: *const u32 = 0x4000_4004 as *const u32;
const CONTROL: *mut u32 = 0x4000_4008 as *mut u32;
const DIVIDER: *mut u32 = 0x4000_4010 as *mut u32;
const TRANSMITTER_FULL: u32 = 1;
const ENABLE_TRANSMITTER: u32 = 1;
/// 25 MHz by this gives 115,207 baud.
const BAUD: u32 = 217;

/// The port, ready to send.
#[derive(Debug)]
pub struct Uart;

impl Uart {
    /// Sets it up.
    pub fn start() -> Self {
        // SAFETY: the machine has these registers, and nothing else uses them.
        unsafe {
            DIVIDER.write_volatile(BAUD);
            CONTROL.write_volatile(ENABLE_TRANSMITTER);
        }
        Self
    }
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        for &byte in bytes {
            // SAFETY: as above.
            unsafe {
                while STATE.read_volatile() & TRANSMITTER_FULL != 0 {}
                DATA.write_volatile(byte.into());
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
