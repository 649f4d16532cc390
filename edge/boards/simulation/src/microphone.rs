//! A simulated I2S microphone that plays a file.

use earmark_edge::{Error, source::Source};

use crate::wav::Wav;

/// Slots in one half of the simulated DMA buffer: 10 ms of two channels at 16 kHz.
pub const HALF: usize = 320;

/// What stands in the eight bits of a slot that the microphone does not drive.
const UNDRIVEN: u32 = 0xa5;
/// What makes noise of the left channel's slots, for the right one. (The sound inverted would have the same features.)
const NOISE: u32 = 0x5a5a_5a5a;

/// Fills slots as an INMP441 strapped to the left channel does: 24 bits in 32, left-justified.
///
/// Whatever could be taken for sound by mistake is there: the undriven bits are not 0, and the right channel holds noise.
/// After the file's end there is silence until a whole number of windows was heard.
#[derive(Debug)]
pub struct Microphone {
    wav: Wav,
    window_samples: usize,
    /// Samples heard, up to whole windows.
    heard: usize,
}

impl Microphone {
    /// Plays `wav`.
    pub const fn new(wav: Wav, window_samples: usize) -> Self {
        Self { wav, window_samples, heard: 0 }
    }
}

impl Source for Microphone {
    type Item = u32;

    fn fill(&mut self, slots: &mut [u32]) -> Result<usize, Error> {
        let mut half = [0; HALF / 2];
        let room = half.len().min(slots.len() / 2);
        let mut count =
            self.wav.read(&mut half[..room]).map_err(|_| Error::Source { what: "its file cannot be read" })?;
        if count == 0 {
            // To the end of the window; nothing if it is complete.
            count = (self.heard.next_multiple_of(self.window_samples) - self.heard).min(room);
            half[..count].fill(0);
        }
        self.heard = (self.heard + count) % self.window_samples;
        for (slots, sample) in slots.chunks_exact_mut(2).zip(&half[..count]) {
            let left = u32::from(sample.cast_unsigned()) << 16;
            slots[0] = left | UNDRIVEN;
            slots[1] = left ^ NOISE;
        }
        Ok(2 * count)
    }
}
