//! A simulated I2S microphone.

use earmark_edge::{Error, source::Source};

use crate::injection::Fault;
use crate::pace::HALF;

/// What stands in the eight bits of a slot that the microphone does not drive.
const UNDRIVEN: u32 = 0xa5;
/// What makes noise of the left channel's slots, for the right one. (The sound inverted would have the same features.)
const NOISE: u32 = 0x5a5a_5a5a;

/// Fills slots as an INMP441 strapped to the left channel does: 24 bits in 32, left-justified.
///
/// Whatever could be taken for sound by mistake is there: the undriven bits are not 0, and the right channel holds noise.
#[derive(Debug)]
pub struct Microphone<S> {
    sound: S,
    fault: Option<Fault>,
    /// Samples played, lost ones too.
    played: u64,
    /// The last two slots.
    last: [u32; 2],
}

impl<S: Source<Item = i16>> Microphone<S> {
    /// Hears `sound`, with a fault if there is one.
    pub const fn new(sound: S, fault: Option<Fault>) -> Self {
        Self { sound, fault, played: 0, last: [0; 2] }
    }

    /// The next samples, at most so many, as the microphone sends them.
    fn hear(&mut self, samples: &mut [i16]) -> Result<usize, Error> {
        let count = self.sound.fill(samples)?;
        self.played += count as u64;
        if let Some(Fault::Offset { by }) = self.fault {
            samples.iter_mut().for_each(|sample| *sample = sample.saturating_add(by));
        }
        Ok(count)
    }

    /// The two slots that one sample makes.
    fn slots(&self, sample: i16, at: u64) -> [u32; 2] {
        let own = u32::from(sample.cast_unsigned()) << 16;
        match self.fault {
            Some(Fault::WrongChannel) => [UNDRIVEN, own],
            Some(Fault::Dropout { at: from }) if at >= from => self.last,
            _ => [own | UNDRIVEN, own ^ NOISE],
        }
    }
}

impl<S: Source<Item = i16>> Source for Microphone<S> {
    type Item = u32;

    fn fill(&mut self, slots: &mut [u32]) -> Result<usize, Error> {
        let mut half = [0; HALF / 2];
        let mut room = half.len().min(slots.len() / 2);
        if let Some(Fault::Overrun { at }) = self.fault
            && let Some(left) = at.checked_sub(self.played)
        {
            if left == 0 {
                self.hear(&mut half)?;
                return Err(Error::Overrun);
            }
            room = room.min(usize::try_from(left).unwrap_or(usize::MAX));
        }
        let first = self.played;
        let count = self.hear(&mut half[..room])?;
        for (at, (slots, &sample)) in (first..).zip(slots.chunks_exact_mut(2).zip(&half[..count])) {
            self.last = self.slots(sample, at);
            slots.copy_from_slice(&self.last);
        }
        Ok(2 * count)
    }
}
