//! earmark as a product runs it: `commands-s`, streaming, an INMP441 on the left channel.

use earmark_core::engine::PlanEngine;
use earmark_core::listener::{Listener, ListenerSettings};
use earmark_core::model::{Memory, Model};
use earmark_core::signal::Preset;
use earmark_edge::Error;
use earmark_edge::listening::{Buffers, Listening, Settings};
use earmark_edge::slots::{Channel, Decoded, Decoder, from_24_in_32};
use earmark_edge::source::Source;
use embedded_hal::digital::OutputPin;
use embedded_io::Write;

earmark_core::include_model! {
    /// The small shipped model.
    pub static MODEL, SIZES = env!("EARMARK_COMMANDS_S");
}

/// Samples that the loop takes at a time: 10 ms.
const SAMPLES: usize = 160;

/// All memory that the loop borrows; `LISTENER` bytes of it for the model.
#[derive(Debug)]
pub struct Working<const LISTENER: usize> {
    listener: Memory<LISTENER>,
    slots: [u32; 2 * SAMPLES],
    samples: [i16; SAMPLES],
    line: [u8; 128],
}

impl<const LISTENER: usize> Working<LISTENER> {
    /// Memory to put into a `static`.
    pub const fn new() -> Self {
        Self { listener: Memory::new(), slots: [0; 2 * SAMPLES], samples: [0; SAMPLES], line: [0; 128] }
    }
}

/// The run loop, ready to hear what `bus` delivers.
///
/// # Errors
/// What is wrong with the memory.
pub fn listening<'b, const LISTENER: usize, W: Write, P: OutputPin>(
    model: Model<'static>,
    bus: impl Source<Item = u32> + 'b,
    output: (W, P),
    working: &'b mut Working<LISTENER>,
) -> Result<Listening<'static, 'b, PlanEngine<'static, 'b>, impl Source<Item = i16> + 'b, W, P>, Error> {
    let conditioning = Preset::Inmp441.conditioning(model.sample_rate());
    let settings = ListenerSettings { conditioning, ..ListenerSettings::of(&model) };
    let listener = Listener::new(model, &settings, working.listener.bytes())?;
    let microphone = Decoded::new(bus, Decoder::new(Channel::Left, from_24_in_32), &mut working.slots);
    let buffers = Buffers { samples: &mut working.samples, line: &mut working.line };
    Listening::new(listener, microphone, output, Settings::of(&model), buffers)
}
