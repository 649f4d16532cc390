//! The microphone's side: slots by DMA, and the task that makes samples of them.

use earmark_edge::Error;
use earmark_edge::handover::Writer;
use earmark_edge::slots::{Channel, Decoded, Decoder, from_24_in_32};
use earmark_edge::source::AsyncSource;
use earmark_firmware::{BLOCK, SLOTS};
use embassy_rp::dma::{self, Channel as Dma};
use embassy_rp::pio::{self, Pio, StateMachine};
use embassy_rp::{Peri, bind_interrupts, peripherals};

use crate::i2s;

bind_interrupts!(struct Interrupts {
    DMA_IRQ_0 => dma::InterruptHandler<peripherals::DMA_CH0>;
    PIO0_IRQ_0 => pio::InterruptHandler<peripherals::PIO0>;
});

/// What the microphone is wired to.
pub struct Wires {
    pub pio: Peri<'static, peripherals::PIO0>,
    pub dma: Peri<'static, peripherals::DMA_CH0>,
    pub clock: Peri<'static, peripherals::PIN_10>,
    pub word_select: Peri<'static, peripherals::PIN_11>,
    pub data: Peri<'static, peripherals::PIN_12>,
}

/// Captures for ever.
#[embassy_executor::task]
pub async fn capture(wires: Wires, mut writer: Writer<'static, i16, BLOCK>) {
    let mut slots = [0; SLOTS];
    let Wires { pio, dma, clock, word_select, data } = wires;
    let Pio { mut common, mut sm0, .. } = Pio::new(pio, Interrupts);
    i2s::start(&mut common, &mut sm0, (clock, word_select), data);
    let microphone = Microphone { receiver: sm0, dma: Dma::new(dma, Interrupts) };
    let decoder = Decoder::new(Channel::Left, from_24_in_32);
    // A microphone neither ends nor fails.
    let _ = writer.capture(Decoded::new(microphone, decoder, &mut slots)).await;
}

/// The slots that come from PIO.
struct Microphone<'d> {
    receiver: StateMachine<'d, peripherals::PIO0, 0>,
    dma: Dma<'d>,
}

impl AsyncSource for Microphone<'_> {
    type Item = u32;

    async fn fill(&mut self, slots: &mut [u32]) -> Result<usize, Error> {
        let receiver = self.receiver.rx();
        receiver.dma_pull(&mut self.dma, slots, false).await;
        // A full queue stops the bus, clocks and all: time was lost, but what comes next is whole, and a left slot as `slots` is even.
        if receiver.stalled() { Err(Error::Overrun) } else { Ok(slots.len()) }
    }
}
