//! Files that are not what they seem: each fault has its own message, and no bytes cause a panic or a large allocation.

use std::fs;
use std::path::PathBuf;

use earmark::Error;
use earmark::audio::{Limits, decode};
use proptest::prelude::*;

#[path = "support/ogg.rs"]
mod ogg;

const LIMITS: Limits = Limits { bytes: 1 << 20, seconds: 60 };

fn fixture(name: &str) -> Vec<u8> {
    fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models/fixtures").join(name)).unwrap()
}

fn fault(bytes: &[u8]) -> Error {
    match decode(bytes, 16_000, &LIMITS) {
        Ok(samples) => panic!("taken for {} samples", samples.len()),
        Err(error) => error,
    }
}

/// `yes.wav` with some bytes of its header replaced.
fn wav_with(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = fixture("yes.wav");
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

#[test]
fn each_fault_of_a_wav_header_is_named() {
    assert!(matches!(fault(&wav_with(22, &[0, 0])), Error::AudioNoChannels));
    assert!(matches!(fault(&wav_with(24, &[0; 4])), Error::AudioNoRate));
    assert!(matches!(fault(&wav_with(24, &[0xff; 4])), Error::AudioRate { sample_rate: u32::MAX }));
    assert!(matches!(fault(&wav_with(20, &[2, 0])), Error::AudioCodec { codec } if codec == "Microsoft ADPCM in WAV"));
    assert!(matches!(fault(&wav_with(20, &[0x34, 0x12])), Error::AudioCodec { codec } if codec.contains("0x1234")));
    let mut mp3 = wav_with(20, &[0x55, 0]);
    mp3[34] = 0;
    assert!(matches!(fault(&mp3), Error::AudioCodec { codec } if codec == "MP3 in WAV"));
    assert!(matches!(fault(&wav_with(34, &[0, 0])), Error::AudioHeader { .. }));
    assert!(matches!(fault(&wav_with(34, &[64, 0])), Error::AudioCodec { codec } if codec == "64-bit PCM in WAV"));
    assert!(matches!(fault(&wav_with(36, b"atad")), Error::AudioHeader { .. }));
    assert!(matches!(fault(&wav_with(12, b"tmf ")), Error::AudioHeader { .. }));
    assert!(matches!(fault(&wav_with(16, &[0xff; 4])), Error::AudioHeader { .. }));
    assert!(matches!(
        fault(&wav_with(40, &[1, 0x7d, 0, 0])),
        Error::AudioTruncated { needed: 32_001, given: 32_000, .. }
    ));
    assert!(matches!(fault(&fixture("yes.wav")[..44 + 8_000]), Error::AudioTruncated { given: 8_000, .. }));
    assert!(matches!(fault(&fixture("yes.wav")[..20]), Error::AudioHeader { .. }));
    assert!(matches!(fault(&fixture("yes.wav")[..44]), Error::AudioTruncated { given: 0, .. }));
    assert!(matches!(fault(&wav_with(40, &[0; 4])[..44]), Error::AudioNoFrames));
}

#[test]
fn an_rf64_header_says_the_length_in_another_place() {
    let wav = fixture("yes.wav");
    let (header, samples) = wav.split_at(44);
    let file = |length: u64, behind: &[u8]| {
        let sizes = [&b"ds64\x1c\0\0\0"[..], &[0; 8], &length.to_le_bytes(), &[0; 12]].concat();
        [b"RF64\xff\xff\xff\xffWAVE", &*sizes, &header[12..40], &[0xff; 4], samples, behind].concat()
    };
    let plain = decode(&wav, 16_000, &LIMITS).unwrap();
    assert_eq!(decode(&file(32_000, b"LIST\x04\0\0\0INFO"), 16_000, &LIMITS).unwrap(), plain);
    assert_eq!(decode(&file(0, b""), 16_000, &LIMITS).unwrap(), plain);
    assert!(matches!(fault(&file(1 << 40, b"")), Error::AudioTruncated { needed: 0x100_0000_0000, given: 32_000, .. }));
}

#[test]
fn samples_that_are_no_numbers_are_told_by_their_place() {
    let file = fixture("formats/yes-float.wav");
    let data = file.windows(4).position(|bytes| bytes == b"data").unwrap() + 8;
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut file = file.clone();
        file[data + 4 * 5_000..][..4].copy_from_slice(&bad.to_le_bytes());
        assert!(matches!(fault(&file), Error::AudioNotFinite { frame: 5_000 }), "{bad}");
    }
}

#[test]
fn what_is_no_audio_is_told_from_what_cannot_be_decoded() {
    assert!(matches!(fault(b""), Error::AudioEmpty));
    assert!(matches!(fault(b"<!doctype html><p>Not found \xc3\xa9"), Error::AudioIsText));
    assert!(matches!(fault(&[0; 4096]), Error::AudioUnknown));
    assert!(matches!(fault(b"\x7fELF\x02\x01\x01"), Error::AudioUnknown));
    assert!(matches!(fault(&[0x1a, 0x45, 0xdf, 0xa3, 0x9f]), Error::AudioNoFrames));
    assert!(matches!(fault(&[0x0b, 0x77, 0x2d]), Error::AudioCodec { codec } if codec == "AC-3"));
    let speex = ogg_page(2, 0, &[b"Speex   1.2"]);
    assert!(matches!(fault(&speex), Error::AudioCodec { codec } if codec == "Speex"));
    assert!(matches!(fault(b"#!AMR\n\x3c"), Error::AudioCodec { codec } if codec == "AMR"));
}

/// One Ogg page holding `packets`, each under 255 bytes (RFC 3533).
fn ogg_page(kind: u8, sequence: u8, packets: &[&[u8]]) -> Vec<u8> {
    let mut page = b"OggS\0".to_vec();
    page.push(kind);
    page.extend([0; 8]); // granule position
    page.extend([1, 0, 0, 0, sequence, 0, 0, 0, 0, 0, 0, 0, packets.len() as u8]);
    page.extend(packets.iter().map(|packet| packet.len() as u8));
    page.extend(packets.concat());
    ogg::seal(&mut page);
    page
}

/// An Ogg file with this header and one packet, of 20 ms.
fn opus_file(header: &[u8]) -> Vec<u8> {
    let tags = b"OpusTags\0\0\0\0\0\0\0\0";
    [ogg_page(2, 0, &[header]), ogg_page(0, 1, &[tags]), ogg_page(4, 2, &[&[0xf8, 0xff, 0xfe]])].concat()
}

#[test]
fn opus_of_channels_without_a_meaning_is_called_by_its_name() {
    let file = opus_file(b"OpusHead\x01\x03\x38\x01\x80\xbb\0\0\0\0\xff\x03\x00\0\x01\x02");
    let error = fault(&file);
    assert!(matches!(&error, Error::AudioCodec { codec } if codec.starts_with("Opus")), "{error}");
}

#[test]
fn opus_that_ends_before_it_begins_has_no_frames() {
    // The encoder's delay is longer than the only packet.
    let file = opus_file(b"OpusHead\x01\x01\xc1\x03\x80\xbb\0\0\0\0\0");
    assert!(matches!(fault(&file), Error::AudioNoFrames));
}

#[test]
fn a_file_cut_short_is_not_taken_for_a_short_file() {
    // Of Ogg, which says no length, a cut between two pages would go unseen.
    for name in [
        "yes.wav",
        "formats/yes-float.wav",
        "formats/yes.flac",
        "formats/yes.mp3",
        "formats/yes.m4a",
        "formats/yes.ogg",
        "formats/yes.opus",
        "formats/yes.webm",
        "formats/yes-opus.mp4",
    ] {
        let file = fixture(name);
        for length in [file.len() * 9 / 10, file.len() / 2, file.len() / 10, 100, 13] {
            let error = fault(&file[..length]);
            assert!(
                matches!(
                    error,
                    Error::AudioTruncated { .. }
                        | Error::AudioNoFrames
                        | Error::AudioHeader { .. }
                        | Error::AudioDamaged { .. }
                        | Error::AudioUnknown
                        | Error::AudioNoTrack
                ),
                "{name} cut to {length}: {error}"
            );
        }
    }
}

#[test]
fn a_cut_m4a_file_is_told_from_what_is_no_audio() {
    let file = fixture("formats/yes.m4a");
    for length in [file.len() - 1, file.len() / 2, file.len() / 10] {
        let error = fault(&file[..length]);
        let given = length as u64;
        assert!(
            matches!(error, Error::AudioTruncated { needed, given: has, unit: "bytes" } if has == given && needed > given)
        );
    }
}

const FILES: [&str; 11] = [
    "yes.wav",
    "formats/yes-24bit-extensible.wav",
    "formats/yes-float.wav",
    "formats/yes-44100-stereo.wav",
    "formats/yes.flac",
    "formats/yes.mp3",
    "formats/yes.ogg",
    "formats/yes.m4a",
    "formats/yes.opus",
    "formats/yes.webm",
    "formats/yes-opus.mp4",
];

/// What must hold for any bytes: an answer, of samples within the limit or in one line.
fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    match decode(bytes, 16_000, &LIMITS) {
        Ok(samples) => prop_assert!(!samples.is_empty() && samples.len() <= 60 * 16_000 + 1),
        Err(error) => prop_assert!(!error.to_string().contains('\n')),
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        check(&bytes)?;
    }

    #[test]
    fn any_bytes_behind_a_signature_get_an_answer(
        signature in prop::sample::select(vec![
            &b"RIFF\0\0\0\0WAVE"[..], b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0", b"fLaC\0\0\0\x22", b"OggS\0\x02", b"ID3\x04\0\0",
            b"\xff\xfb\x90\x00", b"\xff\xf1\x50\x80", b"\0\0\0\x18ftypM4A ", b"FORM\0\0\x01\0AIFFCOMM\0\0\0\x12", b"\x1a\x45\xdf\xa3",
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        check(&[signature, &bytes].concat())?;
    }

    #[test]
    fn damaged_files_get_an_answer(
        name in prop::sample::select(FILES.to_vec()),
        // Most of what can go wrong goes wrong in the header.
        places in prop::collection::vec((prop_oneof![3 => 0_usize..300, 1 => 0_usize..200_000], any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut file = fixture(name);
        for (place, byte) in places {
            let place = place % file.len();
            file[place] = byte;
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        check(&file)?;
    }
}
