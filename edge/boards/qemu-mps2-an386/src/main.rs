//! earmark on an emulated Cortex-M4F (QEMU's `mps2-an386`): a simulated I2S microphone plays a WAV file, the answers go to stdout, the
//! board's first LED is lit while a sound is recognised. There is nothing to wire.
//!
//!     cargo run --release -- [--mode streaming|windowed] [--condition none|inmp441|sph0645] [--pace real|none]
//!         [--inject FAULT] [--fingerprints] FILE.wav
//!
//! It hears half a second of noise as loud as the file's beginning, the file, and one and a half seconds of noise as loud as its end. Each
//! detection gives one line of JSON, the same that `earmark stream` prints; with `--mode windowed`, in which there is silence after the
//! file and nothing before it, each window gives the API's array.
//!
//! Sound comes at the pace of virtual time, of which `.cargo/config.toml` gives an instruction 16 ns, so that a model that takes too long gives
//! overruns; with `--pace none`, and windowed, as fast as it is asked for. `--inject` takes `overrun@SAMPLE`, `wrong-channel`, `dc=N`,
//! `slow=ROUNDS` (of an idle loop after each window) or `dropout@SAMPLE`, samples counted from the start of the noise.
//!
//! With `--fingerprints` there is also what `edge/tests` compares with the host: first a line on the target's arithmetic, then one on each
//! window, or on each change of the LED and at last one on the whole stream, with hashes of features, the network's int8 outputs and scores.

#![no_std]
#![no_main]
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod clock;
mod fault;
mod led;

use cortex_m_rt::entry;
use earmark_simulation::{Clock, Statics, start};

use clock::Timer;
use led::Led;

#[entry]
fn main() -> ! {
    static mut STATICS: Statics = Statics::new();
    start(STATICS, Led::first(), Timer::start())
}
