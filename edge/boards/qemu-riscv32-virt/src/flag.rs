//! In place of an LED.

use core::convert::Infallible;

use embedded_hal::digital::{ErrorType, OutputPin, StatefulOutputPin};

/// A pin that only remembers how it was set: the machine has none.
#[derive(Debug, Default)]
pub struct Flag {
    high: bool,
}

impl ErrorType for Flag {
    type Error = Infallible;
}

impl OutputPin for Flag {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.high = false;
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.high = true;
        Ok(())
    }
}

impl StatefulOutputPin for Flag {
    fn is_set_high(&mut self) -> Result<bool, Infallible> {
        Ok(self.high)
    }

    fn is_set_low(&mut self) -> Result<bool, Infallible> {
        Ok(!self.high)
    }
}
