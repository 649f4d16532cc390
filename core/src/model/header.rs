//! The header and the tables that it points at, checked.

use super::checksum::xxh32;
use super::format::{
    ALIGNMENT, CHECKED_FROM, HEADER_LENGTH, HEADER_WORDS, MAGIC, MAX_DETECTOR_MS, MAX_LABEL_LENGTH, MAX_LABELS,
    MAX_SAMPLE_RATE, VERSION, int16, word,
};
use super::op::Element;
use super::reader::{float_at, half_at, holds, word_at};
use crate::Error;
use crate::frontend::{Centring, ClipSettings, MAX_FFT_LENGTH, MIN_FFT_LENGTH, Peak, built_in};

/// What the network's problem is: how its raw outputs become scores unless the caller says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Exactly one label is right: softmax.
    SingleLabel,
    /// Any number of labels may be right: a sigmoid each.
    MultiLabel,
}

/// How a stream of samples is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Only what new frames add is computed, the rest is remembered.
    Streaming {
        /// Frames from one output to the next: the network's stride along time.
        stride_frames: usize,
    },
    /// Each window is evaluated whole, one hop after another: the network can't stream, and `earmark inspect` says why.
    Windowed,
}

/// How a real number is held in a byte or two: `real = (quantised − zero_point) · scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantisation {
    /// Size of one step; finite and above 0.
    pub scale: f32,
    /// The quantised value that stands for zero.
    pub zero_point: i8,
}

impl Quantisation {
    /// The real number that a quantised one stands for.
    #[must_use]
    pub fn value(self, quantised: impl Into<i32>) -> f32 {
        (quantised.into() - i32::from(self.zero_point)) as f32 * self.scale
    }
}

/// Defaults for turning scores into detections, as set when the model was made. The thresholds, one a label, stand apart:
/// [`Model::thresholds`](crate::model::Model::thresholds).
///
/// Times are in milliseconds, so that they mean the same whatever the time between two scores; each is at most ten minutes
/// ([`MAX_DETECTOR_MS`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectorDefaults {
    /// Time over which scores are averaged; less than the time between two scores: not at all.
    pub smoothing_ms: u32,
    /// How much surer a label must be in the midst of talk than after a pause: see
    /// [`DetectorSettings::isolation`](crate::detect::DetectorSettings::isolation); 0..=1.
    pub isolation: f32,
    /// Part of its threshold below which a label's averaged score must fall before it may be detected again; 0..=1.
    pub release: f32,
    /// Time for which the averaged score must stay at or above the threshold.
    pub minimum_ms: u32,
    /// Time after a detection in which no label is detected.
    pub refractory_ms: u32,
    /// Time after a start or reset in which no label is detected.
    pub mute_ms: u32,
}

/// The memory that a model takes on a device, in bytes, known at build time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// The whole artifact, in flash.
    pub artifact: usize,
    /// Quantised features, activations and the executor's scratch memory: what
    /// [`PlanEngine::new`](crate::engine::PlanEngine::new) takes.
    pub engine: usize,
    /// Everything for scores: what [`Recognizer::new`](crate::recognizer::Recognizer::new) takes.
    pub recognizer: usize,
    /// As [`engine`](Self::engine), for a stream: what [`PlanEngine::streaming`](crate::engine::PlanEngine::streaming) takes. Delay lines and
    /// sums instead of a window of everything; the same as `engine` if the network can't stream.
    pub streaming_engine: usize,
    /// As [`recognizer`](Self::recognizer), for a stream: what [`Recognizer::streaming`](crate::recognizer::Recognizer::streaming) takes.
    pub streaming_recognizer: usize,
    /// Everything for detections, with the model's own settings: what [`Listener::new`](crate::listener::Listener::new) takes.
    pub listener: usize,
    /// Samples of one classification window.
    pub window_samples: usize,
    /// Number of labels.
    pub labels: usize,
}

/// A word of the header.
pub(super) const fn header_word(bytes: &[u8], number: usize) -> u32 {
    word_at(bytes, 4 * number)
}

/// A word of the header that holds a float.
pub(super) const fn header_float(bytes: &[u8], number: usize) -> f32 {
    float_at(bytes, 4 * number)
}

/// Says what is wrong with a word of the header.
pub(super) const fn bad_header(number: usize, what: &'static str) -> Result<(), Error> {
    Err(Error::BadHeader { offset: 4 * number as u32, what })
}

/// Magic, version, length, checksum.
pub(super) const fn check_envelope(bytes: &[u8]) -> Result<(), Error> {
    if bytes.len() < 4 || word_at(bytes, 0) != u32::from_le_bytes(MAGIC) {
        return Err(Error::NotAnArtifact);
    }
    if bytes.len() < HEADER_LENGTH {
        return Err(Error::Truncated { needed: HEADER_LENGTH, given: bytes.len() });
    }
    let version = half_at(bytes, 4 * word::VERSION);
    if version != VERSION {
        return Err(Error::UnsupportedVersion { found: version });
    }
    if half_at(bytes, 4 * word::VERSION + 2) as usize != HEADER_WORDS {
        return bad_header(word::VERSION, "the header's length is not that of its version");
    }
    let length = header_word(bytes, word::TOTAL_LENGTH) as usize;
    if length != bytes.len() {
        return Err(Error::Truncated { needed: length, given: bytes.len() });
    }
    let stored = header_word(bytes, word::CHECKSUM);
    let computed = xxh32(bytes, CHECKED_FROM);
    if stored != computed {
        return Err(Error::ChecksumMismatch { stored, computed });
    }
    Ok(())
}

/// The labels' section: ends in order, texts of legal length in UTF-8.
pub(super) const fn check_labels(bytes: &[u8]) -> Result<(), Error> {
    let count = header_word(bytes, word::LABEL_COUNT) as usize;
    let section = header_word(bytes, word::LABELS);
    let length = header_word(bytes, word::LABELS_LENGTH) as usize;
    if count == 0 || count > MAX_LABELS {
        return bad_header(word::LABEL_COUNT, "there must be 1 to 1024 labels");
    }
    if length < 4 * count || !holds(bytes, section, length as u64, ALIGNMENT as u32) {
        return bad_header(word::LABELS, "the labels lie outside the file");
    }
    let table = section as usize;
    let (_, from_texts) = bytes.split_at(table + 4 * count);
    let (texts, _) = from_texts.split_at(length - 4 * count);
    let mut start = 0;
    let mut index = 0;
    while index < count {
        let end = word_at(bytes, table + 4 * index) as usize;
        if end <= start || end - start > MAX_LABEL_LENGTH || end > texts.len() {
            return bad_header(word::LABELS, "each label must have 1 to 64 bytes");
        }
        let (upto, _) = texts.split_at(end);
        let (_, label) = upto.split_at(start);
        if core::str::from_utf8(label).is_err() {
            return bad_header(word::LABELS, "a label is not UTF-8");
        }
        start = end;
        index += 1;
    }
    Ok(())
}

/// The provenance: any text in UTF-8.
pub(super) const fn check_provenance(bytes: &[u8]) -> Result<(), Error> {
    let section = header_word(bytes, word::PROVENANCE);
    let length = header_word(bytes, word::PROVENANCE_LENGTH);
    if !holds(bytes, section, length as u64, ALIGNMENT as u32) {
        return bad_header(word::PROVENANCE, "the provenance lies outside the file");
    }
    let (_, from_text) = bytes.split_at(section as usize);
    let (text, _) = from_text.split_at(length as usize);
    if core::str::from_utf8(text).is_err() {
        return bad_header(word::PROVENANCE, "the provenance is not UTF-8");
    }
    Ok(())
}

/// Number of features a frame.
pub(super) const fn feature_count(bytes: &[u8]) -> usize {
    match header_word(bytes, word::FEATURE_KIND) {
        0 => header_word(bytes, word::MEL_BANDS) as usize,
        _ => header_word(bytes, word::COEFFICIENTS) as usize,
    }
}

/// What only a whole clip allows.
pub(super) const fn clip_settings(bytes: &[u8]) -> ClipSettings {
    if !built_in::CLIPS {
        return ClipSettings::NONE;
    }
    ClipSettings {
        centring: match header_word(bytes, word::CENTRING) {
            0 => Centring::None,
            1 => Centring::Zeros,
            _ => Centring::Reflect,
        },
        peak: match header_word(bytes, word::PEAK) {
            0 => Peak::None,
            1 => Peak::Highest,
            _ => Peak::Absolute,
        },
        range: header_float(bytes, word::CLIP_RANGE),
        relative: header_word(bytes, word::CLIP_RELATIVE) != 0,
    }
}

/// The words of [`clip_settings`].
const CLIP_WORDS: [usize; 4] = [word::CENTRING, word::PEAK, word::CLIP_RANGE, word::CLIP_RELATIVE];

/// Whether anything is asked for that only a whole clip allows.
const fn is_for_clips(bytes: &[u8]) -> bool {
    let mut index = 0;
    while index < CLIP_WORDS.len() {
        if header_word(bytes, CLIP_WORDS[index]) != 0 {
            return true;
        }
        index += 1;
    }
    false
}

/// The front end's numbers and that its tables lie in the file. What the tables hold is checked by
/// [`FrontEndSpec`](crate::frontend::FrontEndSpec), which needs them as slices.
pub(super) const fn check_front_end(bytes: &[u8]) -> Result<(), Error> {
    let rate = header_word(bytes, word::SAMPLE_RATE);
    if rate == 0 || rate > MAX_SAMPLE_RATE {
        return bad_header(word::SAMPLE_RATE, "the sample rate must be 1 to 768000 Hz");
    }
    let is_fixed = match header_word(bytes, word::ARITHMETIC) {
        0 => false,
        1 => return bad_header(word::ARITHMETIC, "a front end in integers that an older compiler wrote"),
        2 => true,
        _ => return bad_header(word::ARITHMETIC, "unknown arithmetic of the front end"),
    };
    if let Err(error) = built_in::check(is_fixed, is_for_clips(bytes)) {
        return Err(error);
    }
    if header_word(bytes, word::FEATURE_KIND) > 1 {
        return bad_header(word::FEATURE_KIND, "unknown kind of features");
    }
    if header_word(bytes, word::SPECTRUM) > 1 {
        return bad_header(word::SPECTRUM, "unknown kind of spectrum");
    }
    if header_word(bytes, word::COMPRESSION) > 2 {
        return bad_header(word::COMPRESSION, "unknown kind of compression");
    }
    let frame = header_word(bytes, word::FRAME_LENGTH);
    let hop = header_word(bytes, word::HOP_LENGTH);
    let fft = header_word(bytes, word::FFT_LENGTH);
    if !fft.is_power_of_two() || fft < MIN_FFT_LENGTH as u32 || fft > MAX_FFT_LENGTH as u32 {
        return bad_header(word::FFT_LENGTH, "the transform's length must be a power of two from 32 to 2048");
    }
    if frame == 0 || frame > fft {
        return bad_header(word::FRAME_LENGTH, "an analysis frame must have 1 sample to the transform's length");
    }
    if hop == 0 || hop > 65_535 {
        return bad_header(word::HOP_LENGTH, "the hop must be 1 to 65535 samples");
    }
    let bands = header_word(bytes, word::MEL_BANDS);
    let features = feature_count(bytes);
    if bands == 0 || bands > 1024 || features == 0 || features > 1024 {
        return bad_header(word::MEL_BANDS, "there must be 1 to 1024 mel bands and features");
    }
    let log_mel = header_word(bytes, word::FEATURE_KIND) == 0;
    if log_mel && (header_word(bytes, word::COEFFICIENTS) != 0 || header_word(bytes, word::COSINES) != 0) {
        return bad_header(word::COEFFICIENTS, "log-mel features have no coefficients and no cosines");
    }
    let frames = header_word(bytes, word::FRAMES);
    let samples = header_word(bytes, word::WINDOW_SAMPLES) as u64;
    if frames == 0 || frames > 65_535 {
        return bad_header(word::FRAMES, "a window must have 1 to 65535 frames");
    }
    if built_in::CLIPS {
        if header_word(bytes, word::CENTRING) > 2 || header_word(bytes, word::PEAK) > 2 {
            return bad_header(word::CENTRING, "unknown treatment of clips");
        }
        if header_word(bytes, word::CLIP_RELATIVE) > 1 {
            return bad_header(word::CLIP_RELATIVE, "unknown treatment of a clip's loudest band");
        }
    }
    let clip = clip_settings(bytes);
    if clip.refusal().is_some() && header_word(bytes, word::STREAM_STRIDE) != 0 {
        return bad_header(word::STREAM_STRIDE, "a front end for clips only has no stream");
    }
    if is_fixed && clip.refusal().is_some() {
        return bad_header(word::ARITHMETIC, "a front end in integers has nothing that only a whole clip allows");
    }
    let covered = match clip.centring {
        Centring::None => (frames as u64 - 1) * hop as u64 + frame as u64,
        _ => (frames as u64 - 1) * hop as u64,
    };
    if samples < covered || samples >= covered + hop as u64 {
        return bad_header(word::WINDOW_SAMPLES, "the window's samples do not give its number of frames");
    }
    if is_fixed && (!log_mel || header_word(bytes, word::NORMALISATION) != 0) {
        return bad_header(
            word::ARITHMETIC,
            "a front end in integers has log-mel features and no normalisation of its own",
        );
    }
    let weight = if is_fixed { 2 } else { 4 };
    let tables = [
        (word::ANALYSIS_WINDOW, 4 * frame as u64, false),
        (word::BANDS, 4 * bands as u64, false),
        (word::BAND_WEIGHTS, weight * header_word(bytes, word::BAND_WEIGHT_COUNT) as u64, false),
        (word::QUANTISERS, 8 * features as u64, !is_fixed),
        (word::COSINES, 4 * bands as u64 * header_word(bytes, word::COEFFICIENTS) as u64, log_mel),
        (word::NORMALISATION, 8 * features as u64, true),
    ];
    let mut index = 0;
    while index < tables.len() {
        let (number, length, optional) = tables[index];
        let offset = header_word(bytes, number);
        let absent = optional && offset == 0;
        if !absent && !holds(bytes, offset, length, ALIGNMENT as u32) {
            return bad_header(number, "a table of the front end lies outside the file");
        }
        index += 1;
    }
    Ok(())
}

const fn is_quantisation(scale: f32, zero_point: i32) -> bool {
    scale.is_finite() && scale > 0.0 && zero_point >= -128 && zero_point <= 127
}

/// What a part of the model, one of [`int16`], is held in.
pub(super) const fn element(bytes: &[u8], part: u32) -> Element {
    Element::int16_if(header_word(bytes, word::INT16) & part != 0)
}

/// What is int16, and that it has no zero point.
const fn check_int16(bytes: &[u8]) -> Result<(), Error> {
    let parts = header_word(bytes, word::INT16);
    if parts == 0 {
        return Ok(());
    }
    if !Element::HAS_INT16 {
        return Err(Error::FeatureLeftOut { feature: "int16" });
    }
    if parts > 7 || parts & int16::ANY == 0 {
        return bad_header(word::INT16, "unknown parts are int16");
    }
    if (parts & int16::FEATURES != 0 && header_word(bytes, word::INPUT_ZERO_POINT) != 0)
        || (parts & int16::OUTPUTS != 0 && header_word(bytes, word::OUTPUT_ZERO_POINT) != 0)
    {
        return bad_header(word::INT16, "features or outputs of int16 have a zero point");
    }
    if parts & int16::FEATURES != 0 && header_word(bytes, word::ARITHMETIC) != 0 {
        return bad_header(word::INT16, "a front end in integers gives int8");
    }
    Ok(())
}

/// Quantisation and problem.
pub(super) const fn check_settings(bytes: &[u8]) -> Result<(), Error> {
    if header_word(bytes, word::PROBLEM) > 1 {
        return bad_header(word::PROBLEM, "unknown problem type");
    }
    if let Err(error) = check_int16(bytes) {
        return Err(error);
    }
    let input = (header_float(bytes, word::INPUT_SCALE), header_word(bytes, word::INPUT_ZERO_POINT).cast_signed());
    if !is_quantisation(input.0, input.1) {
        return bad_header(word::INPUT_SCALE, "the input's scale must be positive and its zero point an int8");
    }
    let output = (header_float(bytes, word::OUTPUT_SCALE), header_word(bytes, word::OUTPUT_ZERO_POINT).cast_signed());
    // The most steps that an output can be from zero.
    let steps = if element(bytes, int16::OUTPUTS).is_int16() { 32_768.0 } else { 255.0 };
    if !is_quantisation(output.0, output.1) || !(steps * output.0).is_finite() {
        return bad_header(
            word::OUTPUT_SCALE,
            "the output's scale must be positive, its outputs finite and its zero point an int8",
        );
    }
    Ok(())
}

/// Words that mean nothing here: what is said there must not go unheeded.
pub(super) const fn check_unused(bytes: &[u8]) -> Result<(), Error> {
    if header_word(bytes, word::STREAM_STRIDE) == 0 {
        let words = (word::STREAM_PLAN, word::DELAY_COUNT);
        if let Err(error) = check_zeros(bytes, words, "a network that can't stream has a plan for streams") {
            return Err(error);
        }
    }
    if header_word(bytes, word::ARITHMETIC) == 0 {
        let words = (word::QUANTISERS, word::FIXED_FLOOR + 1);
        if let Err(error) = check_zeros(bytes, words, "a front end in floating point has quantisers or their floor") {
            return Err(error);
        }
    }
    let words = (word::UNNAMED, HEADER_WORDS - 1);
    check_zeros(bytes, words, "a word that has no meaning yet is not 0: a later compiler wrote it")
}

/// That all words from the first number to the last are 0.
const fn check_zeros(bytes: &[u8], (first, last): (usize, usize), what: &'static str) -> Result<(), Error> {
    let mut number = first;
    while number <= last {
        if header_word(bytes, number) != 0 {
            return bad_header(number, what);
        }
        number += 1;
    }
    Ok(())
}

/// Detector defaults and thresholds.
pub(super) const fn check_detector(bytes: &[u8]) -> Result<(), Error> {
    let times = [word::SMOOTHING_MS, word::MINIMUM_MS, word::REFRACTORY_MS, word::MUTE_MS];
    let mut index = 0;
    while index < times.len() {
        if header_word(bytes, times[index]) > MAX_DETECTOR_MS {
            return bad_header(times[index], "a time of the detector must be at most 600000 ms");
        }
        index += 1;
    }
    let release = header_float(bytes, word::RELEASE);
    if !(release >= 0.0 && release <= 1.0) {
        return bad_header(word::RELEASE, "the detector's release must be 0 to 1");
    }
    let isolation = header_float(bytes, word::ISOLATION);
    if !(isolation >= 0.0 && isolation <= 1.0) {
        return bad_header(word::ISOLATION, "the detector's isolation must be 0 to 1");
    }
    let (section, labels) = (header_word(bytes, word::THRESHOLDS), header_word(bytes, word::LABEL_COUNT));
    if !holds(bytes, section, 4 * labels as u64, ALIGNMENT as u32) {
        return bad_header(word::THRESHOLDS, "the thresholds lie outside the file");
    }
    let mut label = 0;
    while label < labels as usize {
        let threshold = float_at(bytes, section as usize + 4 * label);
        if !(threshold >= 0.0 && threshold <= 1.0) {
            return bad_header(word::THRESHOLDS, "a threshold must be 0 to 1");
        }
        label += 1;
    }
    Ok(())
}
