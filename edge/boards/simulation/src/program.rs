//! The program: from the command line to the last answer.

use earmark_core::engine::PlanEngine;
use earmark_core::frontend::conformance;
use earmark_core::model::{Memory, Model};
use earmark_core::recognizer::Recognizer;
use earmark_edge::slots::{Channel, Decoded, Decoder, from_24_in_32};
use earmark_edge::windowed::{Buffers, Settings, Windowed};
use embedded_hal::digital::StatefulOutputPin;
use embedded_io::Write;

use crate::failure::Failure;
use crate::fault::{die, provoke};
use crate::microphone::{HALF, Microphone};
use crate::semihosting::{self, Console, Outcome};
use crate::wav::Wav;
use crate::witness::Witness;

earmark_core::include_model! {
    /// The model that the firmware was built with.
    static MODEL, SIZES = env!("EARMARK_MODEL");
}

/// Longest command line, in bytes.
const COMMAND_LINE: usize = 1024;
/// Longest answer, in bytes; the run loop checks that it holds the model's labels.
const LINE: usize = 2048;

/// All memory but the stack.
#[derive(Debug)]
pub struct Statics {
    model: Memory<{ SIZES.recognizer }>,
    slots: [u32; HALF],
    samples: [i16; HALF / 2],
    line: [u8; LINE],
}

impl Statics {
    /// Memory to put into a `static`.
    #[must_use]
    pub const fn new() -> Self {
        Self { model: Memory::new(), slots: [0; HALF], samples: [0; HALF / 2], line: [0; LINE] }
    }
}

impl Default for Statics {
    fn default() -> Self {
        Self::new()
    }
}

/// Does what the command line asks for and ends the emulator: with status 0, or 1 and a line on stderr.
pub fn start(memory: &mut Statics, led: impl StatefulOutputPin) -> ! {
    match run(memory, led) {
        Ok(()) => semihosting::exit(Outcome::Success),
        Err(failure) => die(format_args!("{failure}")),
    }
}

fn run(memory: &mut Statics, led: impl StatefulOutputPin) -> Result<(), Failure> {
    let mut buffer = [0; COMMAND_LINE];
    let line = semihosting::command_line(&mut buffer).ok_or(Failure::Usage)?;
    let (_, arguments) = line.split_once(' ').ok_or(Failure::Usage)?;
    // What follows the option is the file's name, whatever spaces are in it.
    let (fingerprints, path) = match arguments.split_once(' ') {
        Some(("--fingerprints", path)) => (true, path),
        _ if arguments == "--fault" => provoke(),
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
    let mut windowed = Windowed::new(recognizer, source, (stdout, led), Settings::of(&model), buffers)?;

    while windowed.step()?.is_some() {
        if fingerprints {
            let lit = windowed.pin().is_set_high().map_err(|_| Failure::Led)?;
            windowed.recognizer().network().write_to(&mut stdout, lit)?;
        }
    }
    Ok(())
}
