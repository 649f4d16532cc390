//! WAV files, and samples without a header.
//!
//! The header is walked here and the samples are decoded, all but the plainest by symphonia, a block at a time. symphonia's own reader
//! would take the length in the header at its word, refuse headers that recorders and pipes really write, and not say which field is wrong.
//!
//! Layout: Microsoft's "Multimedia Programming Interface and Data Specifications 1.0" (RIFF WAVE), `WAVEFORMATEXTENSIBLE`, and
//! EBU Tech 3306 (RF64).

mod header;

use std::io::{ErrorKind, Read};

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_PCM_ALAW, CODEC_ID_PCM_F64LE, CODEC_ID_PCM_MULAW, CODEC_ID_PCM_S24LE, CODEC_ID_PCM_S32LE, CODEC_ID_PCM_U8,
};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

use super::mixdown::Layout;
use super::source::Media;
use super::{Blocks, PcmFormat};
use crate::Error;
use header::{A_LAW, FLOAT, Format, Header, MU_LAW, PCM};

/// Bytes read at once, at most: what is made of them on the way to the model stays in a processor's nearest memory.
const BLOCK: usize = 1 << 12;

/// How samples are written.
enum Coding {
    Plain(PcmFormat),
    /// symphonia decodes them.
    Coded(Box<dyn AudioDecoder>),
}

/// Samples that follow each other until the end.
pub(super) struct Samples<'s> {
    media: Media<'s>,
    layout: Layout,
    coding: Coding,
    /// Bytes of a frame, not 0.
    frame_bytes: usize,
    /// Bytes of samples that there should be, if that is known.
    needed: Option<u64>,
    /// Bytes of samples read.
    given: u64,
    /// Room for a block; what was read of an incomplete frame lies at its beginning.
    block: Vec<u8>,
    incomplete: usize,
}

impl<'s> Samples<'s> {
    /// Reads the header of a WAV file.
    pub(super) fn of_wav(mut media: Media<'s>) -> Result<Self, Error> {
        let Header { format, data_length } = Header::read(&mut media)?;
        Ok(Self::new(media, format.layout, coding(&format)?, format.frame_bytes(), data_length))
    }

    /// Takes 16-bit little-endian samples of one channel, without a header.
    pub(super) fn raw(media: Media<'s>, sample_rate: u32) -> Result<Self, Error> {
        Ok(Self::new(media, Layout::new(sample_rate, 1)?, Coding::Plain(PcmFormat::S16le), 2, None))
    }

    fn new(media: Media<'s>, layout: Layout, coding: Coding, frame_bytes: usize, needed: Option<u64>) -> Self {
        let block = vec![0; frame_bytes.max(BLOCK)];
        Self { media, layout, coding, frame_bytes, needed, given: 0, block, incomplete: 0 }
    }

    /// Fills the block up with what is there: as soon as it has whole frames, without waiting for more. Returns their bytes, 0
    /// at the end.
    fn read(&mut self) -> Result<usize, Error> {
        loop {
            let wanted = self.needed.map_or(u64::MAX, |needed| needed - self.given);
            let room = &mut self.block[self.incomplete..];
            let room_length = usize::try_from(wanted).map_or(room.len(), |wanted| wanted.min(room.len()));
            let read = match self.media.read(&mut room[..room_length]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                outcome => outcome.map_err(|cause| Error::AudioUnreadable { cause })?,
            };
            self.given += read as u64;
            let filled = self.incomplete + read;
            if read == 0 || filled >= self.frame_bytes {
                self.incomplete = filled % self.frame_bytes;
                return Ok(filled - self.incomplete);
            }
            self.incomplete = filled;
        }
    }
}

impl Blocks for Samples<'_> {
    fn next_block(&mut self, interleaved: &mut Vec<f32>) -> Result<Option<Layout>, Error> {
        let whole = self.read()?;
        if whole == 0 {
            return match self.needed {
                Some(needed) if self.given < needed => {
                    Err(Error::AudioTruncated { needed, given: self.given, unit: "bytes of samples" })
                }
                _ => Ok(None),
            };
        }
        let samples = &self.block[..whole];
        match &mut self.coding {
            Coding::Plain(format) => {
                interleaved.clear();
                format.read(samples, interleaved);
            }
            Coding::Coded(decoder) => {
                let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, samples);
                decoder.decode_ref(&packet).map_err(damaged)?.copy_to_vec_interleaved(interleaved);
            }
        }
        self.block.copy_within(whole..whole + self.incomplete, 0);
        Ok(Some(self.layout))
    }
}

fn coding(format: &Format) -> Result<Coding, Error> {
    let codec = match (format.tag, format.sample_bytes, format.bits) {
        (PCM, 2, _) => return Ok(Coding::Plain(PcmFormat::S16le)),
        (FLOAT, 4, 32) => return Ok(Coding::Plain(PcmFormat::F32le)),
        (PCM, 1, _) => CODEC_ID_PCM_U8,
        (PCM, 3, _) => CODEC_ID_PCM_S24LE,
        (PCM, 4, _) => CODEC_ID_PCM_S32LE,
        (FLOAT, 8, 64) => CODEC_ID_PCM_F64LE,
        (A_LAW, 1, 8) => CODEC_ID_PCM_ALAW,
        (MU_LAW, 1, 8) => CODEC_ID_PCM_MULAW,
        (tag, _, bits) => return Err(Error::AudioCodec { codec: tag_name(tag, bits) }),
    };
    let mut parameters = AudioCodecParameters::new();
    // To the decoder interleaved frames are so many frames of one channel.
    parameters.for_codec(codec).with_sample_rate(format.layout.sample_rate).with_channels(Channels::Discrete(1));
    if codec == CODEC_ID_PCM_S32LE {
        parameters.with_bits_per_sample(32).with_bits_per_coded_sample(format.bits.into());
    }
    let decoders = symphonia::default::get_codecs();
    let decoder = decoders.make_audio_decoder(&parameters, &AudioDecoderOptions::default()).map_err(damaged)?;
    Ok(Coding::Coded(decoder))
}

fn damaged(error: symphonia::core::errors::Error) -> Error {
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
