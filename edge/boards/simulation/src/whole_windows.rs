//! A recording with silence up to the end of a window.

use earmark_edge::{Error, source::Source};

/// Plays the recording, then silence until a whole number of windows was heard.
#[derive(Debug)]
pub struct WholeWindows<S> {
    recording: S,
    window_samples: usize,
    /// Samples heard of the present window.
    heard: usize,
}

impl<S> WholeWindows<S> {
    /// Plays `recording` in windows of this length.
    pub const fn new(recording: S, window_samples: usize) -> Self {
        Self { recording, window_samples, heard: 0 }
    }
}

impl<S: Source<Item = i16>> Source for WholeWindows<S> {
    type Item = i16;

    fn fill(&mut self, samples: &mut [i16]) -> Result<usize, Error> {
        let mut count = self.recording.fill(samples)?;
        if count == 0 {
            // Nothing if the window is complete.
            count = (self.heard.next_multiple_of(self.window_samples) - self.heard).min(samples.len());
            samples[..count].fill(0);
        }
        self.heard = (self.heard + count) % self.window_samples;
        Ok(count)
    }
}
