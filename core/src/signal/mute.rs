//! Silence until the microphone has woken up.

/// Makes the first samples zero.
///
/// ```
/// use earmark_core::signal::Mute;
///
/// let mut mute = Mute::new(2);
/// let mut samples = [5, 6, 7, 8];
/// mute.process(&mut samples);
/// assert_eq!(samples, [0, 0, 7, 8]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mute {
    samples: u32,
    left: u32,
}

impl Mute {
    /// Mutes that many samples.
    #[must_use]
    pub const fn new(samples: u32) -> Self {
        Self { samples, left: samples }
    }

    /// Takes the next samples.
    pub fn process(&mut self, samples: &mut [i16]) {
        let muted = samples.len().min(self.left as usize);
        samples.iter_mut().take(muted).for_each(|sample| *sample = 0);
        self.left -= muted as u32;
    }

    /// Starts again.
    pub const fn reset(&mut self) {
        self.left = self.samples;
    }
}
