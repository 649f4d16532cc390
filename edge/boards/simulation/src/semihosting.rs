//! The host's console, files and command line, by semihosting: a breakpoint that the emulator answers.
//!
//! Operation numbers, argument blocks and the Arm trap are those of Arm's "Semihosting for AArch32 and AArch64", the RISC-V trap that
//! of the "RISC-V Semihosting" specification.
#![allow(unsafe_code)]

use core::ffi::CStr;

use embedded_io::{ErrorKind, ErrorType, Write};

use crate::failure::Failure;

/// Numbers of the operations.
mod operation {
    pub(super) const OPEN: usize = 0x01;
    pub(super) const CLOSE: usize = 0x02;
    pub(super) const WRITE: usize = 0x05;
    pub(super) const READ: usize = 0x06;
    pub(super) const GET_CMDLINE: usize = 0x15;
    pub(super) const EXIT: usize = 0x18;
}

/// How a file is opened: the numbers of C's `"rb"`, `"w"` and `"a"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Read = 1,
    /// Of the console: stdout.
    Write = 4,
    /// Of the console: stderr.
    Append = 8,
}

/// How a run went, as the reasons that `EXIT` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Exit status 0.
    Success = 0x2_0026,
    /// Exit status 1.
    Failure = 0x2_0023,
}

/// Asks the emulator for an operation.
///
/// # Safety
/// The argument is what the operation takes: mostly the address of a block of words, which with all that they point at may be read,
/// and written where the operation says so, during the call.
#[inline]
unsafe fn call(operation: usize, argument: usize) -> usize {
    let result;
    #[cfg(target_arch = "arm")]
    // SAFETY: the emulator changes r0 and what the caller lets it change.
    unsafe {
        core::arch::asm!(
            "bkpt #0xab",
            inlateout("r0") operation => result,
            in("r1") argument,
            options(nostack, preserves_flags),
        );
    }
    #[cfg(target_arch = "riscv32")]
    // SAFETY: the emulator changes a0 and what the caller lets it change. The two shifts around the breakpoint do nothing but mark it;
    // the three instructions must be uncompressed and in one page, hence the alignment.
    unsafe {
        core::arch::asm!(
            ".balign 16",
            ".option push",
            ".option norvc",
            "slli zero, zero, 0x1f",
            "ebreak",
            "srai zero, zero, 0x7",
            ".option pop",
            inlateout("a0") operation => result,
            in("a1") argument,
            options(nostack, preserves_flags),
        );
    }
    result
}

/// The address of a block of arguments, or of a buffer that the emulator reads or writes.
fn address<T: ?Sized>(of: &mut T) -> usize {
    (&raw mut *of).expose_provenance()
}

/// Ends the emulator.
pub fn exit(outcome: Outcome) -> ! {
    loop {
        // SAFETY: the argument is one of the reasons that the operation takes.
        unsafe { call(operation::EXIT, outcome as usize) };
    }
}

/// The program's name and arguments, separated by spaces; `None` if they do not fit or are not UTF-8.
pub fn command_line(buffer: &mut [u8]) -> Option<&str> {
    let mut block = [address(buffer), buffer.len()];
    // SAFETY: the block holds where the text may be written and how long it may be; the emulator changes the block and the buffer
    // only, and both are borrowed exclusively.
    let status = unsafe { call(operation::GET_CMDLINE, address(&mut block)) };
    let length = block[1];
    if status != 0 {
        return None;
    }
    core::str::from_utf8(buffer.get(..length)?).ok()
}

/// Opens a file of the host; the path ends with a zero.
fn open(path: &CStr, mode: Mode) -> Option<usize> {
    let mut block = [path.as_ptr().expose_provenance(), mode as usize, path.count_bytes()];
    // SAFETY: the block holds a path that ends with a zero, one of the operation's modes and the path's length.
    let handle = unsafe { call(operation::OPEN, address(&mut block)) };
    (handle != usize::MAX).then_some(handle)
}

/// The host's stdout or stderr.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    handle: usize,
}

impl Console {
    /// The host's stdout.
    pub fn stdout() -> Result<Self, Failure> {
        Self::open(Mode::Write)
    }

    /// The host's stderr.
    pub fn stderr() -> Result<Self, Failure> {
        Self::open(Mode::Append)
    }

    fn open(mode: Mode) -> Result<Self, Failure> {
        open(c":tt", mode).map(|handle| Self { handle }).ok_or(Failure::Console)
    }
}

impl ErrorType for Console {
    type Error = ErrorKind;
}

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let mut block = [self.handle, bytes.as_ptr().expose_provenance(), bytes.len()];
        // SAFETY: the block holds the handle of an open file and bytes that are only read.
        let left = unsafe { call(operation::WRITE, address(&mut block)) };
        match bytes.len().checked_sub(left) {
            Some(0) if !bytes.is_empty() => Err(ErrorKind::WriteZero),
            Some(written) => Ok(written),
            None => Err(ErrorKind::Other),
        }
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
        let mut text = [0; PATH];
        text[..PATH - 1].get_mut(..path.len()).ok_or(Failure::File)?.copy_from_slice(path.as_bytes());
        let path = CStr::from_bytes_until_nul(&text).map_err(|_| Failure::File)?;
        open(path, Mode::Read).map(|handle| Self { handle }).ok_or(Failure::File)
    }

    /// Reads the next bytes; gives how many, fewer than asked for only at the end.
    pub fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Failure> {
        let wanted = bytes.len();
        let mut block = [self.handle, address(bytes), wanted];
        // SAFETY: the block holds the handle of an open file and bytes that are borrowed exclusively.
        let missing = unsafe { call(operation::READ, address(&mut block)) };
        wanted.checked_sub(missing).ok_or(Failure::File)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let mut block = [self.handle];
        // SAFETY: the handle is that of an open file, and is not used after this. A file that was only read can't fail to close in a
        // way that matters.
        unsafe { call(operation::CLOSE, address(&mut block)) };
    }
}
