//! Everything whose container symphonia reads: FLAC, MP3, Ogg, MP4, WebM and Matroska, ADTS AAC, AIFF, and rare kinds of WAV. It decodes
//! what is in them, but for Opus.

use std::io::ErrorKind;
use std::ops::Range;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{self, CODEC_ID_AAC, CODEC_ID_MP3, CODEC_ID_OPUS};
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions, ReadOnlySource};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

use super::mixdown::Layout;
use super::mp4::Edit;
use super::opus::{self, Opus};
use super::signature::EBML;
use super::source::{Media, Source};
use super::{Blocks, mp4, ogg, webm};
use crate::Error;

/// The default audio track of a container, packet by packet.
pub(super) struct Track<'s> {
    container: Box<dyn FormatReader + 's>,
    track: u32,
    decoder: Decoder,
    /// Frames that the container declares, 0 if it does not.
    declared: u64,
    /// Frames by which it may fall short of that: encoders round up to whole packets.
    slack: u64,
    /// Frames so far.
    frames: u64,
    /// Those of them that are meant to be heard.
    heard: u64,
    /// What breaks off before its end: the format says so, or its next packet was not all there.
    is_cut: bool,
    format: Format,
    edit: Option<Edit>,
    faults: Faults,
}

impl<'s> Track<'s> {
    /// Reads up to the first packet. `limit` is the most bytes of a pipe that are kept in memory for formats that need it.
    pub(super) fn open(source: Source<'s>, limit: u64) -> Result<Self, Error> {
        let format = Format::of(&source.head);
        let Source { mut media, head } = if format == Format::Mp4 { source.seekable(limit)? } else { source };
        let unreadable = |cause| Error::AudioUnreadable { cause };
        let (mut faults, mut edit, mut is_cut) = (Faults::default(), None, false);
        match format {
            Format::Mp4 => {
                faults = Faults { cut_mp4: mp4::length_of_cut(&mut media), given: media.byte_len().unwrap_or(0) };
                edit = Edit::read(&mut media);
                media.rewind().map_err(unreadable)?;
            }
            Format::Ogg => is_cut = media.is_seekable() && ogg::is_cut(&mut media).map_err(unreadable)?,
            Format::Webm => {
                is_cut = webm::length(&head).zip(media.byte_len()).is_some_and(|(needed, given)| needed > given);
                // Read from front to back, since its reader gives up on a file whose tables, at the end, are not there.
                media = Box::new(ReadOnlySource::new(media));
            }
            Format::Other => {}
        }
        Self::probe(media, format, is_cut, edit, faults).map_err(|error| faults.name(error))
    }

    fn probe(
        media: Media<'s>,
        format: Format,
        is_cut: bool,
        edit: Option<Edit>,
        faults: Faults,
    ) -> Result<Self, Error> {
        let stream = MediaSourceStream::new(media, MediaSourceStreamOptions::default());
        let container = symphonia::default::get_probe()
            .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(container_error)?;
        let track = container.default_track(TrackType::Audio);
        let (Some(track), Some(CodecParameters::Audio(parameters))) =
            (track, track.and_then(|track| track.codec_params.as_ref()))
        else {
            return Err(Error::AudioNoTrack);
        };
        let codec = parameters.codec;
        let longest = if codec == CODEC_ID_OPUS { opus::LONGEST_PACKET } else { MPEG_FRAME };
        Ok(Self {
            track: track.id,
            decoder: Decoder::new(parameters, format)?,
            declared: track.num_frames.unwrap_or(0),
            slack: parameters.max_frames_per_packet.unwrap_or(0).max(longest),
            frames: 0,
            heard: 0,
            is_cut,
            format,
            // Lossless codecs in MP4 have nothing to leave out, and the list's times are too coarse for them.
            edit: edit.filter(|_| codec == CODEC_ID_AAC),
            faults,
            container,
        })
    }

    /// The track's next packet.
    fn next_packet(&mut self) -> Result<Option<Packet>, Error> {
        loop {
            match self.container.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track => return Ok(Some(packet)),
                Ok(Some(_)) => {}
                // A new stream begins where one ended: radio recordings. The first one is heard.
                Ok(None) | Err(SymphoniaError::ResetRequired) => return Ok(None),
                Err(SymphoniaError::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                    // WebM that was written as it was recorded ends when no more comes.
                    self.is_cut |= self.format != Format::Webm;
                    return Ok(None);
                }
                Err(error) => return Err(damaged(&error)),
            }
        }
    }

    /// The frames of the next `frames` ones that are meant to be heard.
    fn audible(&self, sample_rate: u32, frames: u64) -> Range<usize> {
        let whole = self.edit.and_then(|edit| edit.frames(sample_rate));
        // A list that leaves nothing over is wrong.
        let whole = whole.filter(|range| !range.is_empty() && (self.declared == 0 || range.start < self.declared));
        let Some(whole) = whole else { return 0..frames as usize };
        let place = |frame: u64| frame.saturating_sub(self.frames).min(frames) as usize;
        place(whole.start)..place(whole.end)
    }

    fn next_frames(&mut self, interleaved: &mut Vec<f32>) -> Result<Option<Layout>, Error> {
        while let Some(packet) = self.next_packet()? {
            if self.format == Format::Ogg && self.frames == 0 {
                // Ogg declares where the last frame is, and what was cut out of a longer recording does not begin at 0.
                self.declared = self.declared.saturating_sub(packet.pts.get().try_into().unwrap_or(0));
            }
            let Some((layout, frames)) = self.decoder.decode(&packet, interleaved)? else { continue };
            let audible = self.audible(layout.sample_rate, frames);
            interleaved.truncate(audible.end * layout.channels);
            interleaved.drain(..audible.start * layout.channels);
            self.frames += frames;
            self.heard += (interleaved.len() / layout.channels) as u64;
            return Ok(Some(layout));
        }
        if self.heard == 0 {
            return Err(Error::AudioNoFrames);
        }
        if self.frames + self.slack < self.declared || self.is_cut {
            let needed = self.declared.max(self.frames + 1);
            return Err(Error::AudioTruncated { needed, given: self.frames, unit: "frames" });
        }
        Ok(None)
    }
}

impl Blocks for Track<'_> {
    fn next_block(&mut self, interleaved: &mut Vec<f32>) -> Result<Option<Layout>, Error> {
        let faults = self.faults;
        self.next_frames(interleaved).map_err(|error| faults.name(error))
    }
}

/// Containers that are treated apart.
#[derive(Clone, Copy, PartialEq)]
enum Format {
    Mp4,
    Ogg,
    /// Or another kind of Matroska.
    Webm,
    Other,
}

impl Format {
    fn of(head: &[u8]) -> Self {
        match head {
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Self::Mp4,
            [b'O', b'g', b'g', b'S', ..] => Self::Ogg,
            _ if head.starts_with(&EBML) => Self::Webm,
            _ => Self::Other,
        }
    }
}

/// What turns a track's packets into samples.
enum Decoder {
    Symphonia { decoder: Box<dyn AudioDecoder>, codec: AudioCodecId },
    Opus(Opus),
}

impl Decoder {
    fn new(parameters: &AudioCodecParameters, format: Format) -> Result<Self, Error> {
        let codec = parameters.codec;
        if codec == CODEC_ID_OPUS {
            let header = parameters.extra_data.as_deref().unwrap_or_default();
            let opus = if format == Format::Mp4 { Opus::of_mp4(header) } else { Opus::new(header) };
            return opus.map(Self::Opus);
        }
        let decoder = symphonia::default::get_codecs().make_audio_decoder(parameters, &AudioDecoderOptions::default());
        let decoder = decoder.map_err(|error| match error {
            SymphoniaError::Unsupported(_) => Error::AudioCodec { codec: codec_name(codec) },
            other => damaged(&other),
        })?;
        Ok(Self::Symphonia { decoder, codec })
    }

    /// Replaces `interleaved` with the packet's frames, and says how they lie and how many there were before the decoder left out what
    /// its encoder had put in before and after the sound; `None` for a packet that is passed over.
    fn decode(&mut self, packet: &Packet, interleaved: &mut Vec<f32>) -> Result<Option<(Layout, u64)>, Error> {
        match self {
            Self::Opus(opus) => opus.decode(packet, interleaved).map(Some),
            Self::Symphonia { decoder, codec } => {
                let audio = match decoder.decode(packet) {
                    Ok(audio) => audio,
                    // MP3 frames lean on earlier ones, so a stream that was cut out of another begins with frames that fail.
                    Err(SymphoniaError::DecodeError(_)) if *codec == CODEC_ID_MP3 => return Ok(None),
                    Err(error) => return Err(damaged(&error)),
                };
                let layout = Layout::new(audio.spec().rate(), audio.spec().channels().count())?;
                audio.copy_to_vec_interleaved(interleaved);
                Ok(Some((layout, (interleaved.len() / layout.channels) as u64)))
            }
        }
    }
}

/// What is known about an MP4 file that breaks off: what that does to its decoder depends on where its tables stand.
#[derive(Clone, Copy, Default)]
struct Faults {
    /// Bytes that it should have.
    cut_mp4: Option<u64>,
    /// Bytes that it has.
    given: u64,
}

impl Faults {
    fn name(self, error: Error) -> Error {
        match (error, self.cut_mp4) {
            (Error::AudioUnknown | Error::AudioDamaged { .. } | Error::AudioNoFrames, Some(needed)) => {
                Error::AudioTruncated { needed, given: self.given, unit: "bytes" }
            }
            (error, _) => error,
        }
    }
}

/// Frames in a packet of MPEG audio layer III.
const MPEG_FRAME: u64 = 1152;

fn container_error(error: SymphoniaError) -> Error {
    match error {
        SymphoniaError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => Error::AudioNoFrames,
        SymphoniaError::Unsupported(_) => Error::AudioUnknown,
        other => damaged(&other),
    }
}

fn damaged(error: &SymphoniaError) -> Error {
    Error::AudioDamaged { detail: error.to_string() }
}

/// A codec's name for people, for those that containers here can hold and nothing here can decode.
fn codec_name(codec: AudioCodecId) -> String {
    let name = match codec {
        well_known::CODEC_ID_SPEEX => "Speex",
        CODEC_ID_AAC => "this profile of AAC (only AAC-LC is supported)",
        well_known::CODEC_ID_MP1 => "MP1",
        well_known::CODEC_ID_MP2 => "MP2",
        well_known::CODEC_ID_AC3 => "AC-3",
        well_known::CODEC_ID_EAC3 => "E-AC-3",
        well_known::CODEC_ID_DCA => "DTS",
        well_known::CODEC_ID_ADPCM_MS => "Microsoft ADPCM",
        well_known::CODEC_ID_ADPCM_IMA_WAV | well_known::CODEC_ID_ADPCM_IMA_QT => "IMA ADPCM",
        other => return format!("codec {other}"),
    };
    name.into()
}
