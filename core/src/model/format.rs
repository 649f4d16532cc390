//! The layout of a `.ear` file, version 3: where each number stands.
//!
//! Everything is little-endian. The file begins with [`HEADER_WORDS`] 32-bit words; the tables and sections that they
//! point at follow, each at an offset from the start of the file that is a multiple of [`ALIGNMENT`]. All offsets and
//! lengths are in bytes.
//!
//! | section | contents |
//! |---|---|
//! | labels | for each label the end of its text as a `u32`, counted from the first text byte; then the UTF-8 texts |
//! | window | `window length` × `f32`: the analysis window; of a front end in integers `i32` in units of 2⁻³¹ |
//! | bands | `mel bands` × two `u16`: first spectrum bin and number of bins of each mel band |
//! | band weights | `f32` for each bin of each band, one band after the other; of a front end in integers `u16` |
//! | quantisers | front end in integers only: `features` × two `i32`, see [`Quantiser`](crate::frontend::fixed::Quantiser) |
//! | cosines | MFCC only: `coefficients` × `mel bands` × `f32`, the discrete cosine transform's rows |
//! | normalisation | optional: `features` × `f32` offsets, then `features` × `f32` scales |
//! | plan | the operators for a whole window, in the order in which they run: see [`Op`](crate::model::Op) |
//! | streaming plan | optional: the operators for one step of a stream, over an arena of its own |
//! | delay lines | with a streaming plan: for each three `u32`, offset in that arena, length, and bytes by which a step moves it forward |
//! | data | weights, biases, scales and lookup tables that the operators point at |
//! | thresholds | for each label an `f32` in 0..=1: the score from which it counts; a tool may write others in their place |
//! | provenance | UTF-8 JSON for people and tools; the device never reads it |
//!
//! Operators may point at common data. The channels of a plan's convolutions, padded as their scales are, and the weight rows of its
//! recurrent layers are no more in all than the file has bytes, which lets it be checked in time that is in proportion to its length.
//!
//! The word numbers below are part of the format: they never change within a version. Words without a name are 0, or the file is refused: a
//! later compiler may have given them a meaning.

/// First four bytes of every artifact.
pub const MAGIC: [u8; 4] = *b"EARM";
/// The version of the format that this crate reads and the compiler writes.
pub const VERSION: u16 = 3;
/// Alignment of the file in memory and of every section in the file, in bytes.
pub const ALIGNMENT: usize = 16;
/// Length of the header in 32-bit words.
pub const HEADER_WORDS: usize = 80;
/// Length of the header in bytes.
pub const HEADER_LENGTH: usize = 4 * HEADER_WORDS;
/// First byte that the checksum covers: everything after the checksum itself.
pub const CHECKED_FROM: usize = 16;
/// Most labels that a model may have.
pub const MAX_LABELS: usize = 1024;
/// Longest label, in bytes of UTF-8.
pub const MAX_LABEL_LENGTH: usize = 64;
/// Highest sample rate that a model may have, in hertz: the fastest converters have it.
pub const MAX_SAMPLE_RATE: u32 = 768_000;
/// Longest time that a detector default may have, in milliseconds: ten minutes.
pub const MAX_DETECTOR_MS: u32 = 600_000;
/// Length of the source's SHA-256 hash in bytes.
pub const SOURCE_HASH_LENGTH: usize = 32;

/// What may be int16: see [`word::INT16`].
pub mod int16 {
    /// Some tensor.
    pub const ANY: u32 = 1;
    /// The features.
    pub const FEATURES: u32 = 2;
    /// The outputs.
    pub const OUTPUTS: u32 = 4;
}

/// Numbers of the header's words.
///
/// ```
/// use earmark_core::model::format::{HEADER_WORDS, word};
/// assert!(word::PROVENANCE_LENGTH < HEADER_WORDS);
/// ```
pub mod word {
    /// [`MAGIC`](super::MAGIC).
    pub const MAGIC: usize = 0;
    /// Format version in the low half, header length in words in the high half.
    pub const VERSION: usize = 1;
    /// Length of the whole file.
    pub const TOTAL_LENGTH: usize = 2;
    /// XXH32 (seed 0) of everything after this word.
    pub const CHECKSUM: usize = 3;
    /// Offset of the labels.
    pub const LABELS: usize = 4;
    /// Length of the labels' section.
    pub const LABELS_LENGTH: usize = 5;
    /// Number of labels, which is the number of the network's outputs.
    pub const LABEL_COUNT: usize = 6;
    /// 0: one label is right (softmax); 1: any number of labels may be right (sigmoid).
    pub const PROBLEM: usize = 7;
    /// Sample rate in Hz.
    pub const SAMPLE_RATE: usize = 8;
    /// Samples of one classification window.
    pub const WINDOW_SAMPLES: usize = 9;
    /// The front end's arithmetic. 0: `f32`; 2: integers, see [`fixed`](crate::frontend::fixed). (1 were integers with a window
    /// of 16 bits.)
    pub const ARITHMETIC: usize = 10;
    /// 0: log-mel; 1: MFCC.
    pub const FEATURE_KIND: usize = 11;
    /// 0: magnitude; 1: power.
    pub const SPECTRUM: usize = 12;
    /// 0: ln(x + floor); 1: ln(max(x, floor)); 2: 10·log10(max(x, floor)).
    pub const COMPRESSION: usize = 13;
    /// The compression's floor, `f32`.
    pub const FLOOR: usize = 14;
    /// Samples are multiplied by this first, `f32`.
    pub const PCM_SCALE: usize = 15;
    /// Samples of an analysis frame.
    pub const FRAME_LENGTH: usize = 16;
    /// Samples between the starts of two frames.
    pub const HOP_LENGTH: usize = 17;
    /// Points of the Fourier transform.
    pub const FFT_LENGTH: usize = 18;
    /// Number of mel bands.
    pub const MEL_BANDS: usize = 19;
    /// Number of MFCC coefficients; 0 for log-mel.
    pub const COEFFICIENTS: usize = 20;
    /// Offset of the analysis window.
    pub const ANALYSIS_WINDOW: usize = 21;
    /// Offset of the mel bands.
    pub const BANDS: usize = 22;
    /// Offset of the mel bands' weights.
    pub const BAND_WEIGHTS: usize = 23;
    /// Number of the mel bands' weights.
    pub const BAND_WEIGHT_COUNT: usize = 24;
    /// Offset of the cosines; 0 for log-mel.
    pub const COSINES: usize = 25;
    /// Offset of the normalisation; 0 for none.
    pub const NORMALISATION: usize = 26;
    /// Frames of features that the network takes in.
    pub const FRAMES: usize = 27;
    /// Scale of the quantised features, `f32`.
    pub const INPUT_SCALE: usize = 28;
    /// Zero point of the quantised features, `i32`.
    pub const INPUT_ZERO_POINT: usize = 29;
    /// Scale of the network's outputs, `f32`.
    pub const OUTPUT_SCALE: usize = 30;
    /// Zero point of the network's outputs, `i32`.
    pub const OUTPUT_ZERO_POINT: usize = 31;
    /// Where in the arena the outputs stand.
    pub const OUTPUT: usize = 32;
    /// Offset of the plan.
    pub const PLAN: usize = 33;
    /// Length of the plan.
    pub const PLAN_LENGTH: usize = 34;
    /// Number of operators in the plan.
    pub const OP_COUNT: usize = 35;
    /// Bytes of the arena: the quantised features, then all activations.
    pub const ARENA: usize = 36;
    /// Bytes of the executor's scratch memory.
    pub const SCRATCH: usize = 37;
    /// Detector default: milliseconds over which scores are averaged.
    pub const SMOOTHING_MS: usize = 38;
    /// Offset of the thresholds.
    pub const THRESHOLDS: usize = 39;
    /// Detector default: milliseconds without a second detection.
    pub const REFRACTORY_MS: usize = 40;
    /// First of eight words: SHA-256 of the file that the model was compiled from.
    pub const SOURCE_HASH: usize = 41;
    /// Offset of the provenance.
    pub const PROVENANCE: usize = 49;
    /// Length of the provenance.
    pub const PROVENANCE_LENGTH: usize = 50;
    /// Detector default: part of its threshold below which a label's score must fall before it may be detected again, `f32` in 0..=1.
    pub const RELEASE: usize = 51;
    /// Detector default: milliseconds for which a score must stay above its threshold.
    pub const MINIMUM_MS: usize = 52;
    /// Detector default: milliseconds without a detection after a start.
    pub const MUTE_MS: usize = 53;
    /// Streaming: frames from one output to the next; 0 if the network can't stream, and the words from [`STREAM_PLAN`] to [`DELAY_COUNT`] are
    /// then 0 too.
    pub const STREAM_STRIDE: usize = 54;
    /// Offset of the streaming plan.
    pub const STREAM_PLAN: usize = 55;
    /// Length of the streaming plan.
    pub const STREAM_PLAN_LENGTH: usize = 56;
    /// Number of operators in the streaming plan.
    pub const STREAM_OP_COUNT: usize = 57;
    /// Bytes of the streaming plan's arena: delay lines, running sums, activations.
    pub const STREAM_ARENA: usize = 58;
    /// Bytes of scratch memory that the streaming plan takes.
    pub const STREAM_SCRATCH: usize = 59;
    /// Where in the streaming plan's arena the outputs stand.
    pub const STREAM_OUTPUT: usize = 60;
    /// Offset of the delay lines' table.
    pub const DELAYS: usize = 61;
    /// Number of delay lines; the first is that of the quantised features.
    pub const DELAY_COUNT: usize = 62;
    /// Offset of the quantisers; 0 for a front end in `f32`, and [`QUANTISER_SHIFT`] and both words of [`FIXED_FLOOR`] are then 0 too.
    pub const QUANTISERS: usize = 63;
    /// Fractional bits of the quantisers.
    pub const QUANTISER_SHIFT: usize = 64;
    /// The floor of a front end in integers: two words, the lower first.
    pub const FIXED_FLOOR: usize = 65;
    /// Where the frames of a window lie. 0: from its first sample on; 1: centred, zeros outside; 2: centred, mirrored outside. If this or one
    /// of the next three is not 0 there is no streaming plan: see [`ClipSettings`](crate::frontend::ClipSettings).
    pub const CENTRING: usize = 67;
    /// What samples are divided by. 0: nothing; 1: the window's highest one; 2: the absolutely largest.
    pub const PEAK: usize = 68;
    /// How far below the window's highest band another may be, `f32`; 0 for no limit.
    pub const CLIP_RANGE: usize = 69;
    /// 1: the window's highest band is subtracted from all.
    pub const CLIP_RELATIVE: usize = 70;
    /// What is int16, as the sum of [`int16`](super::int16)'s numbers; 0 if all is int8.
    pub const INT16: usize = 71;
    /// Detector default: how much surer a label must be in the midst of talk than after a pause, `f32` in 0..=1; 0 for no difference.
    pub const ISOLATION: usize = 72;
    /// The first of the words without a name.
    pub const UNNAMED: usize = 73;
}
