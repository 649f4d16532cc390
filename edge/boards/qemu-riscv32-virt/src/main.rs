//! earmark on an emulated RV32IMC, which has no FPU (QEMU's `virt` machine): a simulated I2S microphone plays a WAV file, the answers
//! go to stdout. There is nothing to wire, and no LED.
//!
//!     cargo run --release -- [--mode streaming|windowed] [--condition none|inmp441|sph0645] [--pace real|none]
//!         [--inject FAULT] [--fingerprints] FILE.wav
//!
//! It does the same as `../qemu-mps2-an386`.

#![no_std]
#![no_main]
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod clock;
mod fault;
mod flag;

use earmark_simulation::{Statics, start};
use riscv_rt::entry;

use clock::Timer;
use flag::Flag;

#[entry]
fn main() -> ! {
    static mut STATICS: Statics = Statics::new();
    let statics = &raw mut STATICS;
    // SAFETY: `main` runs once, and nothing else can name the static.
    #[allow(unsafe_code)]
    start(unsafe { &mut *statics }, Flag::default(), Timer::start())
}
