//! Samples without a header, as they come over a wire.

use super::convert::Conversion;
use super::mixdown::Layout;
use super::resample::FILE_BLOCK;
use crate::Error;

/// How a sample is written in bytes, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PcmFormat {
    /// A signed 16-bit integer.
    #[default]
    S16le,
    /// A 32-bit float, full scale ±1.
    F32le,
}

impl PcmFormat {
    const fn bytes(self) -> usize {
        match self {
            Self::S16le => 2,
            Self::F32le => 4,
        }
    }

    /// Appends the values of whole samples, full scale ±1.
    pub(super) fn read(self, bytes: &[u8], values: &mut Vec<f32>) {
        match self {
            Self::S16le => values
                .extend(bytes.as_chunks::<2>().0.iter().map(|&sample| f32::from(i16::from_le_bytes(sample)) / 32768.0)),
            Self::F32le => values.extend(bytes.as_chunks::<4>().0.iter().map(|&sample| f32::from_le_bytes(sample))),
        }
    }
}

/// Bytes in pieces of any length to mono samples at a model's rate: the same bits as [`decode`](super::decode) gives for the same samples
/// in a file.
///
/// ```
/// use earmark::audio::{PcmConverter, PcmFormat};
///
/// let mut converter = PcmConverter::new(PcmFormat::S16le, 16_000, 2, 16_000)?;
/// assert_eq!(converter.push(&[4, 0, 8, 0, 16])?, [6]); // one frame of two channels, and half a sample of the next
/// assert_eq!(converter.push(&[0, 16, 0])?, [16]);
/// # Ok::<(), earmark::Error>(())
/// ```
pub struct PcmConverter {
    format: PcmFormat,
    channels: usize,
    conversion: Conversion,
    /// Bytes of a frame that is not whole yet.
    partial: Vec<u8>,
    interleaved: Vec<f32>,
}

impl PcmConverter {
    /// `rate` and `channels` tell how samples come, `sample_rate` is the model's; rates are in hertz.
    ///
    /// # Errors
    /// [`Error::AudioNoRate`], [`Error::AudioRate`] and [`Error::AudioNoChannels`] for what cannot be.
    pub fn new(format: PcmFormat, rate: u32, channels: u16, sample_rate: u32) -> Result<Self, Error> {
        let layout = Layout::new(rate, channels.into())?;
        Ok(Self {
            format,
            channels: layout.channels,
            conversion: Conversion::new(layout, sample_rate, None, FILE_BLOCK)?,
            partial: Vec::new(),
            interleaved: Vec::new(),
        })
    }

    /// Takes bytes and gives the samples that are ready, which may be none.
    ///
    /// # Errors
    /// [`Error::AudioNotFinite`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<&[i16], Error> {
        let frame = self.format.bytes() * self.channels;
        self.interleaved.clear();
        let mut rest = bytes;
        if !self.partial.is_empty() {
            let (missing, later) = rest.split_at(rest.len().min(frame - self.partial.len()));
            self.partial.extend_from_slice(missing);
            rest = later;
            if self.partial.len() == frame {
                self.format.read(&self.partial, &mut self.interleaved);
                self.partial.clear();
            }
        }
        let (whole, partial) = rest.split_at(rest.len() - rest.len() % frame);
        self.format.read(whole, &mut self.interleaved);
        self.partial.extend_from_slice(partial);
        self.conversion.push(&self.interleaved)
    }

    /// The rest: silence follows the last whole frame.
    ///
    /// # Errors
    /// [`Error::AudioResample`].
    pub fn finish(&mut self) -> Result<&[i16], Error> {
        self.conversion.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{Limits, decode};

    /// Two channels at 44.1 kHz, not whole in any piece.
    fn pieces(bytes: &[u8], format: PcmFormat, rate: u32, channels: u16) -> Vec<i16> {
        let mut converter = PcmConverter::new(format, rate, channels, 16_000).unwrap();
        let mut samples = Vec::new();
        for piece in bytes.chunks(777) {
            samples.extend_from_slice(converter.push(piece).unwrap());
        }
        samples.extend_from_slice(converter.finish().unwrap());
        samples
    }

    #[test]
    fn pieces_give_the_same_bits_as_a_file() {
        let values: Vec<i16> = (0..88_200).map(|n: i32| ((n * 7_919) % 40_001 - 20_000) as i16).collect();
        for (format, hound_format, bits) in
            [(PcmFormat::S16le, hound::SampleFormat::Int, 16), (PcmFormat::F32le, hound::SampleFormat::Float, 32)]
        {
            for (rate, channels) in [(44_100, 2), (16_000, 1), (48_000, 3)] {
                let mut file = std::io::Cursor::new(Vec::new());
                let spec =
                    hound::WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format: hound_format };
                let mut wav = hound::WavWriter::new(&mut file, spec).unwrap();
                let mut bytes = Vec::new();
                for &value in &values[..values.len() / 6 * 6] {
                    if format == PcmFormat::S16le {
                        wav.write_sample(value).unwrap();
                        bytes.extend(value.to_le_bytes());
                    } else {
                        let value = f32::from(value) / 30_000.0;
                        wav.write_sample(value).unwrap();
                        bytes.extend(value.to_le_bytes());
                    }
                }
                wav.finalize().unwrap();
                let expected = decode(file.get_ref(), 16_000, &Limits::default()).unwrap();
                assert!(pieces(&bytes, format, rate, channels) == expected, "{format:?} {rate} {channels}");
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(matches!(PcmConverter::new(PcmFormat::S16le, 0, 1, 16_000), Err(Error::AudioNoRate)));
        assert!(matches!(PcmConverter::new(PcmFormat::S16le, 16_000, 0, 16_000), Err(Error::AudioNoChannels)));
        let mut converter = PcmConverter::new(PcmFormat::F32le, 16_000, 1, 16_000).unwrap();
        assert!(matches!(converter.push(&f32::NAN.to_le_bytes()), Err(Error::AudioNotFinite { frame: 0 })));
    }
}
