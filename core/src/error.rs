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
    /// A front end in integers does not have what the front end's settings ask for.
    FixedFrontEnd {
        /// The setting, as `MODEL.toml` names it.
        setting: &'static str,
        /// The values it may have.
        allowed: &'static str,
    },
    /// What the model's front end, one of its operators or its tensors take was left out of this build.
    FeatureLeftOut {
        /// The feature of this crate that brings it.
        feature: &'static str,
    },
    /// A stream was to be heard with a front end that only whole clips can have.
    ClipsOnly {
        /// Why.
        why: &'static str,
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
    /// A runtime that stands in for the engine failed.
    NetworkFailed,
    /// A label's number is beyond the model's labels.
    NoSuchLabel {
        /// The number given, from 0.
        label: usize,
        /// Labels there are.
        labels: usize,
    },
    /// The name given for the conditioning of samples is not known.
    PresetUnknown,
    /// A buffer is too small for what was to be written into it.
    BufferTooSmall {
        /// Bytes that are certain to do.
        needed: usize,
        /// Bytes that it has.
        given: usize,
    },
    /// A score is infinite or not a number, which JSON cannot carry.
    ScoreNotFinite {
        /// Its place in the answer, from 0.
        index: usize,
    },
    /// The request starts with a byte order mark.
    RequestByteOrderMark,
    /// The request is not UTF-8.
    RequestNotUtf8 {
        /// The first byte that is wrong, from 0.
        offset: usize,
    },
    /// The request is not JSON.
    RequestSyntax {
        /// The byte at which it is wrong, from 0; the request's length if something is missing at its end.
        offset: usize,
        /// What should be there.
        expected: &'static str,
    },
    /// The request nests objects and arrays deeper than [`MAX_DEPTH`](crate::api::MAX_DEPTH).
    RequestTooDeep {
        /// The byte that opens one too many, from 0.
        offset: usize,
    },
    /// The request lacks a field that it needs.
    RequestFieldMissing {
        /// Its name.
        field: &'static str,
    },
    /// The request has a field twice.
    RequestFieldTwice {
        /// Its name, with the object that it is in.
        field: &'static str,
    },
    /// A field of the request is of the wrong type.
    RequestFieldType {
        /// Its name, with the object that it is in.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// The name given for `function_to_apply` is not one of the API's.
    FunctionUnknown,
    /// The number given for `top_k` is not whole, or is below 1.
    TopKInvalid,
    /// The request's audio is an empty string.
    Base64Empty,
    /// The request's audio is not base64.
    Base64Character {
        /// The character that base64 does not have.
        character: char,
        /// Its place in the string, from 0, counting an escape as one.
        offset: usize,
    },
    /// The request's audio breaks off: base64 of this length is not a whole number of bytes.
    Base64Length {
        /// Characters other than white space and padding.
        digits: usize,
        /// Padding characters (`=`).
        padding: usize,
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
            Self::FeatureLeftOut { feature } => match feature.as_bytes() {
                b"clip-frontend" => "the model takes earmark-core with its feature `clip-frontend`",
                b"float-frontend" => "the model takes earmark-core with its feature `float-frontend`",
                b"int16" => "the model takes earmark-core with its feature `int16`",
                b"recurrent" => "the model takes earmark-core with its feature `recurrent`",
                _ => "the model takes earmark-core with its feature `fixed-frontend`",
            },
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
            Self::FrontEndSetting { setting, given, allowed } => write!(
                f,
                "the front end's {setting} is {given} and must be {allowed}: change it in the model's front-end options and \
                 compile again"
            ),
            Self::FrontEndTable { table, needed, given } => write!(
                f,
                "the front end's {table} has {given} values and must have {needed}: check the model's front-end options and \
                 compile again"
            ),
            Self::FrontEndNumber { table, index } => write!(
                f,
                "value {index} of the front end's {table} is not finite, or not positive where it must be: check the \
                 model's front-end options and compile again"
            ),
            Self::FrontEndBand { band, end, bins } => write!(
                f,
                "mel band {band} of the front end ends at bin {end} of a spectrum of {bins} bins: compile the model again"
            ),
            Self::FixedFrontEnd { setting, allowed } => write!(
                f,
                "a front end in integers has only this {setting}: {allowed}; change it in the model's front-end options, or compile \
                 with --frontend float"
            ),
            Self::FeatureLeftOut { .. } => write!(f, "{}: turn it on", self.what()),
            Self::ClipsOnly { why } => write!(
                f,
                "the model hears clips only and cannot listen, because {why}: train it without, or give it whole clips"
            ),
            Self::FrontEndOverflow => f.write_str(
                "loud samples would overflow the front end: make pcm_scale, offset or scale smaller in the model's \
                 front-end options and compile again",
            ),
            Self::NetworkFailed => {
                f.write_str("the runtime that stands in for the engine failed: use the engine itself (--engine core)")
            }
            Self::BufferLength { buffer, needed, given } => {
                write!(f, "the buffer for {buffer} holds {given} values and must hold {needed}: change its length")
            }
            Self::NoSuchLabel { label, labels } => {
                write!(f, "there is no label {label}: the model has {labels}, numbered from 0")
            }
            Self::PresetUnknown => f.write_str("the conditioning must be none, inmp441 or sph0645, in lower case"),
            Self::BufferTooSmall { needed, given } => {
                write!(f, "{needed} bytes do not fit into a buffer of {given}: enlarge it")
            }
            Self::ScoreNotFinite { index } => {
                write!(f, "score {index} is not a finite number: apply a function_to_apply to the outputs first")
            }
            Self::RequestByteOrderMark => {
                f.write_str("the request starts with a byte order mark: send plain UTF-8 without it")
            }
            Self::RequestNotUtf8 { offset } => write!(
                f,
                "the request starts as JSON but is not UTF-8 at byte {offset}: send the audio in it as base64, or the \
                 audio file alone as the body"
            ),
            Self::RequestSyntax { offset, expected } => {
                write!(f, "the request is not valid JSON at byte {offset}: expected {expected}")
            }
            Self::RequestTooDeep { offset } => write!(
                f,
                "the request opens more than {} objects and arrays inside each other at byte {offset}: send \
                 {{\"inputs\": …, \"parameters\": {{…}}}}",
                crate::api::MAX_DEPTH
            ),
            Self::RequestFieldMissing { field } => {
                write!(f, "the request has no `{field}`: send {{\"inputs\": \"<the audio file as base64>\"}}")
            }
            Self::RequestFieldTwice { field } => write!(f, "the request has `{field}` twice: send it once"),
            Self::RequestFieldType { field, expected, found } => {
                write!(f, "`{field}` must be {expected} and is {found}")
            }
            Self::FunctionUnknown => f.write_str("function_to_apply must be sigmoid, softmax or none, in lower case"),
            Self::TopKInvalid => f.write_str("top_k must be a whole number of 1 or more: leave it out for all labels"),
            Self::Base64Empty => f.write_str("`inputs` is empty: send the audio file in it as base64"),
            Self::Base64Character { character, offset } => write!(
                f,
                "`inputs` is not base64: it has {character:?} at character {offset}; send the audio file's bytes as \
                 base64, not its name or address"
            ),
            Self::Base64Length { digits, padding } => write!(
                f,
                "`inputs` is not whole base64: {digits} characters and {padding} of padding end within a byte; send \
                 all of it"
            ),
        }
    }
}

impl core::error::Error for Error {}
