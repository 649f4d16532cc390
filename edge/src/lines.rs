//! Lines of JSON on a port.

use embedded_io::{Error as _, Write};

use crate::Error;

/// A port, and the buffer in which its lines are put together: each goes out in one piece.
#[derive(Debug)]
pub(crate) struct Lines<'b, W> {
    port: W,
    buffer: &'b mut [u8],
}

/// A line that stands in the buffer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    length: usize,
}

const END: &[u8] = b"\n";
/// `{"overruns":4294967295}` and the line's end.
const OVERRUNS_BOUND: usize = 24;

/// Bytes that the buffer must have for lines with texts of at most `text` bytes.
pub(crate) fn needed(text: usize) -> usize {
    OVERRUNS_BOUND.max(text + END.len())
}

impl<'b, W: Write> Lines<'b, W> {
    /// Writes to `port` by way of `buffer`, of [`needed`] bytes.
    pub const fn new(port: W, buffer: &'b mut [u8]) -> Self {
        Self { port, buffer }
    }

    /// Puts a line together from the text that `write` leaves in the buffer.
    pub fn compose<'l>(
        &'l mut self,
        write: impl FnOnce(&'l mut [u8]) -> Result<&'l str, earmark_core::Error>,
    ) -> Result<Line, Error> {
        let (room, _) = self.buffer.split_at_mut(self.buffer.len().saturating_sub(END.len()));
        Ok(Line { length: write(room)?.len() })
    }

    /// Sends the line that was put together last.
    pub fn send(&mut self, line: Line) -> Result<(), Error> {
        let Line { length } = line;
        let line = &mut self.buffer[..length + END.len()];
        line[length..].copy_from_slice(END);
        self.port.write_all(line).and_then(|()| self.port.flush()).map_err(|error| Error::Output(error.kind()))
    }

    /// Says how often samples were lost so far.
    pub fn send_overruns(&mut self, count: u32) -> Result<(), Error> {
        let room = self.buffer.len();
        let mut rest = &mut *self.buffer;
        let fits = write!(rest, "{{\"overruns\":{count}}}").is_ok();
        let length = room - rest.len();
        if fits { self.send(Line { length }) } else { Err(Error::Output(embedded_io::ErrorKind::OutOfMemory)) }
    }
}
