//! What the boards with a microphone share: the model, its memory, and the loop from the microphone to lines of JSON and an LED.
//!
//! A board adds its clocks, its microphone's peripheral with DMA, its port and its LED.

#![no_std]
#![deny(missing_docs)]
#![forbid(unsafe_code)]

use earmark_core::listener::{Listener, ListenerSettings};
use earmark_core::model::Memory;
use earmark_core::signal::Preset;
use earmark_edge::Error;
use earmark_edge::handover::Handover;
use earmark_edge::listening::{Buffers, Listening, Settings};
use earmark_edge::source::Source;
use embedded_hal::digital::OutputPin;
use embedded_io::Write;

earmark_core::include_model! {
    /// The model that the firmware was built with.
    static MODEL, SIZES = env!("EARMARK_MODEL");
}

/// Samples a second that the boards' clocks are set up for, in Hz.
pub const SAMPLE_RATE: u32 = 16_000;

/// Samples that are handed over at a time: 10 ms.
pub const BLOCK: usize = 160;
/// Slots of an I2S bus, two for a sample, in that time.
pub const SLOTS: usize = 2 * BLOCK;
/// Places for blocks between capture and the network: 80 ms of blocks may wait for it.
const PLACES: usize = 9;
/// Longest line, in bytes; the loop checks that it holds the model's labels.
const LINE: usize = 256;

/// What is between a task or interrupt that captures and the loop that listens.
pub type Blocks = Handover<i16, BLOCK, PLACES>;

/// All memory of the loop but the stack.
#[derive(Debug)]
pub struct Statics {
    model: Memory<{ SIZES.listener }>,
    samples: [i16; BLOCK],
    line: [u8; LINE],
}

impl Statics {
    /// Memory to put into a `static`.
    #[must_use]
    pub const fn new() -> Self {
        Self { model: Memory::new(), samples: [0; BLOCK], line: [0; LINE] }
    }
}

impl Default for Statics {
    fn default() -> Self {
        Self::new()
    }
}

/// Listens to a microphone for ever, writes a line of JSON to `port` for every detection and lights `led` for half a second.
///
/// # Errors
/// What the microphone, the port or the pin says, or that the model is for another sample rate; without an error it does not return.
pub fn listen(
    memory: &mut Statics,
    (microphone, conditioning): (impl Source<Item = i16>, Preset),
    port: impl Write,
    led: impl OutputPin,
) -> Result<(), Error> {
    let model = MODEL;
    if model.sample_rate() != SAMPLE_RATE {
        return Err(Error::Source { what: "its clock is set up for a model at 16 kHz" });
    }
    let conditioning = conditioning.conditioning(model.sample_rate());
    let settings = ListenerSettings { conditioning, ..ListenerSettings::of(&model) };
    let listener = Listener::new(model, &settings, memory.model.bytes())?;
    let buffers = Buffers { samples: &mut memory.samples, line: &mut memory.line };
    Listening::new(listener, microphone, (port, led), Settings::of(&model), buffers)?.run()
}
