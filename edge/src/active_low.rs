//! LEDs that are lit by a low pin.

use embedded_hal::digital::{ErrorType, OutputPin, StatefulOutputPin};

/// A pin that is low when it is set high, and the other way round: for an LED between a pin and the supply.
///
/// ```
/// use earmark_edge::active_low::ActiveLow;
/// use embedded_hal::digital::OutputPin;
///
/// fn light(pin: impl OutputPin) {
///     let _ = ActiveLow(pin).set_high(); // the pin itself is low now
/// }
/// ```
#[derive(Debug)]
pub struct ActiveLow<P>(pub P);

impl<P: ErrorType> ErrorType for ActiveLow<P> {
    type Error = P::Error;
}

impl<P: OutputPin> OutputPin for ActiveLow<P> {
    fn set_low(&mut self) -> Result<(), P::Error> {
        self.0.set_high()
    }

    fn set_high(&mut self) -> Result<(), P::Error> {
        self.0.set_low()
    }
}

impl<P: StatefulOutputPin> StatefulOutputPin for ActiveLow<P> {
    fn is_set_high(&mut self) -> Result<bool, P::Error> {
        self.0.is_set_low()
    }

    fn is_set_low(&mut self) -> Result<bool, P::Error> {
        self.0.is_set_high()
    }
}
