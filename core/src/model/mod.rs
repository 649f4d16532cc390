//! The artifact: one file that holds everything a device needs to recognise sounds.
//!
//! [`Model::new`] checks the whole file once; after that no accessor can fail. The file is read in place, from flash or from a
//! mapped file; its layout is described in [`format`].

pub mod checksum;
pub mod format;

mod check;
mod header;
mod include;
mod message;
mod op;
mod reader;
mod record;
mod stream;

pub use header::{DetectorDefaults, Mode, Problem, Quantisation, Sizes};
pub use include::{Aligned, Memory, build_limit, build_model, build_sizes};
pub use op::{
    Addition, AveragePool, BlockCopy, Convolution, Element, Lookup, MaxPool, Multiplication, Op, RunningMean, Tensor,
    Window,
};
#[cfg(feature = "recurrent")]
pub use op::{Recurrent, RecurrentKind};
pub use record::MAX_RECORD_WORDS;
pub use stream::{Delay, StreamingPlan};

use crate::Error;
use crate::frontend::fixed::FixedTables;
use crate::frontend::{Arithmetic, Compression, Features, FrontEndSpec, Spectrum, scratch_len_for};
use crate::listener::ListenerSettings;
use format::{ALIGNMENT, SOURCE_HASH_LENGTH, int16, word};
use header::{feature_count, header_float, header_word};

/// A checked view of an artifact. Copying it copies a reference.
#[derive(Debug, Clone, Copy)]
pub struct Model<'m> {
    bytes: &'m [u8],
}

impl<'m> Model<'m> {
    /// Checks `bytes` and takes them as a model.
    ///
    /// Everything is checked: length, checksum, every table, every operator's shapes and offsets. It takes time in proportion
    /// to the file's length.
    ///
    /// # Errors
    /// What is wrong with the file and where; [`Error::Misaligned`] if `bytes` does not start at a multiple of 16:
    /// [`include_model!`](crate::include_model) and [`Aligned`] take care of that.
    ///
    /// ```
    /// use earmark_core::{Error, model::Model};
    /// assert_eq!(Model::new(b"RIFF....WAVE").unwrap_err(), Error::NotAnArtifact);
    /// ```
    pub fn new(bytes: &'m [u8]) -> Result<Self, Error> {
        check_structure(bytes)?;
        let misalignment = bytes.as_ptr().addr() % ALIGNMENT;
        if misalignment != 0 {
            return Err(Error::Misaligned { by: misalignment });
        }
        let model = Self { bytes };
        model.front_end().check()?;
        Ok(model)
    }

    /// The file's bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'m [u8] {
        self.bytes
    }

    /// The memory that the model takes.
    #[must_use]
    pub const fn sizes(&self) -> Sizes {
        sizes(self.bytes)
    }

    /// The labels, in the order of the network's outputs.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = &'m str> + Clone + use<'m> {
        let table = self.word(word::LABELS);
        let count = self.label_count();
        let (bytes, texts) = (self.bytes, table + 4 * count);
        let end = move |index: usize| texts + reader::word_at(bytes, table + 4 * index) as usize;
        (0..count).map(move |index| {
            let start = if index == 0 { texts } else { end(index - 1) };
            bytes.get(start..end(index)).and_then(|text| core::str::from_utf8(text).ok()).unwrap_or("")
        })
    }

    /// Number of labels, which is the number of scores.
    #[must_use]
    pub const fn label_count(&self) -> usize {
        self.word(word::LABEL_COUNT)
    }

    /// Whether one label is right or any number of them.
    #[must_use]
    pub const fn problem(&self) -> Problem {
        if self.word(word::PROBLEM) == 0 { Problem::SingleLabel } else { Problem::MultiLabel }
    }

    /// Samples a second that the model was made for, in Hz.
    #[must_use]
    pub const fn sample_rate(&self) -> u32 {
        header_word(self.bytes, word::SAMPLE_RATE)
    }

    /// Samples of one classification window.
    #[must_use]
    pub const fn window_samples(&self) -> usize {
        self.word(word::WINDOW_SAMPLES)
    }

    /// Samples after which the first window of a stream ends, with its last frame: at most [`window_samples`](Self::window_samples), which may
    /// have some more, less than a hop, that no frame reaches.
    #[must_use]
    pub const fn first_window_end(&self) -> usize {
        self.frames().saturating_sub(1) * self.word(word::HOP_LENGTH) + self.word(word::FRAME_LENGTH)
    }

    /// Frames of features that the network takes in.
    #[must_use]
    pub const fn frames(&self) -> usize {
        self.word(word::FRAMES)
    }

    /// Features of one frame.
    #[must_use]
    pub const fn features(&self) -> usize {
        feature_count(self.bytes)
    }

    /// How features are quantised: `clamp(round(feature / scale) + zero point)`, ties to even.
    #[must_use]
    pub const fn input(&self) -> Quantisation {
        Quantisation {
            scale: header_float(self.bytes, word::INPUT_SCALE),
            zero_point: header_word(self.bytes, word::INPUT_ZERO_POINT) as i8,
        }
    }

    /// What the network's outputs stand for.
    #[must_use]
    pub const fn output(&self) -> Quantisation {
        Quantisation {
            scale: header_float(self.bytes, word::OUTPUT_SCALE),
            zero_point: header_word(self.bytes, word::OUTPUT_ZERO_POINT) as i8,
        }
    }

    /// What the features are held in.
    #[must_use]
    pub const fn input_element(&self) -> Element {
        header::element(self.bytes, int16::FEATURES)
    }

    /// What the network's outputs are held in.
    #[must_use]
    pub const fn output_element(&self) -> Element {
        header::element(self.bytes, int16::OUTPUTS)
    }

    /// The bytes of the arena where the outputs stand.
    #[must_use]
    pub const fn output_range(&self) -> core::ops::Range<usize> {
        let start = self.word(word::OUTPUT);
        start..start + self.label_count() * self.output_element().bytes()
    }

    /// Bytes of the arena: the quantised features at its start, then all activations.
    #[must_use]
    pub const fn arena_length(&self) -> usize {
        self.word(word::ARENA)
    }

    /// Bytes of the executor's scratch memory.
    #[must_use]
    pub const fn scratch_length(&self) -> usize {
        self.word(word::SCRATCH)
    }

    /// Defaults for turning scores into detections; the thresholds are given by [`thresholds`](Self::thresholds).
    #[must_use]
    pub const fn detector(&self) -> DetectorDefaults {
        DetectorDefaults {
            smoothing_ms: header_word(self.bytes, word::SMOOTHING_MS),
            isolation: header_float(self.bytes, word::ISOLATION),
            release: header_float(self.bytes, word::RELEASE),
            minimum_ms: header_word(self.bytes, word::MINIMUM_MS),
            refractory_ms: header_word(self.bytes, word::REFRACTORY_MS),
            mute_ms: header_word(self.bytes, word::MUTE_MS),
        }
    }

    /// For each label the score from which it counts, in 0..=1.
    #[must_use]
    pub fn thresholds(&self) -> &'m [f32] {
        self.table(self.word(word::THRESHOLDS), self.label_count())
    }

    /// How a stream of samples is evaluated.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        match self.streaming() {
            Some(plan) => Mode::Streaming { stride_frames: plan.stride_frames() },
            None => Mode::Windowed,
        }
    }

    /// The plan for a stream; `None` if the network can't stream.
    #[must_use]
    pub const fn streaming(&self) -> Option<StreamingPlan<'m>> {
        StreamingPlan::of(self)
    }

    /// Samples from one output of a stream to the next: see [`Recognizer::push`](crate::recognizer::Recognizer::push).
    #[must_use]
    pub const fn step_samples(&self) -> usize {
        let frames = match self.mode() {
            Mode::Streaming { stride_frames } => stride_frames,
            Mode::Windowed => 1,
        };
        self.word(word::HOP_LENGTH) * frames
    }

    /// SHA-256 of the file that the model was compiled from.
    #[must_use]
    pub fn source_hash(&self) -> [u8; SOURCE_HASH_LENGTH] {
        let start = 4 * word::SOURCE_HASH;
        core::array::from_fn(|index| reader::byte_at(self.bytes, start + index))
    }

    /// Where the model comes from, as JSON for people and tools.
    #[must_use]
    pub fn provenance(&self) -> &'m str {
        let text = self.table::<u8>(self.word(word::PROVENANCE), self.word(word::PROVENANCE_LENGTH));
        core::str::from_utf8(text).unwrap_or("")
    }

    /// The front end's settings and tables.
    #[must_use]
    pub fn front_end(&self) -> FrontEndSpec<'m> {
        let bands = self.word(word::MEL_BANDS);
        let coefficients = self.word(word::COEFFICIENTS);
        let normalisation = self.word(word::NORMALISATION);
        let features = if normalisation == 0 { 0 } else { self.features() };
        let arithmetic = self.arithmetic();
        // Tables of integers are those of the arithmetic.
        let floats = |count| if arithmetic == Arithmetic::Float { count } else { 0 };
        FrontEndSpec {
            sample_rate: self.sample_rate(),
            window_length: self.word(word::FRAME_LENGTH),
            hop_length: self.word(word::HOP_LENGTH),
            fft_length: self.word(word::FFT_LENGTH),
            features: if self.word(word::FEATURE_KIND) == 0 { Features::LogMel } else { Features::Mfcc },
            spectrum: if self.word(word::SPECTRUM) == 0 { Spectrum::Magnitude } else { Spectrum::Power },
            compression: match self.word(word::COMPRESSION) {
                0 => Compression::LnPlus,
                1 => Compression::LnMax,
                _ => Compression::DecibelMax,
            },
            floor: header_float(self.bytes, word::FLOOR),
            pcm_scale: header_float(self.bytes, word::PCM_SCALE),
            arithmetic,
            window: self.table(self.word(word::ANALYSIS_WINDOW), floats(self.word(word::FRAME_LENGTH))),
            mel_bands: self.table(self.word(word::BANDS), bands),
            mel_weights: self.table(self.word(word::BAND_WEIGHTS), floats(self.word(word::BAND_WEIGHT_COUNT))),
            dct: self.table(self.word(word::COSINES), coefficients * bands),
            offset: self.table(normalisation, features),
            scale: self.table(normalisation + 4 * features, features),
            clip: header::clip_settings(self.bytes),
        }
    }

    fn arithmetic(&self) -> Arithmetic<'m> {
        if self.word(word::ARITHMETIC) == 0 {
            return Arithmetic::Float;
        }
        let floor = |word| u64::from(header_word(self.bytes, word::FIXED_FLOOR + word));
        Arithmetic::Fixed(FixedTables {
            window: self.table(self.word(word::ANALYSIS_WINDOW), self.word(word::FRAME_LENGTH)),
            mel_weights: self.table(self.word(word::BAND_WEIGHTS), self.word(word::BAND_WEIGHT_COUNT)),
            floor: floor(1) << 32 | floor(0),
            shift: header_word(self.bytes, word::QUANTISER_SHIFT),
            quantisers: self.table(self.word(word::QUANTISERS), self.features()),
            output: self.input(),
        })
    }

    /// The operators for a whole window, in the order in which they run.
    pub fn plan(&self) -> impl Iterator<Item = Op> + use<'m> {
        Op::sequence(self.bytes, self.word(word::PLAN), self.word(word::OP_COUNT))
    }

    /// `count` values from byte `offset` of the file; empty if they do not lie in it or are misaligned, which never happens in a
    /// checked model.
    pub(crate) fn table<T: bytemuck::AnyBitPattern>(&self, offset: usize, count: usize) -> &'m [T] {
        let end = offset.saturating_add(count.saturating_mul(size_of::<T>()));
        self.bytes.get(offset..end).and_then(|bytes| bytemuck::try_cast_slice(bytes).ok()).unwrap_or(&[])
    }

    const fn word(&self, number: usize) -> usize {
        header_word(self.bytes, number) as usize
    }
}

/// The label that stands for silence, and as far as a model has learned them for other sounds that are no speech.
pub const SILENCE: &str = "_silence_";

/// Whether a label stands for what no class is meant for, as `_unknown_` and `_silence_` do: underscores around it say so.
///
/// ```
/// use earmark_core::model::is_background;
/// assert!(is_background("_silence_") && is_background("_unknown_"));
/// assert!(!is_background("yes") && !is_background("_") && !is_background("__") && !is_background("_x"));
/// ```
#[must_use]
pub fn is_background(label: &str) -> bool {
    label.len() > 2 && label.starts_with('_') && label.ends_with('_')
}

/// Checks everything but the alignment in memory, which constant evaluation can't see, and the floating-point numbers and tables of the
/// front end, which [`FrontEndSpec::check`] sees to.
///
/// # Errors
/// What is wrong with the file and where.
pub const fn check_structure(bytes: &[u8]) -> Result<(), Error> {
    if let Err(error) = header::check_envelope(bytes) {
        return Err(error);
    }
    if let Err(error) = header::check_labels(bytes) {
        return Err(error);
    }
    if let Err(error) = header::check_provenance(bytes) {
        return Err(error);
    }
    if let Err(error) = header::check_front_end(bytes) {
        return Err(error);
    }
    if let Err(error) = header::check_settings(bytes) {
        return Err(error);
    }
    if let Err(error) = header::check_detector(bytes) {
        return Err(error);
    }
    if let Err(error) = header::check_unused(bytes) {
        return Err(error);
    }
    if let Err(error) = check::check_plan(bytes) {
        return Err(error);
    }
    check::check_stream(bytes)
}

const fn sizes(bytes: &[u8]) -> Sizes {
    let model = Model { bytes };
    let engine = (model.arena_length() + model.scratch_length()).next_multiple_of(ALIGNMENT);
    let streaming_engine = match model.streaming() {
        Some(plan) => (plan.arena_length() + plan.scratch_length()).next_multiple_of(ALIGNMENT),
        None => engine,
    };
    let labels = model.label_count();
    let kept_bands = if header_word(bytes, word::COEFFICIENTS) == 0 { 0 } else { header_word(bytes, word::MEL_BANDS) };
    let scratch = scratch_len_for(header_word(bytes, word::FFT_LENGTH) as usize, kept_bands as usize);
    let floats = scratch + feature_count(bytes) + labels;
    let samples = 2 * header_word(bytes, word::FRAME_LENGTH) as usize;
    // The engine's length is a multiple of the alignment, so what follows is aligned as well.
    let chain = (4 * floats + samples).next_multiple_of(ALIGNMENT);
    Sizes {
        artifact: bytes.len(),
        engine,
        recognizer: engine + chain,
        streaming_engine,
        streaming_recognizer: streaming_engine + chain,
        listener: streaming_engine + chain + ListenerSettings::of(&model).memory(&model),
        window_samples: model.window_samples(),
        labels,
    }
}

/// The memory that the model in `bytes` takes, for sizing `static` memory.
///
/// # Errors
/// What is wrong with the file and where: see [`check_structure`].
pub const fn check_sizes(bytes: &[u8]) -> Result<Sizes, Error> {
    match check_structure(bytes) {
        Ok(()) => Ok(sizes(bytes)),
        Err(error) => Err(error),
    }
}
