//! What happens when something goes wrong for good: the run ends with an error. cortex-m-rt's own handlers would hang.
#![allow(unsafe_code)]

use core::panic::PanicInfo;

use cortex_m_rt::{ExceptionFrame, exception};
use embedded_io::Write;

use crate::semihosting::{Console, Outcome, exit};

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if let Ok(mut stderr) = Console::stderr() {
        // Nothing is left to try if this fails.
        let _ = writeln!(stderr, "error: {info}");
    }
    exit(Outcome::Failure)
}

// SAFETY: it uses nothing that the code it interrupted may have been changing.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    if let Ok(mut stderr) = Console::stderr() {
        let _ = writeln!(stderr, "error: hard fault at {:#010x}", frame.pc());
    }
    exit(Outcome::Failure)
}

// SAFETY: as above.
#[exception]
unsafe fn DefaultHandler(number: i16) {
    if let Ok(mut stderr) = Console::stderr() {
        let _ = writeln!(stderr, "error: unexpected exception {number}");
    }
    exit(Outcome::Failure)
}

/// Runs into a hard fault, for the test that one ends the run.
pub fn provoke() -> ! {
    // SAFETY: an undefined instruction; the fault's handler does not come back.
    unsafe { core::arch::asm!("udf #0", options(noreturn)) }
}
