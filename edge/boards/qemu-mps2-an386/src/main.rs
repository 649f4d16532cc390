//! earmark on an emulated Cortex-M4F (QEMU's `mps2-an386`): a simulated I2S microphone plays a WAV file, the answers go to stdout, the
//! board's first LED is lit while a sound is recognised. There is nothing to wire.
//!
//!     cargo run --release -- [--fingerprints] FILE.wav
//!
//! Each window of the file gives one line of JSON: the API's array. With `--fingerprints`, a line on the target's arithmetic comes
//! first, and one follows each window with the hashes of its features, the network's int8 outputs and the LED: what
//! `edge/tests/same_bits.rs` compares with the host.

#![no_std]
#![no_main]
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod fault;
mod led;

use cortex_m_rt::entry;
use earmark_simulation::{Statics, start};

use led::Led;

#[entry]
fn main() -> ! {
    static mut STATICS: Statics = Statics::new();
    start(STATICS, Led::first())
}
