//! The one error type of the program.

use core::fmt;

/// Why a run failed. Printed to stderr; the run then ends with a status other than 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The arguments make no sense.
    Usage,
    /// The host gives no console.
    Console,
    /// The file can't be opened or read.
    File,
    /// The file is not a WAV file of the kind that the simulated microphone plays.
    Wav {
        /// What it should be.
        expected: &'static str,
    },
    /// The LED can't be read back.
    Led,
    /// The chain from the slots to the answer failed.
    Edge(earmark_edge::Error),
}

const USAGE: &str = "usage: cargo run --release -- [--mode streaming|windowed] [--condition none|inmp441|sph0645] \
    [--pace real|none] [--inject overrun@SAMPLE|wrong-channel|dc=N|slow=ROUNDS|dropout@SAMPLE] [--fingerprints] FILE.wav";

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage => f.write_str(USAGE),
            Self::Console => f.write_str("the host's console does not answer: run QEMU with semihosting enabled"),
            Self::File => f.write_str("the file cannot be read: check its name"),
            Self::Wav { expected } => write!(f, "the file must be {expected}: convert it first"),
            Self::Led => f.write_str("the LED's state cannot be read"),
            Self::Edge(error) => error.fmt(f),
        }
    }
}

impl From<earmark_edge::Error> for Failure {
    fn from(error: earmark_edge::Error) -> Self {
        Self::Edge(error)
    }
}

impl From<earmark_core::Error> for Failure {
    fn from(error: earmark_core::Error) -> Self {
        Self::Edge(error.into())
    }
}

impl<E> From<embedded_io::WriteFmtError<E>> for Failure {
    fn from(_: embedded_io::WriteFmtError<E>) -> Self {
        Self::Console
    }
}
