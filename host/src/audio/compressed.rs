//! Everything that symphonia reads: FLAC, MP3, Ogg/Vorbis, AAC and ALAC in MP4, ADTS AAC, AIFF, and rare kinds of WAV.

use std::io::{Cursor, ErrorKind};

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{self, CODEC_ID_AAC, CODEC_ID_MP3};
use symphonia::core::codecs::audio::{AudioCodecId, AudioDecoderOptions};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use super::{Limits, Mixdown, Mono, mp4, ogg, shielded_decoding};
use crate::Error;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Mono, Error> {
    shielded_decoding(|| decode_first_track(bytes, limits)).map_err(|error| match (error, mp4::length_of_cut(bytes)) {
        // What an MP4 file that breaks off does to its decoder depends on where its tables stand.
        (Error::AudioUnknown | Error::AudioDamaged { .. } | Error::AudioNoFrames, Some(needed)) => {
            Error::AudioTruncated { needed, given: bytes.len() as u64, unit: "bytes" }
        }
        (error, _) => error,
    })
}

/// Decodes the default audio track to its end.
fn decode_first_track(bytes: &[u8], limits: &Limits) -> Result<Mono, Error> {
    let source = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
    let mut container = symphonia::default::get_probe()
        .probe(&Hint::new(), source, FormatOptions::default(), MetadataOptions::default())
        .map_err(container_error)?;
    let track = container.default_track(TrackType::Audio);
    let (Some(track), Some(CodecParameters::Audio(parameters))) =
        (track, track.and_then(|track| track.codec_params.as_ref()))
    else {
        return Err(Error::AudioNoTrack);
    };
    let (track, declared, codec) = (track.id, track.num_frames, parameters.codec);
    // Allowed to fall short of what the container declares: encoders round up to whole packets.
    let slack = parameters.max_frames_per_packet.unwrap_or(0).max(MPEG_FRAME);
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|error| match error {
            SymphoniaError::Unsupported(_) => Error::AudioCodec { codec: codec_name(codec) },
            other => damaged(&other),
        })?;

    let mut mixdown: Option<Mixdown> = None;
    let mut samples: Vec<f32> = Vec::new();
    let mut is_cut = false;
    loop {
        let packet = match container.next_packet() {
            Ok(Some(packet)) => packet,
            // A new stream begins where one ended: radio recordings. The first one is classified.
            Ok(None) | Err(SymphoniaError::ResetRequired) => break,
            Err(SymphoniaError::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                is_cut = true;
                break;
            }
            Err(error) => return Err(damaged(&error)),
        };
        if packet.track_id != track {
            continue;
        }
        let audio = match decoder.decode(&packet) {
            Ok(audio) => audio,
            // MP3 frames lean on earlier ones, so a stream that was cut out of another begins with frames that fail.
            Err(SymphoniaError::DecodeError(_)) if codec == CODEC_ID_MP3 => continue,
            Err(error) => return Err(damaged(&error)),
        };
        let (sample_rate, channels) = (audio.spec().rate(), audio.spec().channels().count());
        let mixdown = match &mut mixdown {
            Some(mixdown) => mixdown,
            none => none.insert(Mixdown::new(sample_rate, channels, limits)?),
        };
        if !mixdown.is_of(sample_rate, channels) {
            return Err(Error::AudioDamaged { detail: "its sample rate or channels change on the way".into() });
        }
        audio.copy_to_vec_interleaved(&mut samples);
        mixdown.push(&samples)?;
    }

    let mut mixdown = mixdown.ok_or(Error::AudioNoFrames)?;
    is_cut |= ogg::is_cut(bytes);
    let (frames, declared) = (mixdown.len() as u64, declared.unwrap_or(0));
    if frames > 0 && (frames + slack < declared || is_cut) {
        return Err(Error::AudioTruncated { needed: declared.max(frames + 1), given: frames, unit: "frames" });
    }
    // Lossless codecs in MP4 have nothing to leave out, and the list's times are too coarse for them.
    if codec == CODEC_ID_AAC
        && let Some(range) = mp4::audible_frames(bytes, mixdown.sample_rate())
    {
        mixdown.crop(range);
    }
    mixdown.finish()
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
        well_known::CODEC_ID_OPUS => "Opus",
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
