//! Where live sound comes from.

use std::time::Duration;

use crate::Error;

/// How the frames of a source lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptureFormat {
    /// Hertz.
    pub sample_rate: u32,
    /// Samples of a frame.
    pub channels: usize,
}

/// What a source gives next.
#[derive(Debug, Clone, PartialEq)]
pub enum Captured {
    /// Frames, interleaved, full scale ±1.
    Frames {
        /// How they lie. It may not change on the way.
        format: CaptureFormat,
        /// Whole frames.
        interleaved: Vec<f32>,
    },
    /// Frames were lost between those before and those to come.
    Overrun,
    /// Nothing came for as long as was waited.
    Nothing,
    /// There is nothing to come. Recordings end, microphones do not.
    End,
}

/// A source of live sound: a microphone, or in tests something that behaves as badly as one.
pub trait Capture {
    /// Waits for what comes next, but not much longer than `patience`.
    ///
    /// # Errors
    /// The source cannot go on: a `Microphone…` variant of [`Error`].
    fn next(&mut self, patience: Duration) -> Result<Captured, Error>;
}
