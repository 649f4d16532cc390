//! Any audio file to what a model hears: mono 16-bit samples at its sample rate.
//!
//! symphonia decodes, all but plain samples and Opus, which ruopus decodes; what a file is, is told by its first bytes, never by its
//! name. Channels are averaged, sample rates converted by rubato. A 16-bit mono file at the wanted rate comes out bit for bit.
//!
//! [`AudioStream`] does it a chunk at a time, [`decode`] for a whole file of a limited length, [`LiveConverter`] for what a sound
//! card captures.
//!
//! Input is hostile until proved otherwise: lengths that a header claims are never allocated, and every fault is one of the
//! `Audio…` variants of [`Error`].

mod compressed;
mod convert;
mod file;
mod live;
mod mixdown;
mod mp4;
mod ogg;
mod opus;
mod pcm;
mod resample;
mod signature;
mod source;
mod stream;
mod wav;
mod webm;

pub use file::{read_file, read_stream};
pub use live::LiveConverter;
pub use pcm::{PcmConverter, PcmFormat};
pub use signature::Signature;
pub use stream::AudioStream;

use crate::Error;
use stream::Blocks;

/// How much audio is accepted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Length of an encoded file in bytes.
    pub bytes: u64,
    /// Duration in seconds; less is accepted at sample rates at which this would be more than 2²⁸ frames.
    pub seconds: u32,
}

impl Default for Limits {
    /// 512 MiB and an hour: what a laptop holds in memory without trouble.
    fn default() -> Self {
        Self { bytes: 512 << 20, seconds: 3600 }
    }
}

/// Decodes a whole audio file to mono samples at `sample_rate` (in hertz, not 0).
///
/// n frames at another rate become round(n × `sample_rate` / rate) samples, at least 1; the filter's delay is taken out.
///
/// # Errors
/// An `Audio…` variant of [`Error`] that says what is wrong with the file.
pub fn decode(bytes: &[u8], sample_rate: u32, limits: &Limits) -> Result<Vec<i16>, Error> {
    let mut audio = AudioStream::from_bytes(bytes, sample_rate, limits)?;
    let mut samples: Vec<i16> = Vec::new();
    while let Some(chunk) = audio.next_chunk()? {
        samples.try_reserve(chunk.len()).map_err(|_| Error::AudioMemory)?;
        samples.extend_from_slice(chunk);
    }
    Ok(samples)
}
