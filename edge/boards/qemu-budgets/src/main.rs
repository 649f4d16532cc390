//! Counts the instructions that parts of earmark take on an emulated Cortex-M4F (QEMU's `mps2-an386`), and the stack. They are
//! instructions, not cycles; calls, biases, requantisation and clamping are among them.
//!
//!     cargo run --release --bin earmark-qemu-budgets
//!
//! With `--target thumbv6m-none-eabi` it is code for a Cortex-M0, which the same machine runs, with `--target riscv32imc-unknown-none-elf`
//! code for QEMU's `virt`.
//!
//! Each line is a figure: its name, a tab, its value. `edge/tests/budgets.rs` compares them with the table in `benches/DEVICE.md`.

#![no_std]
#![no_main]
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod counter;
#[cfg_attr(target_arch = "arm", path = "../../qemu-mps2-an386/src/fault.rs")]
#[cfg_attr(target_arch = "riscv32", path = "../../qemu-riscv32-virt/src/fault.rs")]
mod fault;
mod listen;
mod measure;
mod stack;

use earmark_simulation::die;
use earmark_simulation::semihosting::{Outcome, exit};

use measure::{Statics, measure};

/// Prints the figures and ends the emulator.
fn run(statics: &mut Statics) -> ! {
    match measure(statics) {
        Ok(()) => exit(Outcome::Success),
        Err(failure) => die(format_args!("{failure}")),
    }
}

#[cfg(target_arch = "arm")]
#[cortex_m_rt::entry]
fn main() -> ! {
    static mut STATICS: Statics = Statics::new();
    run(STATICS)
}

#[cfg(target_arch = "riscv32")]
#[riscv_rt::entry]
fn main() -> ! {
    static mut STATICS: Statics = Statics::new();
    let statics = &raw mut STATICS;
    // SAFETY: `main` runs once, and nothing else can name the static.
    #[allow(unsafe_code)]
    run(unsafe { &mut *statics })
}
