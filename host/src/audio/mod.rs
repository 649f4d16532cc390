//! Any audio file to what a model hears: mono 16-bit samples at its sample rate.
//!
//! WAV is read by hound, everything else by symphonia; what a file is, is told by its first bytes, never by its name. Channels
//! are averaged, sample rates converted by rubato. A 16-bit mono file at the wanted rate comes out bit for bit.
//!
//! Input is hostile until proved otherwise: lengths that a header claims are never allocated, and every fault is one of the
//! `Audio…` variants of [`Error`].

mod compressed;
mod file;
mod mixdown;
mod mp4;
mod ogg;
mod resample;
mod signature;
mod wav;

pub use file::{read_file, read_stream};
pub use signature::Signature;

use crate::Error;
use crate::guard::shielded;
use mixdown::Mixdown;

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
    let mono = match Signature::of(bytes) {
        Signature::Wav => wav::decode(bytes, limits),
        Signature::Compressed => compressed::decode(bytes, limits),
        Signature::Unsupported(format) => Err(Error::AudioCodec { codec: format.into() }),
        Signature::Empty => Err(Error::AudioEmpty),
        Signature::Text => Err(Error::AudioIsText),
        Signature::Unknown => Err(Error::AudioUnknown),
    }?;
    let samples = resample::resample(mono.samples, mono.sample_rate, sample_rate)?;
    // Full scale is 32,768, so that 16-bit samples come back as they were; only +1.0 itself and overshoot saturate.
    Ok(samples.into_iter().map(|sample| (sample * 32768.0).round() as i16).collect())
}

/// Decoded audio of one channel: at least one sample, all finite, full scale ±1.
struct Mono {
    sample_rate: u32,
    samples: Vec<f32>,
}

/// Runs a third-party decoder on bytes from outside. Decoders are written not to panic, but a server must not depend on it: a
/// panic in one is a damaged file like any other.
fn shielded_decoding(decode: impl FnOnce() -> Result<Mono, Error>) -> Result<Mono, Error> {
    shielded(decode).unwrap_or_else(|| Err(Error::AudioDamaged { detail: "its decoder gave up".into() }))
}
