//! The host's console, files and command line, by Arm semihosting: a `BKPT 0xAB` that the emulator answers.
//!
//! Operation numbers and argument blocks are those of Arm's "Semihosting for AArch32 and AArch64".
#![allow(unsafe_code)]

use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
use cortex_m_semihosting::hio::{HostStream, hstderr, hstdout};
use cortex_m_semihosting::{nr, syscall, syscall1};
use embedded_io::{ErrorKind, ErrorType, Write};

use crate::failure::Failure;

/// How a run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Exit status 0.
    Success,
    /// Exit status 1.
    Failure,
}

/// Ends the emulator.
pub fn exit(outcome: Outcome) -> ! {
    loop {
        debug::exit(if outcome == Outcome::Success { EXIT_SUCCESS } else { EXIT_FAILURE });
    }
}

/// The program's name and arguments, separated by spaces; `None` if they do not fit or are not UTF-8.
pub fn command_line(buffer: &mut [u8]) -> Option<&str> {
    let mut block = [buffer.as_mut_ptr().expose_provenance(), buffer.len()];
    // SAFETY: the block holds where the text may be written and how long it may be; the emulator changes the block and the buffer
    // only, and both are borrowed exclusively.
    let status = unsafe { syscall1(nr::GET_CMDLINE, (&raw mut block).expose_provenance()) };
    let length = block[1];
    if status != 0 {
        return None;
    }
    core::str::from_utf8(buffer.get(..length)?).ok()
}

/// The host's stdout or stderr.
#[derive(Clone, Copy)]
pub struct Console(HostStream);

impl Console {
    /// The host's stdout.
    pub fn stdout() -> Result<Self, Failure> {
        hstdout().map(Self).map_err(|()| Failure::Console)
    }

    /// The host's stderr.
    pub fn stderr() -> Result<Self, Failure> {
        hstderr().map(Self).map_err(|()| Failure::Console)
    }
}

impl ErrorType for Console {
    type Error = ErrorKind;
}

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.0.write_all(bytes).map_err(|()| ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// Longest path, in bytes with its final zero.
const PATH: usize = 1024;

/// A file of the host, open for reading.
#[derive(Debug)]
pub struct File {
    handle: usize,
}

impl File {
    /// Opens a file; the path is seen from where the emulator was started.
    pub fn open(path: &str) -> Result<Self, Failure> {
        // The host wants a zero after the path.
        let mut text = [0; PATH];
        text.get_mut(..path.len())
            .filter(|text| text.len() < PATH)
            .ok_or(Failure::File)?
            .copy_from_slice(path.as_bytes());
        // SAFETY: the path is followed by a zero, the mode is one of the operation's, and the length is that of the path.
        let handle = unsafe { syscall!(OPEN, text.as_ptr(), nr::open::R_BINARY, path.len()) };
        if handle == usize::MAX { Err(Failure::File) } else { Ok(Self { handle }) }
    }

    /// Reads the next bytes; gives how many, fewer than asked for only at the end.
    pub fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Failure> {
        let wanted = bytes.len();
        // SAFETY: the handle is that of an open file, and the emulator writes into the borrowed bytes only.
        let missing = unsafe { syscall!(READ, self.handle, bytes.as_mut_ptr(), wanted) };
        wanted.checked_sub(missing).ok_or(Failure::File)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: the handle is that of an open file, and is not used after this. A file that was only read can't fail to close in a
        // way that matters.
        unsafe { syscall!(CLOSE, self.handle) };
    }
}
