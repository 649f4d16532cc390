//! The microphone's side: I2S by DMA, and the task that makes samples of it.
#![allow(unsafe_code)]

use earmark_edge::Error;
use earmark_edge::handover::Writer;
use earmark_edge::slots::{Channel, Decoded, Decoder, from_24_in_32, from_halves};
use earmark_edge::source::AsyncSource;
use earmark_firmware::{BLOCK, SAMPLE_RATE, SLOTS};
use embassy_executor::InterruptExecutor;
use embassy_stm32::i2s::{Config, Format, I2S};
use embassy_stm32::interrupt::{InterruptExt, Priority};
use embassy_stm32::time::Hertz;
use embassy_stm32::{Peri, bind_interrupts, dma, interrupt, peripherals};

bind_interrupts!(struct Interrupts {
    DMA1_STREAM3 => dma::InterruptHandler<peripherals::DMA1_CH3>;
});

/// Half-words of the DMA's ring: two halves, each with the slots of a block.
const RING: usize = 2 * 2 * SLOTS;

/// What the microphone is wired to.
pub struct Wires {
    /// I2S2 is a part of SPI2.
    pub i2s: Peri<'static, peripherals::SPI2>,
    pub data: Peri<'static, peripherals::PB15>,
    pub word_select: Peri<'static, peripherals::PB12>,
    pub clock: Peri<'static, peripherals::PB13>,
    /// Stream 3 of DMA1, whose channel 0 is SPI2's receiver (reference manual RM0383, "DMA1 request mapping").
    pub dma: Peri<'static, peripherals::DMA1_CH3>,
}

static EXECUTOR: InterruptExecutor = InterruptExecutor::new();

/// SPI5 is unused here; software raises its interrupt to run the task.
#[interrupt]
unsafe fn SPI5() {
    // SAFETY: this is the executor's interrupt, and `start` enables it.
    unsafe { EXECUTOR.on_interrupt() }
}

/// Starts to capture, for ever.
pub fn start(wires: Wires, writer: Writer<'static, i16, BLOCK>) {
    // Below the DMA's own interrupt, above the loop.
    interrupt::SPI5.set_priority(Priority::P6);
    let spawner = EXECUTOR.start(interrupt::SPI5);
    spawner.spawn(capture(wires, writer).expect("the task is spawned once"));
}

#[embassy_executor::task]
async fn capture(wires: Wires, mut writer: Writer<'static, i16, BLOCK>) {
    let (mut ring, mut slots) = ([0; RING], [[0; 2]; SLOTS]);
    let mut settings = Config::default();
    settings.frequency = Hertz(SAMPLE_RATE);
    settings.format = Format::Data24Channel32;
    settings.master_clock = false;
    let Wires { i2s, data, word_select, clock, dma } = wires;
    let mut i2s = I2S::new_rxonly_nomck(i2s, data, word_select, clock, dma, &mut ring, Interrupts, settings);
    i2s.start();
    let decoder = Decoder::new(Channel::Left, |halves| from_24_in_32(from_halves(halves)));
    // A microphone neither ends nor fails.
    let _ = writer.capture(Decoded::new(Microphone(i2s), decoder, &mut slots)).await;
}

/// The slots that come from the ring, as two half-words each.
struct Microphone<'d>(I2S<'d, u16>);

impl AsyncSource for Microphone<'_> {
    type Item = [u16; 2];

    async fn fill(&mut self, slots: &mut [[u16; 2]]) -> Result<usize, Error> {
        // After an overrun the ring starts afresh with a left slot.
        self.0.read(slots.as_flattened_mut()).await.map_err(|_| Error::Overrun)?;
        Ok(slots.len())
    }
}
