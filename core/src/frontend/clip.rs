//! What a front end does with a whole clip at hand, and with no live stream.
//!
//! Libraries for training compute the features of a clip as a whole: they centre frames on the clip's first sample, so that half of the
//! first and last ones lies outside the clip, and they measure everything by the clip's loudest sample or band. On a stream either would
//! take samples that are still to come. A window that [`Recognizer::classify`](crate::recognizer::Recognizer::classify) is given is such a
//! clip; what listens refuses a model of this kind with [`Error::ClipsOnly`].

use super::built_in;
use super::{Framer, FrontEnd};
use crate::Error;

/// What stands before the first and behind the last sample of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Centring {
    /// Frames start at the first sample, and the last one ends within the clip.
    #[default]
    None,
    /// Frames are centred on samples 0, hop, 2·hop, …; zeros stand outside, as in `librosa.stft(center=True)`.
    Zeros,
    /// Centred likewise; outside the clip goes on mirrored at its first and last sample, as in `torch.stft(center=True)`.
    Reflect,
}

/// What samples are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peak {
    /// Nothing.
    #[default]
    None,
    /// The clip's highest sample, as in MLPerf Tiny's keyword spotting; the largest absolute one if none is above 0.
    Highest,
    /// The largest absolute value of the clip's samples.
    Absolute,
}

/// What is done with a clip beyond what a stream allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClipSettings {
    /// Where frames lie.
    pub centring: Centring,
    /// What samples are divided by first, in 16-bit steps; a clip of zeros is left as it is. `pcm_scale` still applies.
    pub peak: Peak,
    /// Compressed bands further than this below the clip's highest one are raised to that level, in the compression's units
    /// (`top_db` of librosa and torchaudio); 0: none are.
    pub range: f32,
    /// Whether the clip's highest compressed band is subtracted from all (`ref=numpy.max` of `librosa.power_to_db`).
    pub relative: bool,
}

impl ClipSettings {
    /// Nothing that only a whole clip allows.
    pub const NONE: Self = Self { centring: Centring::None, peak: Peak::None, range: 0.0, relative: false };

    /// Why no stream can have these features; `None` if it can.
    #[must_use]
    pub const fn refusal(&self) -> Option<&'static str> {
        if !built_in::CLIPS {
            return None;
        }
        match (self.centring, self.peak) {
            (Centring::Zeros | Centring::Reflect, _) => {
                Some("its frames are centred, and those at a window's ends are filled up beyond them")
            }
            (_, Peak::Highest | Peak::Absolute) => Some("its samples are divided by the loudest one of each window"),
            _ if self.range > 0.0 || self.relative => Some("its features depend on the loudest one of each window"),
            _ => None,
        }
    }

    /// Samples that stand before the clip: half a frame where frames are centred.
    #[must_use]
    pub const fn before(&self, window_length: usize) -> usize {
        match self.centring {
            Centring::None => 0,
            Centring::Zeros | Centring::Reflect => window_length.div_ceil(2),
        }
    }

    /// Frames of a clip of `samples` samples.
    #[must_use]
    pub const fn frames(&self, samples: usize, window_length: usize, hop_length: usize) -> usize {
        match self.centring {
            _ if hop_length == 0 => 0,
            Centring::None if samples < window_length => 0,
            Centring::None => 1 + (samples - window_length) / hop_length,
            Centring::Zeros | Centring::Reflect => 1 + samples / hop_length,
        }
    }

    /// The fewest samples that give a number of frames, at least 1; a hop more gives one more.
    #[must_use]
    pub const fn samples(&self, frames: usize, window_length: usize, hop_length: usize) -> usize {
        let hops = frames.saturating_sub(1).saturating_mul(hop_length);
        match self.centring {
            Centring::None => hops.saturating_add(window_length),
            Centring::Zeros | Centring::Reflect => hops,
        }
    }

    fn is_by_loudest(&self) -> bool {
        self.range > 0.0 || self.relative
    }

    /// Hands a clip over with what stands around it, piece by piece.
    fn padded<E>(
        &self,
        clip: &[i16],
        (window_length, hop_length): (usize, usize),
        mut take: impl FnMut(&[i16]) -> Result<(), E>,
    ) -> Result<(), E> {
        let before = self.before(window_length);
        let last = (self.frames(clip.len(), window_length, hop_length).saturating_sub(1)).saturating_mul(hop_length);
        let after = if before == 0 { 0 } else { (last + window_length).saturating_sub(before + clip.len()) };
        // A clip too short to be mirrored goes on in zeros.
        let outside = |index: Option<usize>| match self.centring {
            Centring::Reflect => index.and_then(|index| clip.get(index)).copied().unwrap_or(0),
            _ => 0,
        };
        for distance in (1..=before).rev() {
            take(&[outside(Some(distance))])?;
        }
        take(clip)?;
        for distance in 1..=after {
            take(&[outside(clip.len().checked_sub(1 + distance))])?;
        }
        Ok(())
    }
}

impl FrontEnd<'_> {
    /// A frame of a clip, of which `adjust` changes the compressed bands: one function for all that adjust, for the sake of flash.
    #[inline(never)]
    fn clip_frame(
        &self,
        samples: &[i16],
        scratch: &mut [f32],
        features: &mut [f32],
        adjust: &mut dyn FnMut(&mut [f32]),
    ) -> Result<(), Error> {
        self.check_lengths(samples.len(), scratch.len(), features.len())?;
        self.adjusted_frame(samples, scratch, features, adjust);
        Ok(())
    }

    /// Computes the features of each frame of a clip, and calls `on_frame` with it.
    ///
    /// With [`ClipSettings`] of none these are the frames of a stream that begins with the clip. A clip whose settings ask for its loudest
    /// band is gone through twice. `framer` is reset; it has the front end's window and hop. `scratch` and `features` are as for
    /// [`frame`](Self::frame).
    ///
    /// # Errors
    /// As [`frame`](Self::frame), and what `on_frame` says.
    pub fn clip<E: From<Error>>(
        &self,
        clip: &[i16],
        framer: &mut Framer<'_>,
        (scratch, features): (&mut [f32], &mut [f32]),
        mut on_frame: impl FnMut(&[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let settings = self.spec.clip;
        if !built_in::CLIPS || settings == ClipSettings::NONE {
            framer.reset();
            let mut rest = clip;
            while let Some(frame) = framer.next_frame(&mut rest) {
                self.frame(frame, scratch, features)?;
                on_frame(features)?;
            }
            return Ok(());
        }
        let lengths = (self.spec.window_length, self.spec.hop_length);
        let mut front_end = *self;
        front_end.spec.pcm_scale /= divisor(settings.peak, clip);
        let (mut lowest, mut reference) = (f32::NEG_INFINITY, 0.0);
        if settings.is_by_loudest() {
            let mut loudest = f32::NEG_INFINITY;
            framer.reset();
            settings.padded(clip, lengths, |mut piece| {
                while let Some(frame) = framer.next_frame(&mut piece) {
                    front_end.clip_frame(frame, scratch, features, &mut |bands| {
                        loudest = bands.iter().copied().fold(loudest, f32::max);
                    })?;
                }
                Ok::<_, E>(())
            })?;
            lowest = if settings.range > 0.0 { loudest - settings.range } else { lowest };
            reference = if settings.relative { loudest } else { 0.0 };
        }
        framer.reset();
        settings.padded(clip, lengths, |mut piece| {
            while let Some(frame) = framer.next_frame(&mut piece) {
                let mut adjust = |bands: &mut [f32]| {
                    bands.iter_mut().for_each(|band| *band = if *band > lowest { *band } else { lowest } - reference);
                };
                front_end.clip_frame(frame, scratch, features, &mut adjust)?;
                on_frame(features)?;
            }
            Ok(())
        })
    }
}

/// What the samples of a clip are divided by; at least 1.
fn divisor(peak: Peak, clip: &[i16]) -> f32 {
    let absolute = || clip.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
    let highest =
        || clip.iter().copied().max().and_then(|sample| u16::try_from(sample).ok()).filter(|&sample| sample > 0);
    let divisor = match peak {
        Peak::None => 1,
        Peak::Highest => highest().unwrap_or_else(absolute),
        Peak::Absolute => absolute(),
    };
    f32::from(divisor.max(1))
}

#[cfg(test)]
mod tests {
    use super::{Centring, ClipSettings, Peak, divisor};

    fn padded(centring: Centring, clip: &[i16], window: usize, hop: usize) -> ([i16; 16], usize) {
        let (mut all, mut count) = ([0; 16], 0);
        let settings = ClipSettings { centring, ..ClipSettings::NONE };
        let taken = settings.padded(clip, (window, hop), |piece| {
            all[count..count + piece.len()].copy_from_slice(piece);
            count += piece.len();
            Ok::<_, ()>(())
        });
        assert_eq!(taken, Ok(()));
        // Neither a frame too few nor one too many.
        let frames = settings.frames(clip.len(), window, hop);
        assert_eq!((count - window) / hop + 1, frames);
        assert!(settings.samples(frames, window, hop) <= clip.len());
        assert!(settings.samples(frames + 1, window, hop) > clip.len());
        (all, count)
    }

    #[test]
    fn a_clip_goes_on_outside_itself() {
        let clip = [1, 2, 3, 4, 5, 6, 7];
        assert_eq!(padded(Centring::None, &clip, 4, 2).0[..7], clip);
        // Centres at 0, 2, 4 and 6; the last frame takes 4 to 7 and one beyond.
        let (all, count) = padded(Centring::Reflect, &clip, 4, 2);
        assert_eq!(all[..count], [3, 2, 1, 2, 3, 4, 5, 6, 7, 6]);
        let (all, count) = padded(Centring::Zeros, &clip, 4, 2);
        assert_eq!(all[..count], [0, 0, 1, 2, 3, 4, 5, 6, 7, 0]);
        for window in 1..5 {
            for hop in 1..5 {
                padded(Centring::Reflect, &clip, window, hop);
            }
        }
    }

    #[test]
    fn samples_are_divided_by_the_loudest() {
        assert_eq!(divisor(Peak::None, &[5, -9]), 1.0);
        assert_eq!(divisor(Peak::Highest, &[5, -9]), 5.0);
        assert_eq!(divisor(Peak::Highest, &[-5, -9]), 9.0);
        assert_eq!(divisor(Peak::Absolute, &[5, i16::MIN]), 32_768.0);
        assert_eq!(divisor(Peak::Absolute, &[0, 0]), 1.0);
    }
}
