//! The microphone's side: I2S by a chain of DMA buffers.

use earmark_edge::Error;
use earmark_edge::source::Source;
use earmark_firmware::{SAMPLE_RATE, SLOTS};
use esp_hal::dma::DmaRxStreamBuf;
use esp_hal::i2s::master::{Channels, DataFormat, I2s, I2sRx, I2sRxDmaTransfer, TdmConfig};
use esp_hal::time::{Duration, Instant, Rate};
use esp_hal::{Blocking, dma_rx_stream_buffer, peripherals};

/// Bytes of a slot, as the DMA leaves it in memory: the least significant first.
type Slot = [u8; 4];

/// Bytes of a buffer: 10 ms.
const BUFFER: usize = SLOTS * size_of::<Slot>();
/// Bytes of the chain.
const CHAIN: usize = 8 * BUFFER;
/// Two buffers' time: when nothing came for so long, the chain has ended.
const PATIENCE: Duration = Duration::from_millis(20);

/// What the microphone is wired to.
pub struct Wires {
    pub i2s: peripherals::I2S0<'static>,
    pub dma: peripherals::DMA_CH0<'static>,
    pub clock: peripherals::GPIO4<'static>,
    pub word_select: peripherals::GPIO5<'static>,
    pub data: peripherals::GPIO6<'static>,
}

type Receiver = I2sRx<'static, Blocking>;
type Capture = I2sRxDmaTransfer<'static, Blocking, DmaRxStreamBuf>;

/// The slots that come from the chain.
pub struct Microphone {
    /// Absent only if it could not be started again.
    capture: Option<Capture>,
}

const STUCK: Error = Error::Source { what: "I2S or its DMA did not start" };

impl Microphone {
    /// Starts to capture.
    pub fn new(wires: Wires) -> Result<Self, Error> {
        let Wires { i2s, dma, clock, word_select, data } = wires;
        let settings = TdmConfig::new_tdm_philips()
            .with_sample_rate(Rate::from_hz(SAMPLE_RATE))
            .with_data_format(DataFormat::Data32Channel32)
            .with_channels(Channels::STEREO);
        let i2s = I2s::new(i2s, dma, settings).map_err(|_| STUCK)?;
        let receiver = i2s.i2s_rx.with_bclk(clock).with_ws(word_select).with_din(data).build();
        let chain = dma_rx_stream_buffer!(CHAIN, BUFFER);
        Ok(Self { capture: Some(begin(receiver, chain)?) })
    }
}

fn begin(receiver: Receiver, chain: DmaRxStreamBuf) -> Result<Capture, Error> {
    receiver.read(chain).map_err(|_| STUCK)
}

impl Source for Microphone {
    type Item = Slot;

    fn fill(&mut self, slots: &mut [Slot]) -> Result<usize, Error> {
        let capture = self.capture.as_mut().ok_or(STUCK)?;
        let since = Instant::now();
        loop {
            let heard = (capture.available_bytes() / size_of::<Slot>()).min(slots.len());
            if heard > 0 {
                capture.pop(slots[..heard].as_flattened_mut());
                return Ok(heard);
            }
            if since.elapsed() > PATIENCE {
                break;
            }
        }
        if let Some(capture) = self.capture.take() {
            let (receiver, chain) = capture.stop();
            self.capture = Some(begin(receiver, chain)?);
        }
        Err(Error::Overrun)
    }
}
