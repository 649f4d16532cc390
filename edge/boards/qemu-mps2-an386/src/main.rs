//! earmark on an emulated Cortex-M4F (QEMU's `mps2-an386`): a simulated I2S microphone plays a WAV file, the answers go to stdout, the
//! board's first LED is lit while a sound is recognised. There is nothing to wire.
//!
//!     cargo run --release -- [--fingerprints] FILE.wav
//!
//! Each window of the file gives one line of JSON: the API's array. With `--fingerprints`, a line on the target's arithmetic
//! comes first, and one follows each window with the hashes of its features, the network's int8 outputs and the LED: what
//! `edge/tests/same_bits.rs` compares with the host.

#![no_std]
#![no_main]
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod failure;
mod fault;
mod led;
mod microphone;
mod semihosting;
mod wav;
mod witness;

use cortex_m_rt::entry;
use earmark_core::engine::PlanEngine;
use earmark_core::frontend::conformance;
use earmark_core::model::{Memory, Model};
use earmark_core::recognizer::Recognizer;
use earmark_edge::slots::{Channel, Decoded, Decoder, from_24_in_32};
use earmark_edge::windowed::{Buffers, Settings, Windowed};
use embedded_hal::digital::StatefulOutputPin;
use embedded_io::Write;

use failure::Failure;
use led::Led;
use microphone::{HALF, Microphone};
use semihosting::{Console, Outcome};
use wav::Wav;
use witness::Witness;

earmark_core::include_model! {
    /// The model that the firmware was built with.
    static MODEL, SIZES = env!("EARMARK_MODEL");
}

/// Longest command line, in bytes.
const COMMAND_LINE: usize = 1024;
/// Longest answer, in bytes; the run loop checks that it holds the model's labels.
const LINE: usize = 2048;

/// All memory but the stack.
struct Statics {
    model: Memory<{ SIZES.recognizer }>,
    slots: [u32; HALF],
    samples: [i16; HALF / 2],
    line: [u8; LINE],
}

#[entry]
fn main() -> ! {
    static mut STATICS: Statics =
        Statics { model: Memory::new(), slots: [0; HALF], samples: [0; HALF / 2], line: [0; LINE] };
    let outcome = match run(STATICS) {
        Ok(()) => Outcome::Success,
        Err(failure) => {
            // A console that can't be written to leaves only the status.
            let _ = Console::stderr()
                .and_then(|mut stderr| writeln!(stderr, "error: {failure}").map_err(|_| Failure::Console));
            Outcome::Failure
        }
    };
    semihosting::exit(outcome)
}

fn run(memory: &'static mut Statics) -> Result<(), Failure> {
    let mut buffer = [0; COMMAND_LINE];
    let line = semihosting::command_line(&mut buffer).ok_or(Failure::Usage)?;
    let (_, arguments) = line.split_once(' ').ok_or(Failure::Usage)?;
    let (fingerprints, path) = match arguments.split_once(' ') {
        Some(("--fingerprints", path)) => (true, path),
        _ if arguments == "--hard-fault" => fault::provoke(),
        _ => (false, arguments),
    };

    let model = Model::new(MODEL)?;
    let mut stdout = Console::stdout()?;
    if fingerprints {
        writeln!(stdout, "{{\"front_end\":\"{:016x}\"}}", conformance::front_end()?)?;
    }

    let (engine_memory, front_end_memory) = memory.model.bytes().split_at_mut(SIZES.engine);
    let witness = Witness::new(PlanEngine::new(model, engine_memory)?);
    let recognizer = Recognizer::with_network(model, witness, front_end_memory)?;
    let microphone = Microphone::new(Wav::open(path, model.sample_rate())?, model.window_samples());
    let source = Decoded::new(microphone, Decoder::new(Channel::Left, from_24_in_32), &mut memory.slots);
    let buffers = Buffers { samples: &mut memory.samples, line: &mut memory.line };
    let mut windowed = Windowed::new(recognizer, source, (stdout, Led::first()), Settings::of(&model), buffers)?;

    while windowed.step()?.is_some() {
        if fingerprints {
            let Ok(lit) = Led::first().is_set_high();
            windowed.recognizer().network().write_to(&mut stdout, lit)?;
        }
    }
    Ok(())
}
