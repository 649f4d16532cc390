//! LEDs that are lit by a low pin.

mod scripted;

use earmark_edge::active_low::ActiveLow;
use embedded_hal::digital::{ErrorKind, OutputPin};
use scripted::Pin;

#[test]
fn high_is_low_and_low_is_high() {
    let mut pin = Pin::default();
    let mut led = ActiveLow(&mut pin);
    led.set_high().unwrap();
    led.set_low().unwrap();
    assert_eq!(pin.states, [false, true]);
    assert_eq!(ActiveLow(Pin { broken: true, ..Pin::default() }).set_high(), Err(ErrorKind::Other));
}
