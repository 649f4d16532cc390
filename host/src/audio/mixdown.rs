//! Many channels into one.

use std::ops::Range;

use super::{Limits, Mono};
use crate::Error;

/// Sample rates that are taken for real, in hertz. Telephones have 8,000, the fastest converters 768,000; a header that says
/// something far outside is damaged, and would ask for absurd amounts of memory to resample.
const SAMPLE_RATES: std::ops::RangeInclusive<u32> = 100..=1_000_000;

/// Most frames that are kept: an hour and a half at 48,000 Hz, and a gibibyte. A header's sample rate is cheap to raise and a
/// megabyte of FLAC can hold days of silence, so a limit in seconds alone does not limit memory.
const MAX_FRAMES: u64 = 1 << 28;

/// Collects interleaved frames as the mean of their channels.
pub(super) struct Mixdown {
    sample_rate: u32,
    channels: usize,
    /// Most frames.
    limit: u64,
    frames: Vec<f32>,
}

impl Mixdown {
    pub(super) fn new(sample_rate: u32, channels: usize, limits: &Limits) -> Result<Self, Error> {
        if channels == 0 {
            return Err(Error::AudioNoChannels);
        }
        if sample_rate == 0 {
            return Err(Error::AudioNoRate);
        }
        if !SAMPLE_RATES.contains(&sample_rate) {
            return Err(Error::AudioRate { sample_rate });
        }
        let limit = MAX_FRAMES.min(u64::from(limits.seconds) * u64::from(sample_rate));
        Ok(Self { sample_rate, channels, limit, frames: Vec::new() })
    }

    pub(super) fn is_of(&self, sample_rate: u32, channels: usize) -> bool {
        (self.sample_rate, self.channels) == (sample_rate, channels)
    }

    /// Hertz.
    pub(super) fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Keeps the frames in `range`, as far as there are any; all of them if there are none.
    pub(super) fn crop(&mut self, range: Range<u64>) {
        let place = |frame: u64| usize::try_from(frame).unwrap_or(usize::MAX).min(self.frames.len());
        let (start, end) = (place(range.start), place(range.end));
        if start < end {
            self.frames.truncate(end);
            self.frames.drain(..start);
        }
    }

    /// Frames so far.
    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Adds whole frames, full scale ±1; a partial one at the end is left out.
    pub(super) fn push(&mut self, interleaved: &[f32]) -> Result<(), Error> {
        let frames = interleaved.len() / self.channels;
        if (self.frames.len() + frames) as u64 > self.limit {
            return Err(Error::AudioTooLong { limit: self.limit / u64::from(self.sample_rate) });
        }
        if let Some(place) = interleaved.iter().position(|sample| !sample.is_finite()) {
            return Err(Error::AudioNotFinite { frame: self.frames.len() + place / self.channels });
        }
        self.frames.try_reserve(frames).map_err(|_| Error::AudioMemory)?;
        // The mean of one channel is the sample itself, bit for bit.
        let channels = self.channels as f32;
        let mean = |frame: &[f32]| frame.iter().map(|sample| sample / channels).sum::<f32>();
        self.frames.extend(interleaved.chunks_exact(self.channels).map(mean));
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Mono, Error> {
        if self.frames.is_empty() {
            return Err(Error::AudioNoFrames);
        }
        Ok(Mono { sample_rate: self.sample_rate, samples: self.frames })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_limit_at_a_high_rate_is_a_limit_of_memory() {
        let limits = Limits { seconds: u32::MAX, ..Limits::default() };
        assert_eq!(Mixdown::new(1_000_000, 1, &limits).unwrap().limit, MAX_FRAMES);
        assert_eq!(Mixdown::new(48_000, 2, &Limits::default()).unwrap().limit, 3_600 * 48_000);
    }
}
