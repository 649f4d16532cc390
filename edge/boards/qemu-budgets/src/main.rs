//! Counts the instructions that parts of earmark take on an emulated Cortex-M4F (QEMU's `mps2-an386`), and the stack. They are
//! instructions, not cycles; calls, biases, requantisation and clamping are among them.
//!
//!     cargo run --release
//!
//! Each line is a figure: its name, a tab, its value. `edge/tests/budgets.rs` compares them with the table in `benches/DEVICE.md`.

#![no_std]
#![no_main]
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod counter;
#[path = "../../qemu-mps2-an386/src/fault.rs"]
mod fault;
mod listen;
mod measure;
mod stack;

use cortex_m_rt::entry;
use earmark_simulation::die;
use earmark_simulation::semihosting::{Outcome, exit};

use measure::{Statics, measure};

#[entry]
fn main() -> ! {
    static mut STATICS: Statics = Statics::new();
    match measure(STATICS) {
        Ok(()) => exit(Outcome::Success),
        Err(failure) => die(format_args!("{failure}")),
    }
}
