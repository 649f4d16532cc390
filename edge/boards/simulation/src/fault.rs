//! What happens when something goes wrong for good: the run ends with an error. The start-up crates' own handlers would hang.
#![allow(unsafe_code)]

use core::fmt;
use core::panic::PanicInfo;

use embedded_io::Write;

use crate::semihosting::{Console, Outcome, exit};

/// Says why, on stderr, and ends the emulator with a status other than 0. For fault handlers: it needs nothing but a stack.
pub fn die(why: fmt::Arguments<'_>) -> ! {
    if let Ok(mut stderr) = Console::stderr() {
        // A console that can't be written to leaves only the status.
        let _ = writeln!(stderr, "error: {why}");
    }
    exit(Outcome::Failure)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    die(format_args!("{info}"))
}

/// Runs into a fault, for the test that one ends the run.
pub fn provoke() -> ! {
    #[cfg(target_arch = "arm")]
    // SAFETY: an undefined instruction; the fault's handler does not come back.
    unsafe {
        core::arch::asm!("udf #0", options(noreturn))
    }
    #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!("unimp", options(noreturn))
    }
}
