//! Many channels into one.

use super::Limits;
use crate::Error;

/// Sample rates that are taken for real, in hertz. Telephones have 8,000, the fastest converters 768,000; a header that says
/// something far outside is damaged, and would ask for absurd amounts of memory to resample.
const SAMPLE_RATES: std::ops::RangeInclusive<u32> = 100..=1_000_000;

/// Most frames of a limited length: an hour and a half at 48,000 Hz. A header's sample rate is cheap to raise and a megabyte of
/// FLAC can hold days of silence, so a limit in seconds alone does not limit the work.
const MAX_FRAMES: u64 = 1 << 28;

/// Where louder samples are cut off, a thousand times full scale: they saturate in the end anyway, but until then a filter computes with
/// them, whose sums must not become infinite.
const LOUDEST: f32 = 1_000.0;

/// How frames follow each other: checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Hertz.
    pub(super) sample_rate: u32,
    /// Not 0.
    pub(super) channels: usize,
}

impl Layout {
    pub(super) fn new(sample_rate: u32, channels: usize) -> Result<Self, Error> {
        if channels == 0 {
            return Err(Error::AudioNoChannels);
        }
        if sample_rate == 0 {
            return Err(Error::AudioNoRate);
        }
        if !SAMPLE_RATES.contains(&sample_rate) {
            return Err(Error::AudioRate { sample_rate });
        }
        Ok(Self { sample_rate, channels })
    }
}

/// Turns interleaved frames into the means of their channels, and counts them.
pub(super) struct Mixdown {
    layout: Layout,
    /// Most frames.
    limit: u64,
    /// Frames so far.
    frames: u64,
}

impl Mixdown {
    /// Without limits a stream may go on for ever.
    pub(super) fn new(layout: Layout, limits: Option<&Limits>) -> Self {
        let frames = |limits: &Limits| MAX_FRAMES.min(u64::from(limits.seconds) * u64::from(layout.sample_rate));
        Self { layout, limit: limits.map_or(u64::MAX, frames), frames: 0 }
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    /// Appends whole frames, full scale ±1, to `mono`; a partial one at the end is left out.
    pub(super) fn push(&mut self, interleaved: &[f32], mono: &mut Vec<f32>) -> Result<(), Error> {
        let frames = (interleaved.len() / self.layout.channels) as u64;
        if frames > self.limit - self.frames {
            return Err(Error::AudioTooLong { limit: self.limit / u64::from(self.layout.sample_rate) });
        }
        // All are looked at, because a loop that may end early is not worked on several samples at a time.
        if !interleaved.iter().fold(true, |all, sample| all & sample.is_finite()) {
            let place = interleaved.iter().position(|sample| !sample.is_finite()).unwrap_or_default();
            return Err(Error::AudioNotFinite { frame: self.frames as usize + place / self.layout.channels });
        }
        if self.layout.channels == 1 {
            // The mean of one channel is the sample itself.
            mono.extend(interleaved.iter().map(|sample| sample.clamp(-LOUDEST, LOUDEST)));
        } else {
            let channels = self.layout.channels as f32;
            let mean =
                |frame: &[f32]| frame.iter().map(|sample| sample / channels).sum::<f32>().clamp(-LOUDEST, LOUDEST);
            mono.extend(interleaved.chunks_exact(self.layout.channels).map(mean));
        }
        self.frames += frames;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_limit_at_a_high_rate_is_a_limit_of_work() {
        let (usual, limits) = (Limits::default(), Limits { seconds: u32::MAX, ..Limits::default() });
        let limit = |rate, channels, limits| Mixdown::new(Layout::new(rate, channels).unwrap(), limits).limit;
        assert_eq!(limit(1_000_000, 1, Some(&limits)), MAX_FRAMES);
        assert_eq!(limit(48_000, 2, Some(&usual)), 3_600 * 48_000);
        assert_eq!(limit(48_000, 2, None), u64::MAX);
    }
}
