//! WAV files.
//!
//! The header is walked here and the samples are read by hound, behind a header made anew. hound alone would take the length in
//! the header at its word, refuse headers that recorders and pipes really write, and not say which field is wrong.
//!
//! Layout: Microsoft's "Multimedia Programming Interface and Data Specifications 1.0" (RIFF WAVE), `WAVEFORMATEXTENSIBLE`, and
//! EBU Tech 3306 (RF64).

use hound::{SampleFormat, WavReader};

use super::{Limits, Mixdown, Mono, compressed, shielded_decoding};
use crate::Error;

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
const EXTENSIBLE: u16 = 0xfffe;

/// The end of the GUIDs whose first two bytes are a format tag.
const TAG_GUID: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

/// Samples read before they are mixed down.
const BATCH: usize = 4096;

/// Data lengths that programs write when they do not know: what follows, until the end.
const UNKNOWN_LENGTHS: [u32; 2] = [0, u32::MAX];

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Mono, Error> {
    let chunks = Chunks::find(bytes)?;
    let format = Format::parse(chunks.format)?;
    // Faults of the header are told before faults of the data.
    let mixdown = Mixdown::new(format.sample_rate, usize::from(format.channels), limits)?;
    let data = chunks.whole_frames(&format)?;
    match (format.tag, format.bits) {
        (PCM, 1..=32) | (FLOAT, 32) => shielded_decoding(|| read_samples(&format, data, mixdown)),
        (FLOAT, 64) | (A_LAW | MU_LAW, 8) => compressed::decode(&format.file(data)?, limits),
        (tag, bits) => Err(Error::AudioCodec { codec: tag_name(tag, bits) }),
    }
}

/// The two chunks that matter.
struct Chunks<'b> {
    format: &'b [u8],
    /// From the data's first byte to the end of the file.
    data: &'b [u8],
    /// Bytes of data, as the header says; absent where it does not know.
    data_length: Option<u64>,
}

impl<'b> Chunks<'b> {
    fn find(bytes: &'b [u8]) -> Result<Self, Error> {
        let mut rest = bytes.get(12..).unwrap_or_default();
        let mut format = None;
        let mut long_length = None;
        loop {
            let Some((header, body)) = rest.split_first_chunk::<8>() else {
                return Err(Error::AudioHeader {
                    detail: format!(
                        "it ends without {}",
                        if format.is_some() { "a data chunk" } else { "a fmt chunk" }
                    ),
                });
            };
            let [id @ .., a, b, c, d] = *header;
            let length = u32::from_le_bytes([a, b, c, d]);
            match &id {
                b"data" => {
                    let format = format.ok_or_else(|| Error::AudioHeader {
                        detail: "its data chunk comes before its fmt chunk".into(),
                    })?;
                    let known = (!UNKNOWN_LENGTHS.contains(&length)).then_some(length.into());
                    return Ok(Self { format, data: body, data_length: known.or(long_length) });
                }
                b"fmt " => {
                    let chunk = body.get(..length as usize).filter(|chunk| chunk.len() >= 16);
                    format =
                        Some(chunk.ok_or_else(|| Error::AudioHeader { detail: "its fmt chunk is cut short".into() })?);
                }
                // Of RF64: the file's length, the data's, and more.
                b"ds64" => {
                    let field = body.get(..length as usize).and_then(|chunk| chunk.get(8..)?.first_chunk());
                    let length = field.map(|bytes| u64::from_le_bytes(*bytes));
                    long_length = length.filter(|&length| length != 0 && length != u64::MAX);
                }
                _ => {}
            }
            // Chunks are padded to an even length.
            let length = length as usize + length as usize % 2;
            rest = body.get(length..).unwrap_or_default();
        }
    }

    /// The samples, without an incomplete frame at the end.
    fn whole_frames(&self, format: &Format) -> Result<&'b [u8], Error> {
        let given = self.data.len() as u64;
        let needed = self.data_length.unwrap_or(given);
        let length = usize::try_from(needed).unwrap_or(usize::MAX);
        let unit = "bytes of samples";
        let data = self.data.get(..length).ok_or(Error::AudioTruncated { needed, given, unit })?;
        let frame = usize::from(format.channels) * usize::from(format.sample_bytes);
        Ok(&data[..data.len() - data.len() % frame.max(1)])
    }
}

/// The fmt chunk.
struct Format {
    tag: u16,
    channels: u16,
    sample_rate: u32,
    /// Bytes that a sample takes.
    sample_bytes: u16,
    /// Bits of it that are used; below `sample_bytes` × 8 only for plain 24-bit PCM in 32, which hound knows.
    bits: u16,
}

impl Format {
    /// `chunk` has at least 16 bytes.
    fn parse(chunk: &[u8]) -> Result<Self, Error> {
        let u16_at = |at: usize| chunk.get(at..at + 2).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
        let sample_rate = u32::from(u16_at(4)) | u32::from(u16_at(6)) << 16;
        let (channels, block, bits) = (u16_at(2), u16_at(12), u16_at(14));
        let is_extensible = u16_at(0) == EXTENSIBLE && chunk.get(26..40) == Some(&TAG_GUID);
        let tag = if is_extensible { u16_at(24) } else { u16_at(0) };

        if bits == 0 && matches!(tag, PCM | FLOAT) {
            return Err(Error::AudioHeader { detail: "it says 0 bits a sample".into() });
        }
        let needed = bits.div_ceil(8);
        let sample_bytes = match block.checked_div(channels) {
            Some(bytes) if bytes >= needed && block % channels == 0 => bytes,
            _ => needed,
        };
        // Samples stand at the top of their bytes, so the unused bits at the bottom can be read along. Only plain 24-bit PCM in
        // 32 is otherwise: its writers put it at the bottom.
        let bits = match (tag, bits, sample_bytes) {
            (PCM, 24, 4) if !is_extensible => 24,
            (PCM, _, 1..=4) => sample_bytes * 8,
            _ => bits,
        };
        Ok(Self { tag, channels, sample_rate, sample_bytes, bits })
    }

    /// A plain WAV file with this format around `data`.
    fn file(&self, data: &[u8]) -> Result<Vec<u8>, Error> {
        let too_large = |_| Error::AudioHeader { detail: "its fields contradict each other".into() };
        let block = u64::from(self.channels) * u64::from(self.sample_bytes);
        let (block, rate) = (u16::try_from(block).map_err(too_large)?, block * u64::from(self.sample_rate));
        let length = u32::try_from(data.len()).map_err(too_large)?;
        let mut file = Vec::with_capacity(46 + data.len());
        file.extend(b"RIFF");
        file.extend(length.saturating_add(38).to_le_bytes());
        file.extend(b"WAVEfmt ");
        // symphonia wants the extension's length for A-law and μ-law, hound has it for no PCM of 32 bits.
        let is_extended = !matches!((self.tag, self.bits), (PCM | FLOAT, _));
        file.extend((if is_extended { 18_u32 } else { 16 }).to_le_bytes());
        file.extend(self.tag.to_le_bytes());
        file.extend(self.channels.to_le_bytes());
        file.extend(self.sample_rate.to_le_bytes());
        file.extend(u32::try_from(rate).map_err(too_large)?.to_le_bytes());
        file.extend(block.to_le_bytes());
        file.extend(self.bits.to_le_bytes());
        if is_extended {
            file.extend([0, 0]);
        }
        file.extend(b"data");
        file.extend(length.to_le_bytes());
        file.extend(data);
        Ok(file)
    }
}

fn read_samples(format: &Format, data: &[u8], mut mixdown: Mixdown) -> Result<Mono, Error> {
    let file = format.file(data)?;
    let mut reader = WavReader::new(file.as_slice()).map_err(damaged)?;
    let spec = reader.spec();
    // Batches of whole frames.
    let batch = BATCH.next_multiple_of(usize::from(format.channels));
    let mut samples = Vec::with_capacity(batch);
    let mut take = |sample: hound::Result<f32>| -> Result<(), Error> {
        samples.push(sample.map_err(damaged)?);
        if samples.len() == batch {
            mixdown.push(&samples)?;
            samples.clear();
        }
        Ok(())
    };
    match spec.sample_format {
        SampleFormat::Float => reader.samples::<f32>().try_for_each(take)?,
        SampleFormat::Int => {
            // Exact: a power of two.
            let scale = 1.0 / (1_u64 << (spec.bits_per_sample - 1)) as f32;
            reader.samples::<i32>().try_for_each(|sample| take(sample.map(|sample| sample as f32 * scale)))?;
        }
    }
    mixdown.push(&samples)?;
    mixdown.finish()
}

fn damaged(error: hound::Error) -> Error {
    Error::AudioDamaged { detail: error.to_string() }
}

/// Names of format tags that turn up in WAV files, from the registry in Microsoft's mmreg.h.
fn tag_name(tag: u16, bits: u16) -> String {
    let name = match tag {
        PCM => return format!("{bits}-bit PCM in WAV"),
        FLOAT => return format!("{bits}-bit float in WAV"),
        0x0002 => "Microsoft ADPCM",
        0x0011 => "IMA ADPCM",
        0x0031 => "GSM 6.10",
        0x0045 => "G.726 ADPCM",
        0x0050 => "MPEG audio",
        0x0055 => "MP3",
        0x0092 | 0x2000 => "AC-3",
        0x00ff | 0x1610 => "AAC",
        0x0160..=0x0163 => "Windows Media Audio",
        0x704f => "Opus",
        _ => return format!("WAV with format tag {tag:#06x}"),
    };
    format!("{name} in WAV")
}
