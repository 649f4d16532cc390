//! Opus (RFC 6716), which ruopus decodes.

use ruopus::ogg::{ChannelMapping, OpusHead};
use ruopus::{MultistreamDecoder, OpusDecoder};
use symphonia::core::packet::Packet;

use super::mixdown::Layout;
use super::signature::UNPLACED_OPUS;
use crate::Error;

/// Hertz of what is decoded, whatever the rate of what was recorded.
const SAMPLE_RATE: u32 = 48_000;

/// Frames in the longest packet, 120 ms.
pub(super) const LONGEST_PACKET: u64 = 5_760;

/// Most channels: those of 7.1 surround, the most that mapping family 1 has (RFC 7845, section 5.1.1.2).
const MOST_CHANNELS: u8 = 8;

enum Streams {
    /// Of one channel or two.
    One(Box<OpusDecoder>),
    /// Of surround sound.
    Several(MultistreamDecoder),
}

/// A decoder for the packets of one Opus track.
pub(super) struct Opus {
    streams: Streams,
    layout: Layout,
    /// Frames at the beginning that are yet to be left out: the encoder's delay.
    pre_skip: usize,
    /// What the header wants samples to be multiplied by.
    gain: f32,
}

impl Opus {
    /// `header` is the track's identification header, "OpusHead" and what follows (RFC 7845, section 5.1).
    pub(super) fn new(header: &[u8]) -> Result<Self, Error> {
        let head = OpusHead::parse(header).map_err(|error| Error::AudioDamaged { detail: error.to_string() })?;
        let channels = head.channel_count;
        let streams = match head.channel_mapping {
            ChannelMapping::Family0 => Streams::One(Box::new(OpusDecoder::new(channels.into()))),
            ChannelMapping::Table { family: 1, stream_count, coupled_count, ref mapping }
                if channels <= MOST_CHANNELS && stream_count <= channels =>
            {
                let (streams, coupled) = (stream_count.into(), coupled_count.into());
                Streams::Several(MultistreamDecoder::with_rate(SAMPLE_RATE, streams, coupled, mapping))
            }
            _ => return Err(Error::AudioCodec { codec: UNPLACED_OPUS.into() }),
        };
        Ok(Self {
            streams,
            layout: Layout::new(SAMPLE_RATE, channels.into())?,
            pre_skip: head.pre_skip.into(),
            // 256ths of a decibel.
            gain: 10_f32.powf(f32::from(head.output_gain_q8) / 256.0 / 20.0),
        })
    }

    /// The same of a track in MP4, whose header has its numbers in the other order of bytes ("Encapsulation of Opus in ISO Base Media File
    /// Format", section 4.3.2), and a version of 0.
    pub(super) fn of_mp4(header: &[u8]) -> Result<Self, Error> {
        let mut header = header.to_vec();
        for number in [10..12, 12..16, 16..18] {
            if let Some(bytes) = header.get_mut(number) {
                bytes.reverse();
            }
        }
        Self::new(&header)
    }

    /// Replaces `interleaved` with the frames of the packet that are meant to be heard, and counts all that there were.
    pub(super) fn decode(&mut self, packet: &Packet, interleaved: &mut Vec<f32>) -> Result<(Layout, u64), Error> {
        let decoded = match &mut self.streams {
            Streams::One(stream) => stream.decode_packet(&packet.data),
            Streams::Several(streams) => streams.decode_packet(&packet.data),
        };
        let decoded = decoded.map_err(|error| Error::AudioDamaged { detail: format!("an Opus {error}") })?;
        let channels = self.layout.channels;
        let frames = decoded.len() / channels;
        let skipped = self.pre_skip.min(frames);
        self.pre_skip -= skipped;
        let end = frames.saturating_sub(packet.trim_end.get() as usize).max(skipped);
        interleaved.clear();
        interleaved.extend(decoded[skipped * channels..end * channels].iter().map(|sample| sample * self.gain));
        Ok((self.layout, frames as u64))
    }
}
