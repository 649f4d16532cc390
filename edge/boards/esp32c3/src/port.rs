//! Lines by the chip's own USB serial port.

use core::convert::Infallible;

use embedded_io::{ErrorType, Write};
use esp_hal::Blocking;
use esp_hal::time::{Duration, Instant};
use esp_hal::usb::usb_serial_jtag::UsbSerialJtag;

/// How long a line may wait for the host, which takes a packet a millisecond.
const PATIENCE: Duration = Duration::from_millis(20);

/// The port. While nobody reads on the other side, what finds no place is dropped.
pub struct Port(pub UsbSerialJtag<'static, Blocking>);

impl ErrorType for Port {
    type Error = Infallible;
}

impl Write for Port {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let since = Instant::now();
        for &byte in bytes {
            while self.0.write_byte_nb(byte).is_err() {
                if since.elapsed() > PATIENCE {
                    return Ok(bytes.len());
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        // It sends what there is and says whether that is gone yet, which it need not be.
        let _ = self.0.flush_tx_nb();
        Ok(())
    }
}
