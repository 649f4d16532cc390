//! Lines by USB, as a serial port.

use core::convert::Infallible;

use embassy_futures::join::join;
use embassy_rp::usb::{self, Driver};
use embassy_rp::{Peri, bind_interrupts, peripherals};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::pipe::Pipe;
use embassy_usb::class::cdc_acm::{CdcAcmClass, State};
use embassy_usb::{Builder, Config};
use embedded_io::{ErrorType, Write};

bind_interrupts!(struct Interrupts {
    USBCTRL_IRQ => usb::InterruptHandler<peripherals::USB>;
});

/// Bytes on their way to the host.
static LINES: Pipe<CriticalSectionRawMutex, 1024> = Pipe::new();

/// Bytes of a packet, at full speed.
const PACKET: u16 = 64;

/// The port. It takes everything at once; while nobody reads on the other side, what finds no place is dropped as a whole.
pub struct Port;

impl ErrorType for Port {
    type Error = Infallible;
}

impl Write for Port {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let mut rest = if bytes.len() <= LINES.free_capacity() { bytes } else { &[] };
        while let Ok(count @ 1..) = LINES.try_write(rest) {
            rest = &rest[count..];
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Serves the host, for ever.
#[embassy_executor::task]
pub async fn serve(usb: Peri<'static, peripherals::USB>) {
    // Shared by all USB serial ports of hobby projects; the names tell them apart (V-USB, "USB-IDs-for-free").
    let mut settings = Config::new(0x16c0, 0x27dd);
    settings.manufacturer = Some("earmark");
    settings.product = Some("earmark");
    settings.serial_number = Some("earmark");
    let (mut configuration, mut capabilities, mut control) = ([0; 256], [0; 64], [0; 64]);
    let mut state = State::new();
    let driver = Driver::new(usb, Interrupts);
    let mut builder = Builder::new(driver, settings, &mut configuration, &mut capabilities, &mut [], &mut control);
    let mut port = CdcAcmClass::new(&mut builder, &mut state, PACKET);
    let mut device = builder.build();
    let send = async {
        loop {
            port.wait_connection().await;
            // A packet that is not full ends what the host waits for.
            let mut packet = [0; PACKET as usize - 1];
            loop {
                let count = LINES.read(&mut packet).await;
                if port.write_packet(&packet[..count]).await.is_err() {
                    break;
                }
            }
        }
    };
    join(device.run(), send).await;
}
