//! Where lines go.

use embedded_io::{ErrorKind, ErrorType, Write};

use crate::failure::Failure;
use crate::semihosting::Console;

/// The port that the run loop writes to: lines on the signal's condition go to stderr and all others to stdout, as `earmark stream`
/// parts them.
#[derive(Debug)]
pub struct Ports {
    stdout: Console,
    stderr: Console,
    /// Where the line goes that is not at its end yet.
    present: Option<Console>,
}

/// How the lines for stderr begin.
const SIGNAL: &[u8] = br#"{"signal":"#;

impl Ports {
    /// Opens the two.
    pub fn open() -> Result<Self, Failure> {
        Ok(Self { stdout: Console::stdout()?, stderr: Console::stderr()?, present: None })
    }
}

impl ErrorType for Ports {
    type Error = ErrorKind;
}

impl Write for Ports {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let by_start = if bytes.starts_with(SIGNAL) { self.stderr } else { self.stdout };
        let mut port = self.present.unwrap_or(by_start);
        let written = port.write(bytes)?;
        let is_complete = bytes.get(..written).is_some_and(|written| written.ends_with(b"\n"));
        self.present = (!is_complete).then_some(port);
        Ok(written)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}
