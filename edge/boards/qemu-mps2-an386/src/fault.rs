//! Faults end the run.
#![allow(unsafe_code)]

use cortex_m_rt::{ExceptionFrame, exception};
use earmark_simulation::die;

// SAFETY: it uses nothing that the code it interrupted may have been changing.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    die(format_args!("hard fault at {:#010x}", frame.pc()))
}

// SAFETY: as above.
#[exception]
unsafe fn DefaultHandler(number: i16) {
    die(format_args!("unexpected exception {number}"))
}
