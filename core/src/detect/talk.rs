//! How much was said before.

use super::threshold::ONE;

/// The share of talk before the present word: the mean of 1 − the score of silence, over the scores from one and a half windows ago to half a
/// window ago. Later ones are about the word that the present window holds in its middle.
#[derive(Debug)]
pub(super) struct Talk<'b> {
    /// Scores of silence, one a step.
    ring: &'b mut [u16],
    /// Where the oldest stands, or the present step's will.
    oldest: usize,
    /// How many of them, the oldest ones, the share is taken of.
    counted: u32,
    /// Their sum.
    silence: u32,
}

/// How many scores are remembered for a share that is taken of so many, a window's: half as many again are recent, one at least.
pub(super) const fn remembered(counted: usize) -> usize {
    counted + if counted < 2 { 1 } else { counted / 2 }
}

/// Of how many the share is taken with so many [remembered].
const fn counted(remembered: usize) -> usize {
    let recent = if remembered < 3 { 1 } else { remembered / 3 };
    remembered.saturating_sub(recent)
}

impl<'b> Talk<'b> {
    /// `ring` holds [`DetectorSettings::talk_steps`](super::DetectorSettings::talk_steps) scores; with none of them, nothing ever counts as talk.
    pub fn new(ring: &'b mut [u16]) -> Self {
        let counted = counted(ring.len()) as u32;
        let mut talk = Self { ring, oldest: 0, counted, silence: 0 };
        talk.reset();
        talk
    }

    /// Takes the present step's score of silence.
    pub fn hear(&mut self, silence: u16) {
        let Some(place) = self.ring.get_mut(self.oldest) else { return };
        let leaving = core::mem::replace(place, silence);
        // The one that has just become old enough stands as far behind the oldest as scores are counted.
        let entering = self.oldest + self.counted as usize;
        let entering = if entering < self.ring.len() { entering } else { entering - self.ring.len() };
        let entering = self.ring.get(entering).copied().unwrap_or(0);
        self.silence = self.silence.wrapping_add(u32::from(entering)).wrapping_sub(u32::from(leaving));
        self.oldest = if self.oldest + 1 < self.ring.len() { self.oldest + 1 } else { 0 };
    }

    /// Lets steps pass in which there was nothing to hear.
    pub fn pass(&mut self, steps: u64) {
        if steps < self.ring.len() as u64 {
            (0..steps).for_each(|_| self.hear(ONE as u16));
        } else {
            self.reset();
        }
    }

    /// The share of talk in units of 2⁻¹⁵.
    pub fn share(&self) -> u32 {
        match self.silence.checked_div(self.counted) {
            Some(mean) => ONE.saturating_sub(mean),
            None => 0,
        }
    }

    /// Takes all that was for silence.
    pub fn reset(&mut self) {
        self.ring.fill(ONE as u16);
        self.oldest = 0;
        self.silence = ONE * self.counted;
    }
}

#[cfg(test)]
mod tests {
    use super::{counted, remembered};

    #[test]
    fn a_share_is_taken_of_as_many_as_were_asked_for() {
        assert_eq!(counted(0), 0);
        for scores in 1..10_000 {
            assert_eq!(counted(remembered(scores)), scores);
        }
    }
}
