//! The one error type of the crate.

use core::fmt;

use embedded_hal::digital;

/// What can go wrong between the microphone and the answer. [`Display`](fmt::Display) says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Samples were lost because they were not fetched in time.
    Overrun,
    /// The microphone, or the peripheral that it hangs on, failed.
    Source {
        /// What happened, as the source says it.
        what: &'static str,
    },
    /// The line of output could not be written.
    Output(embedded_io::ErrorKind),
    /// The pin could not be set.
    Pin(digital::ErrorKind),
    /// The core refused the model, its memory or a buffer.
    Core(earmark_core::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overrun => f.write_str(
                "samples were lost: make the source's buffers longer, or the model or its rate of windows smaller",
            ),
            Self::Source { what } => write!(f, "the microphone failed: {what}"),
            Self::Output(kind) => write!(f, "the answer could not be written ({kind}): check the port that it goes to"),
            Self::Pin(kind) => write!(f, "the output pin could not be set ({kind}): check how it is configured"),
            Self::Core(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Core(error) => Some(error),
            _ => None,
        }
    }
}

impl From<earmark_core::Error> for Error {
    fn from(error: earmark_core::Error) -> Self {
        Self::Core(error)
    }
}
