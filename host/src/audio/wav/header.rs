//! The header of a WAV file, up to the first sample.

use std::io::{self, Read, copy, sink};

use super::super::mixdown::Layout;
use crate::Error;

pub(super) const PCM: u16 = 1;
pub(super) const FLOAT: u16 = 3;
pub(super) const A_LAW: u16 = 6;
pub(super) const MU_LAW: u16 = 7;
const EXTENSIBLE: u16 = 0xfffe;

/// The end of the GUIDs whose first two bytes are a format tag.
const TAG_GUID: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

/// Bytes of a chunk that are looked at: as many as an extensible fmt chunk has.
const FIELDS: u64 = 40;

/// Data lengths that programs write when they do not know: what follows, until the end.
const UNKNOWN_LENGTHS: [u32; 2] = [0, u32::MAX];

/// What stands before the samples.
pub(super) struct Header {
    pub(super) format: Format,
    /// Bytes of samples, as the header says; absent where it does not know.
    pub(super) data_length: Option<u64>,
}

impl Header {
    /// Reads up to the first sample. Whatever lengths a header claims, only a few bytes are kept.
    pub(super) fn read(file: &mut impl Read) -> Result<Self, Error> {
        take(file, 12)?;
        let mut format = None;
        let mut long_length = None;
        loop {
            let chunk = take(file, 8)?;
            let Some(&[id @ .., a, b, c, d]) = chunk.first_chunk::<8>() else {
                let missing = if format.is_some() { "a data chunk" } else { "a fmt chunk" };
                return Err(Error::AudioHeader { detail: format!("it ends without {missing}") });
            };
            let length = u32::from_le_bytes([a, b, c, d]);
            let looked_at = u64::from(length).min(FIELDS);
            match &id {
                b"data" => {
                    let format = format.ok_or_else(|| Error::AudioHeader {
                        detail: "its data chunk comes before its fmt chunk".into(),
                    })?;
                    let known = (!UNKNOWN_LENGTHS.contains(&length)).then_some(length.into());
                    return Ok(Self { format, data_length: known.or(long_length) });
                }
                b"fmt " => {
                    let fields = take(file, looked_at)?;
                    if fields.len() < 16 || (fields.len() as u64) < looked_at {
                        return Err(Error::AudioHeader { detail: "its fmt chunk is cut short".into() });
                    }
                    format = Some(Format::parse(&fields)?);
                }
                // Of RF64: the file's length, the data's, and more.
                b"ds64" => {
                    let fields = take(file, looked_at)?;
                    let length = fields.get(8..).and_then(|rest| rest.first_chunk());
                    let length = length.map(|bytes| u64::from_le_bytes(*bytes));
                    long_length = length.filter(|&length| length != 0 && length != u64::MAX);
                }
                _ => skip(file, looked_at)?,
            }
            // Chunks are padded to an even length.
            skip(file, u64::from(length) + u64::from(length) % 2 - looked_at)?;
        }
    }
}

/// The next `length` bytes, or what there is of them.
fn take(file: &mut impl Read, length: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn skip(file: &mut impl Read, length: u64) -> Result<(), Error> {
    copy(&mut file.take(length), &mut sink()).map_err(unreadable)?;
    Ok(())
}

fn unreadable(cause: io::Error) -> Error {
    Error::AudioUnreadable { cause }
}

/// The fmt chunk.
pub(super) struct Format {
    pub(super) tag: u16,
    pub(super) layout: Layout,
    /// Bytes that a sample takes.
    pub(super) sample_bytes: u16,
    /// Bits of it that are used; below `sample_bytes` × 8 only for plain 24-bit PCM in 32.
    pub(super) bits: u16,
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
        let layout = Layout::new(sample_rate, usize::from(channels))?;
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
        Ok(Self { tag, layout, sample_bytes, bits })
    }

    /// Bytes of a frame.
    pub(super) fn frame_bytes(&self) -> usize {
        self.layout.channels * usize::from(self.sample_bytes)
    }
}
