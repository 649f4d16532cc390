//! Writing to stdout and stderr so that no closed pipe can cause a panic.

use std::fmt::Display;
use std::io::{self, IsTerminal, StdoutLock, Write};

use earmark::Error;

/// Standard output, locked, for results. Every write can fail with [`Error::Output`]; use `?` and leave the rest to the frame.
pub struct Output {
    stdout: StdoutLock<'static>,
}

impl Output {
    /// Takes stdout for the rest of the command.
    pub fn new() -> Self {
        Self { stdout: io::stdout().lock() }
    }

    /// Whether a person is looking (a terminal) rather than a program (a pipe or a file).
    pub fn is_terminal(&self) -> bool {
        self.stdout.is_terminal()
    }

    /// Writes a whole result and flushes it, so that a reader of the pipe sees each as soon as it exists.
    pub fn write(&mut self, text: impl Display) -> Result<(), Error> {
        write!(self.stdout, "{text}").and_then(|()| self.stdout.flush()).map_err(Error::Output)
    }
}

/// Text with its control characters escaped, so that a file's name can neither break a line nor command a terminal.
pub fn printable(text: impl Display) -> String {
    let mut printable = String::new();
    for character in text.to_string().chars() {
        if character.is_control() { printable.extend(character.escape_default()) } else { printable.push(character) }
    }
    printable
}

/// Prints one line on stderr: the command's name and what is wrong.
pub fn complain(problem: &dyn Display) {
    let line = printable(problem);
    // Where stderr is closed there is nobody left to tell.
    let _ = writeln!(io::stderr(), "earmark: {line}");
}
