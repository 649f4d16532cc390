//! Errors and events for defmt.

use defmt::{Display2Format, Format, Formatter, write};
use earmark_core::listener;

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
                write!(f, "scores {=[f32]} at {=u64}", scores, *end)
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
