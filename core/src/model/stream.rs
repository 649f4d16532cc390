//! How a stream is evaluated step by step.

use super::Model;
use super::format::{int16, word};
use super::header::element;
use super::op::Op;
use super::reader::word_at;

/// Rows that outlive a step, because later ones read them: after a step they move to the front by `shift` bytes, and the next step's
/// rows go behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    /// First byte in the streaming arena.
    pub offset: u32,
    /// Bytes of all its rows.
    pub length: u32,
    /// Bytes of the rows that a step brings; at most the length.
    pub shift: u32,
}

impl Delay {
    /// Bytes of its entry in the file.
    pub const LENGTH: usize = 12;

    /// The entry in the table at byte `table`.
    pub(super) const fn at(bytes: &[u8], table: usize, index: usize) -> Self {
        let at = table.saturating_add(Self::LENGTH * index);
        Self { offset: word_at(bytes, at), length: word_at(bytes, at + 4), shift: word_at(bytes, at + 8) }
    }

    /// The bytes of the arena that it occupies. Only for a checked model's: its end fits a `usize`.
    #[must_use]
    pub const fn range(&self) -> core::ops::Range<usize> {
        self.offset as usize..self.offset as usize + self.length as usize
    }
}

/// The plan of a network that streams. A step takes the frames of one stride, runs the operators once over an arena that keeps what
/// later steps need, and leaves the outputs for the window that ends with its last frame.
#[derive(Debug, Clone, Copy)]
pub struct StreamingPlan<'m> {
    bytes: &'m [u8],
}

impl<'m> StreamingPlan<'m> {
    pub(super) const fn of(model: &Model<'m>) -> Option<Self> {
        if model.word(word::STREAM_STRIDE) == 0 { None } else { Some(Self { bytes: model.bytes }) }
    }

    const fn word(&self, number: usize) -> usize {
        word_at(self.bytes, 4 * number) as usize
    }

    /// Frames of a step: the network's stride along time; at least 1.
    #[must_use]
    pub const fn stride_frames(&self) -> usize {
        self.word(word::STREAM_STRIDE)
    }

    /// The operators of a step, in the order in which they run.
    pub fn ops(&self) -> impl Iterator<Item = Op> + use<'m> {
        Op::sequence(self.bytes, self.word(word::STREAM_PLAN), self.word(word::STREAM_OP_COUNT))
    }

    /// The delay lines. The first holds the quantised features, the newest frames at its end.
    pub fn delays(&self) -> impl ExactSizeIterator<Item = Delay> + use<'m> {
        let (bytes, table) = (self.bytes, self.word(word::DELAYS));
        (0..self.word(word::DELAY_COUNT)).map(move |index| Delay::at(bytes, table, index))
    }

    /// Bytes of the arena.
    #[must_use]
    pub const fn arena_length(&self) -> usize {
        self.word(word::STREAM_ARENA)
    }

    /// Bytes of the executor's scratch memory.
    #[must_use]
    pub const fn scratch_length(&self) -> usize {
        self.word(word::STREAM_SCRATCH)
    }

    /// The bytes of the arena where the outputs stand after a step.
    #[must_use]
    pub const fn output_range(&self) -> core::ops::Range<usize> {
        let start = self.word(word::STREAM_OUTPUT);
        start..start + self.word(word::LABEL_COUNT) * element(self.bytes, int16::OUTPUTS).bytes()
    }
}
