//! Cutting a stream of samples into frames.

use crate::{Error, words};

/// Cuts samples that arrive in chunks of any size into overlapping frames.
///
/// Frame t covers the samples from hop·t to hop·t + window, counted from the first one after `new` or
/// [`reset`](Self::reset). A whole clip is nothing special: it is a stream that arrives in one chunk.
///
/// ```
/// use earmark_core::frontend::Framer;
///
/// let mut memory = [0; 4];
/// let mut framer = Framer::new(&mut memory, 2)?; // frames of 4 samples, one every 2
/// let mut starts = Vec::new();
/// for chunk in [&[0, 1, 2][..], &[3, 4, 5, 6, 7]] {
///     let mut rest = chunk;
///     while let Some(frame) = framer.next_frame(&mut rest) {
///         starts.push(frame[0]);
///     }
/// }
/// assert_eq!(starts, [0, 2, 4]);
/// # Ok::<(), earmark_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Framer<'b> {
    /// The frame being collected; its length is the window length.
    frame: &'b mut [i16],
    hop_length: usize,
    /// Samples collected.
    filled: usize,
    /// Samples to drop before the next one is collected: a hop can be longer than a window.
    skip: usize,
}

impl<'b> Framer<'b> {
    /// Collects frames of `frame.len()` samples in the caller's memory, one every `hop_length` samples.
    ///
    /// # Errors
    /// [`Error::FrontEndSetting`] if a frame has no samples or frames would not move on.
    pub fn new(frame: &'b mut [i16], hop_length: usize) -> Result<Self, Error> {
        for (setting, given) in [("window_length", frame.len()), ("hop_length", hop_length)] {
            if given == 0 {
                return Err(Error::FrontEndSetting { setting, given, allowed: "at least 1 sample" });
            }
        }
        Ok(Self { frame, hop_length, filled: 0, skip: 0 })
    }

    /// Takes samples from the front of `samples` until a frame is complete, and returns it.
    ///
    /// `None` means that all samples were taken and the next frame needs more of them. Call it until then.
    pub fn next_frame(&mut self, samples: &mut &[i16]) -> Option<&[i16]> {
        self.move_on();
        let (_, rest) = samples.split_at(self.skip.min(samples.len()));
        self.skip -= samples.len() - rest.len();

        let missing = &mut self.frame[self.filled..];
        let (taken, rest) = rest.split_at(missing.len().min(rest.len()));
        words::copy(taken, missing);
        self.filled += taken.len();
        *samples = rest;
        (self.filled == self.frame.len()).then_some(&*self.frame)
    }

    /// Forgets all samples: the next one starts frame 0.
    pub fn reset(&mut self) {
        self.filled = 0;
        self.skip = 0;
    }

    /// After a frame was handed out, keeps what the next one shares with it.
    fn move_on(&mut self) {
        if self.filled < self.frame.len() {
            return;
        }
        // A move of a few hundred samples costs a frame less than one percent; in return the frame is contiguous.
        let kept = self.frame.len().saturating_sub(self.hop_length);
        let left = self.frame.len() - kept;
        words::move_to_front(self.frame, left);
        self.skip = self.hop_length - left;
        self.filled = kept;
    }
}
