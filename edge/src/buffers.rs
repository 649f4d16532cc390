//! The memory that a run loop borrows.

use crate::Error;

/// Memory that a run loop works in.
#[derive(Debug)]
pub struct Buffers<'b> {
    /// Where samples are fetched to, any number but 0; a hop of the front end suits it.
    pub samples: &'b mut [i16],
    /// Where a line of output is put together. The loop's `new` says how long it must be.
    pub line: &'b mut [u8],
}

impl<'b> Buffers<'b> {
    /// The two parts, if there is room for a sample and for lines of `line` bytes.
    pub(crate) fn split(self, line: usize) -> Result<(&'b mut [i16], &'b mut [u8]), Error> {
        let Self { samples, line: buffer } = self;
        if buffer.len() < line {
            return Err(earmark_core::Error::BufferTooSmall { needed: line, given: buffer.len() }.into());
        }
        if samples.is_empty() {
            return Err(earmark_core::Error::BufferLength { buffer: "samples", needed: 1, given: 0 }.into());
        }
        Ok((samples, buffer))
    }
}
