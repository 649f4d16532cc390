//! The one error type of the crate.

use core::fmt;

/// What can go wrong in the core. Every variant says what is wrong; [`Display`](fmt::Display) adds what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The memory handed over is smaller than the model needs.
    MemoryTooSmall {
        /// Bytes the model needs.
        needed: usize,
        /// Bytes that were given.
        given: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MemoryTooSmall { needed, given } => {
                write!(f, "the model needs {needed} bytes of memory and was given {given}: enlarge the buffer")
            }
        }
    }
}

impl core::error::Error for Error {}
