//! What can be wrong with a signal, in words.

use core::fmt;

/// What is found to be wrong with the samples as they come from the microphone or file, before any conditioning.
///
/// [`Display`](fmt::Display) gives a sentence for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignalCondition {
    /// Nothing but zeros for a while.
    AllZero,
    /// One and the same value, not zero, for a while.
    Stuck,
    /// Parts of the signal lie flat against an end of the scale.
    Clipped,
    /// The signal lies off zero.
    DcShifted,
    /// What was found before is over.
    Recovered,
}

impl SignalCondition {
    /// The name in lower case, for logs and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllZero => "all_zero",
            Self::Stuck => "stuck",
            Self::Clipped => "clipped",
            Self::DcShifted => "dc_shifted",
            Self::Recovered => "recovered",
        }
    }
}

impl fmt::Display for SignalCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AllZero => "the signal is exactly zero: wrong channel or muted microphone?",
            Self::Stuck => "the signal is stuck at one value: microphone unplugged, or its clock or data line broken?",
            Self::Clipped => "the signal is clipped: turn the gain down or move away from the microphone",
            Self::DcShifted => {
                "the signal lies off zero: use conditioning with a DC blocker, or check the microphone's wiring"
            }
            Self::Recovered => "the signal is good again",
        })
    }
}

/// A change of the signal's condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalChange {
    /// Samples heard since the last reset when it was found.
    pub at: u64,
    /// What the signal's condition is from now on.
    pub condition: SignalCondition,
}
