//! A pin that stays high for a time.

use embedded_hal::digital::{Error as _, OutputPin};

use crate::Error;

/// A pin with the moment at which it goes low. Moments are numbers of samples: there is no other clock.
#[derive(Debug)]
pub(crate) struct Held<P> {
    pin: P,
    low_at: Option<u64>,
}

impl<P: OutputPin> Held<P> {
    /// Sets the pin low.
    pub fn new(pin: P) -> Result<Self, Error> {
        let mut held = Self { pin, low_at: None };
        held.lower()?;
        Ok(held)
    }

    /// Sets the pin high, until the moment given.
    pub fn raise(&mut self, low_at: u64) -> Result<(), Error> {
        self.low_at = Some(low_at);
        self.pin.set_high().map_err(|error| Error::Pin(error.kind()))
    }

    /// Sets the pin low if it is time.
    pub fn pass(&mut self, now: u64) -> Result<(), Error> {
        if self.low_at.is_some_and(|moment| moment <= now) { self.lower() } else { Ok(()) }
    }

    /// Sets the pin low.
    pub fn lower(&mut self) -> Result<(), Error> {
        self.pin.set_low().map_err(|error| Error::Pin(error.kind()))?;
        self.low_at = None; // not if that failed: it is tried again
        Ok(())
    }

    /// The pin itself.
    pub const fn pin(&mut self) -> &mut P {
        &mut self.pin
    }
}
