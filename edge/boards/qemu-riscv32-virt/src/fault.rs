//! Faults end the run.
#![allow(unsafe_code)]

use earmark_simulation::die;
use riscv_rt::TrapFrame;

// SAFETY: the name and the signature are those that riscv-rt calls for an exception that has no handler of its own.
#[unsafe(export_name = "ExceptionHandler")]
fn exception(frame: &TrapFrame) -> ! {
    die(format_args!("exception; the last call was from {:#010x}", frame.ra))
}
