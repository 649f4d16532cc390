//! The program: from the command line to the last answer.

use core::hint::black_box;

use earmark_core::engine::PlanEngine;
use earmark_core::frontend::conformance::{self, Fingerprint};
use earmark_core::listener::{self, Listener, ListenerSettings};
use earmark_core::model::{Memory, Model};
use earmark_core::recognizer::Recognizer;
use earmark_edge::listening::{self, Buffers, Listening};
use earmark_edge::slots::{Channel, Decoded, Decoder, from_24_in_32};
use earmark_edge::source::Source;
use earmark_edge::windowed::{self, Windowed};
use embedded_hal::digital::StatefulOutputPin;
use embedded_io::Write;

use crate::arguments::{Arguments, Mode};
use crate::failure::Failure;
use crate::fault::{die, provoke};
use crate::injection::Fault;
use crate::microphone::Microphone;
use crate::pace::{Clock, HALF, Paced};
use crate::padding::Padded;
use crate::ports::Ports;
use crate::semihosting::{self, Console, Outcome};
use crate::wav::Wav;
use crate::whole_windows::WholeWindows;
use crate::witness::{Watch, Witness};

earmark_core::include_model! {
    /// The model that the firmware was built with.
    static MODEL, SIZES = env!("EARMARK_MODEL");
}

/// Longest command line, in bytes.
const COMMAND_LINE: usize = 1024;
/// Longest answer, in bytes; the run loop checks that it holds the model's labels.
const LINE: usize = 2048;
/// What the model takes in either mode.
const MEMORY: usize = if SIZES.recognizer > SIZES.listener { SIZES.recognizer } else { SIZES.listener };

/// All memory but the stack.
#[derive(Debug)]
pub struct Statics {
    model: Memory<MEMORY>,
    halves: [[u32; HALF]; 2],
    slots: [u32; HALF],
    samples: [i16; HALF / 2],
    line: [u8; LINE],
}

impl Statics {
    /// Memory to put into a `static`.
    #[must_use]
    pub const fn new() -> Self {
        Self { model: Memory::new(), halves: [[0; HALF]; 2], slots: [0; HALF], samples: [0; HALF / 2], line: [0; LINE] }
    }
}

impl Default for Statics {
    fn default() -> Self {
        Self::new()
    }
}

/// Does what the command line asks for and ends the emulator: with status 0, or 1 and a line on stderr.
pub fn start(memory: &mut Statics, led: impl StatefulOutputPin, clock: impl Clock) -> ! {
    match run(memory, led, clock) {
        Ok(()) => semihosting::exit(Outcome::Success),
        Err(failure) => die(format_args!("{failure}")),
    }
}

fn run(memory: &mut Statics, led: impl StatefulOutputPin, clock: impl Clock) -> Result<(), Failure> {
    let mut buffer = [0; COMMAND_LINE];
    let line = semihosting::command_line(&mut buffer).ok_or(Failure::Usage)?;
    let (_, line) = line.split_once(' ').ok_or(Failure::Usage)?;
    let arguments = Arguments::parse(line)?;
    if arguments.fault {
        provoke();
    }
    let model = MODEL;
    if arguments.fingerprints {
        writeln!(Console::stdout()?, "{{\"front_end\":\"{:016x}\"}}", conformance::front_end()?)?;
    }
    let recording = Wav::open(arguments.path, model.sample_rate())?;
    match arguments.mode {
        Mode::Streaming => {
            let clock = arguments.paced.then_some(clock);
            listen(model, &arguments, Padded::new(recording, model.sample_rate()), memory, (led, clock))
        }
        Mode::Windowed => {
            classify(model, &arguments, WholeWindows::new(recording, model.window_samples()), memory, led)
        }
    }
}

/// Detects what is in a sound.
fn listen(
    model: Model<'_>,
    arguments: &Arguments<'_>,
    sound: impl Source<Item = i16>,
    memory: &mut Statics,
    (led, clock): (impl StatefulOutputPin, Option<impl Clock>),
) -> Result<(), Failure> {
    let is_watching = arguments.fingerprints;
    let watch = if is_watching { Watch::Everything } else { Watch::Nothing };
    let (engine, rest) = memory.model.bytes().split_at_mut(SIZES.streaming_engine);
    let (chain, detector) = rest.split_at_mut(SIZES.streaming_recognizer - SIZES.streaming_engine);
    let mut witness = Witness::new(PlanEngine::streaming(model, engine)?, watch);
    let recognizer = Recognizer::with_network(model, &mut witness, chain)?;
    let conditioning = arguments.condition.conditioning(model.sample_rate());
    let settings = ListenerSettings { conditioning, ..ListenerSettings::of(&model) };
    let listener = Listener::with_recognizer(recognizer, &settings, detector)?;

    let bus = Paced::new(Microphone::new(sound, arguments.inject), clock, &mut memory.halves, model.sample_rate());
    let source = decoded(bus, &mut memory.slots);
    let buffers = Buffers { samples: &mut memory.samples, line: &mut memory.line };
    let settings = listening::Settings::of(&model);
    let mut listening = Listening::new(listener, source, (Ports::open()?, led), settings, buffers)?;

    let mut stdout = Console::stdout()?;
    let (mut windows, mut fingerprint, mut was_lit) = (0, Fingerprint::default(), false);
    while listening.step(|event| {
        if let listening::Event::Heard(listener::Event::Scores { scores, .. }) = event {
            if is_watching {
                windows += 1;
                fingerprint.update(scores);
            }
            if let Some(Fault::Slow { rounds }) = arguments.inject {
                (0..rounds).for_each(|round| _ = black_box(round));
            }
        }
    })? {
        let is_lit = listening.pin().is_set_high().map_err(|_| Failure::Led)?;
        if is_watching && is_lit != was_lit {
            writeln!(stdout, "{{\"led\":{is_lit},\"at\":{}}}", listening.position())?;
        }
        was_lit = is_lit;
    }
    drop(listening);
    if is_watching {
        witness.write_stream(&mut stdout, (windows, fingerprint))?;
    }
    Ok(())
}

/// Classifies a sound window after window.
fn classify(
    model: Model<'_>,
    arguments: &Arguments<'_>,
    sound: impl Source<Item = i16>,
    memory: &mut Statics,
    led: impl StatefulOutputPin,
) -> Result<(), Failure> {
    let mut stdout = Console::stdout()?;
    let watch = if arguments.fingerprints { Watch::Features } else { Watch::Nothing };
    let (engine, chain) = memory.model.bytes().split_at_mut(SIZES.engine);
    let witness = Witness::new(PlanEngine::new(model, engine)?, watch);
    let recognizer = Recognizer::with_network(model, witness, chain)?;
    let source = decoded(Microphone::new(sound, arguments.inject), &mut memory.slots);
    let buffers = Buffers { samples: &mut memory.samples, line: &mut memory.line };
    let settings = windowed::Settings::of(&model);
    let mut windowed = Windowed::new(recognizer, source, (stdout, led), settings, buffers)?;
    while windowed.step()?.is_some() {
        if arguments.fingerprints {
            let lit = windowed.pin().is_set_high().map_err(|_| Failure::Led)?;
            windowed.recognizer().network().write_window(&mut stdout, lit)?;
        }
    }
    Ok(())
}

/// The samples on a bus that the microphone fills.
fn decoded<'b>(bus: impl Source<Item = u32> + 'b, slots: &'b mut [u32]) -> impl Source<Item = i16> + 'b {
    Decoded::new(bus, Decoder::new(Channel::Left, from_24_in_32), slots)
}
