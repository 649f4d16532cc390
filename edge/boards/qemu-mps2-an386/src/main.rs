//! earmark on an emulated Cortex-M4F (QEMU's `mps2-an386`): a simulated I2S microphone plays a WAV file, the answers go to stdout, the
//! board's first LED is lit while a sound is recognised. There is nothing to wire.
//!
//!     cargo run --release -- [--mode streaming|windowed] [--condition none|inmp441|sph0645] [--inject FAULT] [--fingerprints] FILE.wav
//!
//! It hears half a second of noise as loud as the file's beginning, the file, and one and a half seconds of noise as loud as its end. Each
//! detection gives one line of JSON, the same that `earmark stream` prints; with `--mode windowed`, in which there is silence after the
//! file and nothing before it, each window gives the API's array. `--inject` takes `overrun@SAMPLE`, `wrong-channel`, `dc=N` or
//! `dropout@SAMPLE`, samples counted from the start of the noise.
//!
//! With `--fingerprints` there is also what `edge/tests` compares with the host: first a line on the target's arithmetic, then one on each
//! window, or on each change of the LED and at last one on the whole stream, with hashes of features, the network's int8 outputs and scores.

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
