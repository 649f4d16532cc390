//! What can be made to go wrong.

/// A fault of the simulated microphone or of its peripheral. Samples are counted from the first that is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The DMA's half that begins at this sample is lost.
    Overrun {
        /// The sample.
        at: u64,
    },
    /// The microphone is strapped to the other channel: the slots of its own hold nothing.
    WrongChannel,
    /// Every sample is shifted by this much.
    Offset {
        /// In units of a 16-bit sample.
        by: i16,
    },
    /// The processor is too slow: it does something else for a while after each window's scores.
    Slow {
        /// Turns of an idle loop.
        rounds: u32,
    },
    /// The clock's wire comes off: from this sample on the peripheral delivers the last slots over and over.
    Dropout {
        /// The sample.
        at: u64,
    },
}

impl Fault {
    /// Reads `overrun@SAMPLE`, `wrong-channel`, `dc=N`, `slow=ROUNDS` or `dropout@SAMPLE`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "wrong-channel" {
            return Some(Self::WrongChannel);
        }
        if let Some(by) = text.strip_prefix("dc=") {
            return by.parse().ok().map(|by| Self::Offset { by });
        }
        if let Some(rounds) = text.strip_prefix("slow=") {
            return rounds.parse().ok().map(|rounds| Self::Slow { rounds });
        }
        let (what, at) = text.split_once('@')?;
        let at = at.parse().ok()?;
        match what {
            "overrun" => Some(Self::Overrun { at }),
            "dropout" => Some(Self::Dropout { at }),
            _ => None,
        }
    }
}
