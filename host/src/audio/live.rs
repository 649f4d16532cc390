//! What a sound card captures, as a model hears it.

use super::convert::Conversion;
use super::mixdown::Layout;
use crate::Error;

/// Frames that are resampled together at least: a fiftieth of a second at 48,000 Hz, so that little time is lost by waiting for them.
const LIVE_BLOCK: usize = 1024;

/// Turns frames of a sound card into mono samples at a model's rate, as they come.
///
/// Channels are averaged. At the model's own rate 16-bit samples come out as they are; from other rates they come some 30 ms late.
///
/// ```
/// use earmark::audio::LiveConverter;
///
/// let mut converter = LiveConverter::new(48_000, 2, 16_000)?;
/// let samples: usize = (0..100).map(|_| converter.push(&[0.25; 2 * 480]).map(<[i16]>::len)).sum::<Result<_, _>>()?;
/// assert!((15_400..16_000).contains(&samples), "a second less what is not ready: {samples}");
/// # Ok::<(), earmark::Error>(())
/// ```
pub struct LiveConverter {
    conversion: Conversion,
}

impl LiveConverter {
    /// `card_rate` and `channels` are the sound card's, `sample_rate` is the model's; rates are in hertz.
    ///
    /// # Errors
    /// A rate or a number of channels that cannot be.
    pub fn new(card_rate: u32, channels: usize, sample_rate: u32) -> Result<Self, Error> {
        let layout = Layout::new(card_rate, channels)?;
        Ok(Self { conversion: Conversion::new(layout, sample_rate, None, LIVE_BLOCK)? })
    }

    /// Takes interleaved frames, full scale ±1, and gives the samples that are ready, which may be none.
    ///
    /// # Errors
    /// [`Error::AudioNotFinite`].
    pub fn push(&mut self, interleaved: &[f32]) -> Result<&[i16], Error> {
        self.conversion.push(interleaved)
    }
}
