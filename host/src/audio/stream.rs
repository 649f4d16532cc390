//! Audio of any length, a chunk at a time, in memory that does not grow.

use std::io::{Cursor, Read};
use std::path::Path;

use symphonia::core::io::{MediaSource, ReadOnlySource};

use super::compressed::Track;
use super::convert::Conversion;
use super::file::open;
use super::mixdown::Layout;
use super::resample::FILE_BLOCK;
use super::source::Source;
use super::wav::Samples;
use super::{Limits, Signature};
use crate::Error;
use crate::guard::shielded;

/// A decoder of some format.
pub(super) trait Blocks: Send {
    /// Replaces `interleaved` with the next frames, full scale ±1, and says how they lie; `None` at the end.
    fn next_block(&mut self, interleaved: &mut Vec<f32>) -> Result<Option<Layout>, Error>;
}

/// Mono samples at a model's sample rate out of an audio file, a pipe or memory.
///
/// They are the same bits as those of [`decode`](super::decode), which is made of this. Files of any length are read in memory that
/// does not grow; only of MP4 the tables are kept, and the whole file if it comes from a pipe (its tables may lie at the end). A
/// file that turns out to be damaged or truncated gives all that is good before the fault.
///
/// ```
/// use earmark::audio::AudioStream;
///
/// # let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/fixtures/yes.wav");
/// let mut audio = AudioStream::open(&path, 16_000)?;
/// let mut samples = 0;
/// while let Some(chunk) = audio.next_chunk()? {
///     samples += chunk.len();
/// }
/// assert_eq!(samples, 16_000);
/// # Ok::<(), earmark::Error>(())
/// ```
pub struct AudioStream<'s> {
    blocks: Box<dyn Blocks + 's>,
    /// Hertz, of the model.
    sample_rate: u32,
    limits: Option<Limits>,
    /// Known from the first block on.
    conversion: Option<Conversion>,
    is_finished: bool,
    interleaved: Vec<f32>,
    chunk: Vec<i16>,
}

impl<'s> AudioStream<'s> {
    /// Opens a file of any format that [`decode`](super::decode) knows; a named pipe is one too. `sample_rate` is what the model
    /// wants, in hertz and not 0.
    ///
    /// # Errors
    /// The file cannot be opened, is no audio, or its header is wrong: an `Audio…` variant of [`Error`].
    pub fn open(path: &Path, sample_rate: u32) -> Result<Self, Error> {
        Self::new(open(path)?, sample_rate, None)
    }

    /// Decodes what comes out of a pipe: the same formats.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_pipe(pipe: impl Read + Send + Sync + 's, sample_rate: u32) -> Result<Self, Error> {
        Self::new(ReadOnlySource::new(pipe), sample_rate, None)
    }

    /// Takes 16-bit little-endian samples of one channel, without a header, at `raw_rate` hertz. Half a sample at the end is left
    /// out.
    ///
    /// # Errors
    /// [`Error::AudioNoRate`] and [`Error::AudioRate`] for a rate that cannot be.
    pub fn from_raw(pipe: impl Read + Send + Sync + 's, raw_rate: u32, sample_rate: u32) -> Result<Self, Error> {
        let samples = Samples::raw(Box::new(ReadOnlySource::new(pipe)), raw_rate)?;
        Ok(Self::of_blocks(Box::new(samples), sample_rate, None))
    }

    /// As [`from_raw`](Self::from_raw), of a file.
    ///
    /// # Errors
    /// As [`open`](Self::open) and [`from_raw`](Self::from_raw).
    pub fn open_raw(path: &Path, raw_rate: u32, sample_rate: u32) -> Result<Self, Error> {
        Self::from_raw(open(path)?, raw_rate, sample_rate)
    }

    /// Decodes an encoded file in memory, of a limited duration.
    pub(super) fn from_bytes(bytes: &'s [u8], sample_rate: u32, limits: &Limits) -> Result<Self, Error> {
        Self::new(Cursor::new(bytes), sample_rate, Some(*limits))
    }

    fn new(media: impl MediaSource + 's, sample_rate: u32, limits: Option<Limits>) -> Result<Self, Error> {
        let source = Source::new(media)?;
        let blocks: Box<dyn Blocks + 's> = match Signature::of(&source.head) {
            Signature::Wav => shielded_decoding(|| Samples::of_wav(source.media)).map(Box::new)?,
            Signature::Compressed => {
                let most = limits.unwrap_or_default().bytes;
                shielded_decoding(|| Track::open(source, most)).map(Box::new)?
            }
            Signature::Unsupported(format) => return Err(Error::AudioCodec { codec: format.into() }),
            Signature::Empty => return Err(Error::AudioEmpty),
            Signature::Text => return Err(Error::AudioIsText),
            Signature::Unknown => return Err(Error::AudioUnknown),
        };
        Ok(Self::of_blocks(blocks, sample_rate, limits))
    }

    fn of_blocks(blocks: Box<dyn Blocks + 's>, sample_rate: u32, limits: Option<Limits>) -> Self {
        Self {
            blocks,
            sample_rate,
            limits,
            conversion: None,
            is_finished: false,
            interleaved: Vec::new(),
            chunk: Vec::new(),
        }
    }

    /// The next samples, at least one; `None` at the end and after an error. A pipe's are given as they come, without waiting for
    /// more than it takes to resample them.
    ///
    /// # Errors
    /// An `Audio…` variant of [`Error`] that says what is wrong with the file from here on.
    pub fn next_chunk(&mut self) -> Result<Option<&[i16]>, Error> {
        self.chunk.clear();
        while !self.is_finished && self.chunk.is_empty() {
            // Nothing is to come after an error.
            self.is_finished = true;
            let blocks = &mut self.blocks;
            let interleaved = &mut self.interleaved;
            match shielded_decoding(|| blocks.next_block(interleaved))? {
                Some(layout) => {
                    self.convert(layout)?;
                    self.is_finished = false;
                }
                None => match &mut self.conversion {
                    Some(conversion) => self.chunk.extend_from_slice(conversion.finish()?),
                    None => return Err(Error::AudioNoFrames),
                },
            }
        }
        Ok(Some(self.chunk.as_slice()).filter(|chunk| !chunk.is_empty()))
    }

    /// Mixes the interleaved frames down and resamples them.
    fn convert(&mut self, layout: Layout) -> Result<(), Error> {
        let conversion = match &mut self.conversion {
            Some(conversion) => conversion,
            none => {
                let limits = self.limits.as_ref();
                none.insert(Conversion::new(layout, self.sample_rate, limits, FILE_BLOCK)?)
            }
        };
        if conversion.layout() != layout {
            return Err(Error::AudioDamaged { detail: "its sample rate or channels change on the way".into() });
        }
        self.chunk.extend_from_slice(conversion.push(&self.interleaved)?);
        Ok(())
    }
}

/// Runs a third-party decoder on bytes from outside. Decoders are written not to panic, but a server must not depend on it: a
/// panic in one is a damaged file like any other.
fn shielded_decoding<T>(decode: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    shielded(decode).unwrap_or_else(|| Err(Error::AudioDamaged { detail: "its decoder gave up".into() }))
}
