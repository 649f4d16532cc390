//! Errors and events for defmt, and lines printed by it.

use core::convert::Infallible;

use defmt::{Display2Format, Format, Formatter, write};
use earmark_core::listener;
use embedded_io::{ErrorType, Write};

use crate::{Error, listening, windowed};

/// What [`Display`](core::fmt::Display) says.
impl Format for Error {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "{}", Display2Format(self));
    }
}

impl Format for windowed::Event {
    fn format(&self, f: Formatter<'_>) {
        match self {
            Self::Window { best, raised } => {
                write!(f, "window: label {=usize}, score {=f32}, raised {=bool}", best.index, best.score, *raised);
            }
            Self::Overrun => write!(f, "overrun"),
        }
    }
}

impl Format for listening::Event<'_> {
    fn format(&self, f: Formatter<'_>) {
        match self {
            Self::Heard(listener::Event::Scores { end, scores }) => {
                write!(f, "scores {} at {=u64}", scores, *end);
            }
            Self::Heard(listener::Event::Detection(found)) => write!(
                f,
                "detection: label {=usize}, score {=f32}, from {=u64} to {=u64}",
                found.label, found.score, found.start, found.end
            ),
            Self::Heard(listener::Event::Signal { at, condition }) => {
                write!(f, "at {=u64}: {=str}", *at, condition.name());
            }
            Self::Heard(_) => write!(f, "heard"),
            Self::Overrun { at, count } => write!(f, "overrun {=u32} at {=u64}", *count, *at),
        }
    }
}

/// A port whose lines defmt prints.
///
/// It takes what is written in one piece as one line, which is how the run loops write.
#[derive(Debug, Clone, Copy, Default)]
pub struct Printer;

impl ErrorType for Printer {
    type Error = Infallible;
}

impl Write for Printer {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        for piece in bytes.utf8_chunks() {
            defmt::println!("{=str}", piece.valid().trim_end());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
