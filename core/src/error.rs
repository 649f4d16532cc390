//! The one error type of the crate.

use core::fmt;

/// What can go wrong in the core. Every variant says what is wrong; [`Display`](fmt::Display) adds what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The bytes do not begin as an artifact does.
    NotAnArtifact,
    /// The artifact was written by another version of the compiler.
    UnsupportedVersion {
        /// The format version in the file.
        found: u16,
    },
    /// The artifact is shorter or longer than its header says.
    Truncated {
        /// Bytes that it should have.
        needed: usize,
        /// Bytes that it has.
        given: usize,
    },
    /// The artifact's contents do not give its checksum.
    ChecksumMismatch {
        /// The checksum in the file.
        stored: u32,
        /// The checksum of the contents.
        computed: u32,
    },
    /// The artifact does not start at a multiple of 16 bytes in memory.
    Misaligned {
        /// Bytes beyond the last multiple.
        by: usize,
    },
    /// A number in the artifact's header is wrong.
    BadHeader {
        /// Where it stands in the file.
        offset: u32,
        /// What is wrong.
        what: &'static str,
    },
    /// An operator of the plan is wrong.
    BadOp {
        /// Which one, from 0.
        index: u16,
        /// What is wrong.
        what: &'static str,
    },
    /// The memory handed over is smaller than the model needs.
    MemoryTooSmall {
        /// Bytes the model needs.
        needed: usize,
        /// Bytes that were given.
        given: usize,
    },
    /// The memory handed over does not start at a multiple of 4 bytes.
    MisalignedMemory,
    /// A setting of the front end is outside what the core supports.
    FrontEndSetting {
        /// The setting, as `MODEL.toml` names it.
        setting: &'static str,
        /// Its value.
        given: usize,
        /// The values it may have.
        allowed: &'static str,
    },
    /// A table of the front end does not have the length that its settings ask for.
    FrontEndTable {
        /// The table.
        table: &'static str,
        /// Values it must hold.
        needed: usize,
        /// Values it holds.
        given: usize,
    },
    /// A number of the front end is not finite, or is negative or zero where it may not be.
    FrontEndNumber {
        /// The setting or table.
        table: &'static str,
        /// Which of its values, from 0.
        index: usize,
    },
    /// A mel band reaches beyond the spectrum.
    FrontEndBand {
        /// The band, from 0.
        band: usize,
        /// The bin after its last one.
        end: usize,
        /// Bins of the spectrum.
        bins: usize,
    },
    /// The tables of the front end are so large that loud samples give features that are not finite.
    FrontEndOverflow,
    /// A buffer handed to a call does not have the length that the model asks for.
    BufferLength {
        /// What it is for.
        buffer: &'static str,
        /// Values it must hold.
        needed: usize,
        /// Values it holds.
        given: usize,
    },
}

impl Error {
    /// What is wrong with an artifact, without figures: all that a build's error message can hold.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        match self {
            Self::NotAnArtifact => "the file is not an earmark artifact",
            Self::UnsupportedVersion { .. } => "the artifact has a format version that this earmark does not read",
            Self::Truncated { .. } => "the artifact's length is not what its header says",
            Self::ChecksumMismatch { .. } => "the artifact is damaged",
            Self::Misaligned { .. } => "the artifact must start at a multiple of 16 bytes",
            Self::BadHeader { what, .. } | Self::BadOp { what, .. } => what,
            _ => "the artifact is not usable",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnArtifact => write!(f, "{}: give a file that `earmark compile` wrote", self.what()),
            Self::UnsupportedVersion { found } => {
                write!(f, "{}: it has version {found}; compile the model anew", self.what())
            }
            Self::Truncated { needed, given } => {
                write!(f, "{}: it has {given} bytes instead of {needed}; copy or compile it anew", self.what())
            }
            Self::ChecksumMismatch { stored, computed } => write!(
                f,
                "{}: the file says {stored:#010x}, its contents give {computed:#010x}; copy or compile it anew",
                self.what()
            ),
            Self::Misaligned { by } => {
                write!(f, "{}: it is {by} bytes off; embed it with include_model! or hold it in Aligned", self.what())
            }
            Self::BadHeader { offset, what } => {
                write!(f, "the artifact's header is wrong at byte {offset}: {what}; compile the model anew")
            }
            Self::BadOp { index, what } => {
                write!(f, "operator {index} of the artifact's plan is wrong: {what}; compile the model anew")
            }
            Self::MemoryTooSmall { needed, given } => {
                write!(f, "the model needs {needed} bytes of memory and was given {given}: enlarge the buffer")
            }
            Self::MisalignedMemory => {
                write!(f, "the working memory must start at a multiple of 4 bytes: hold it in Memory")
            }
            Self::FrontEndSetting { setting, given, allowed } => {
                write!(f, "the front end's {setting} is {given} and must be {allowed}: compile the model anew")
            }
            Self::FrontEndTable { table, needed, given } => write!(
                f,
                "the front end's table `{table}` holds {given} values where its settings ask for {needed}: compile the \
                 model anew"
            ),
            Self::FrontEndNumber { table, index } => write!(
                f,
                "the front end's `{table}` has a value at {index} that is out of range or not finite: compile the model \
                 anew"
            ),
            Self::FrontEndBand { band, end, bins } => write!(
                f,
                "mel band {band} of the front end ends at bin {end} of a spectrum of {bins} bins: compile the model anew"
            ),
            Self::FrontEndOverflow => f.write_str(
                "the front end's tables overflow on loud samples: make pcm_scale, the window or the weights smaller",
            ),
            Self::BufferLength { buffer, needed, given } => {
                write!(f, "the buffer for {buffer} holds {given} values and must hold {needed}: change its length")
            }
        }
    }
}

impl core::error::Error for Error {}
