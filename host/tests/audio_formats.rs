//! The same word in every format gives the same samples, as far as the format can carry them.

use std::fs;
use std::path::PathBuf;

use earmark::audio::{Limits, decode};

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models/fixtures").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn samples(name: &str) -> Vec<i16> {
    decode(&fixture(name), 16_000, &Limits::default()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The samples as they stand in a WAV file with a 44-byte header.
fn original() -> Vec<i16> {
    fixture("yes.wav")[44..].chunks_exact(2).map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]])).collect()
}

/// Energy of the difference relative to the energy of `expected`, in decibels, at the best shift of up to `most` samples; and
/// that shift.
fn distance(samples: &[i16], expected: &[i16], most: usize) -> (f64, usize) {
    let energy: f64 = expected.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    (0..=most)
        .map(|shift| {
            let shifted = samples.get(shift..).unwrap_or(&[]).iter().copied().chain(std::iter::repeat(0));
            let error: f64 = expected.iter().zip(shifted).map(|(&a, b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
            (10.0 * (error / energy).log10(), shift)
        })
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap()
}

#[test]
fn lossless_formats_come_out_bit_for_bit() {
    let original = original();
    for name in [
        "yes.wav",
        "formats/yes.flac",
        "formats/yes-24bit.wav",
        "formats/yes-24bit-extensible.wav",
        "formats/yes-float.wav",
        "formats/yes-float-extensible.wav",
    ] {
        assert!(samples(name) == original, "{name}");
    }
}

#[test]
fn another_sample_rate_and_stereo_stay_close() {
    let samples = samples("formats/yes-44100-stereo.wav");
    assert_eq!(samples.len(), 16_000);
    let (decibels, shift) = distance(&samples, &original(), 4);
    assert!(shift == 0 && decibels < -30.0, "{decibels} dB at {shift}");
}

#[test]
fn lossy_formats_stay_close() {
    // Their encoders' delay and padding are taken out.
    for name in ["formats/yes.mp3", "formats/yes.ogg", "formats/yes.m4a", "formats/yes.opus"] {
        let samples = samples(name);
        assert_eq!(samples.len(), 16_000, "{name}");
        let (decibels, shift) = distance(&samples, &original(), 2_400);
        assert!(shift == 0 && decibels < -8.0, "{name}: {decibels} dB at {shift}");
    }
}

/// A WAV file with this fmt chunk.
fn wav(format: &[u8], data_length: u32, data: &[u8]) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
    file.extend((format.len() as u32).to_le_bytes());
    file.extend(format);
    file.extend(b"data");
    file.extend(data_length.to_le_bytes());
    file.extend(data);
    file
}

fn format(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let block = channels * bits.div_ceil(8);
    let mut chunk = Vec::new();
    chunk.extend(tag.to_le_bytes());
    chunk.extend(channels.to_le_bytes());
    chunk.extend(rate.to_le_bytes());
    chunk.extend((rate * u32::from(block)).to_le_bytes());
    chunk.extend(block.to_le_bytes());
    chunk.extend(bits.to_le_bytes());
    chunk
}

fn pcm(format: &[u8], data: &[u8]) -> Vec<i16> {
    let file = wav(format, data.len() as u32, data);
    decode(&file, 16_000, &Limits::default()).unwrap_or_else(|error| panic!("{format:?}: {error}"))
}

#[test]
fn every_sample_format_of_wav_has_the_same_full_scale() {
    let expected = [i16::MIN, -16_384, 0, 16_384];
    assert_eq!(pcm(&format(1, 1, 16_000, 8), &[0, 64, 128, 192]), expected);
    assert_eq!(pcm(&format(1, 1, 16_000, 16), &[0, 0x80, 0, 0xc0, 0, 0, 0, 0x40]), expected);
    assert_eq!(pcm(&format(1, 1, 16_000, 24), &[0, 0, 0x80, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0x40]), expected);
    let wide: Vec<u8> = expected.iter().flat_map(|&sample| (i32::from(sample) << 16).to_le_bytes()).collect();
    assert_eq!(pcm(&format(1, 1, 16_000, 32), &wide), expected);
    let float = |sample: &i16| (f32::from(*sample) / 32_768.0).to_le_bytes();
    assert_eq!(pcm(&format(3, 1, 16_000, 32), &expected.iter().flat_map(float).collect::<Vec<_>>()), expected);
    let double = |sample: &i16| (f64::from(*sample) / 32_768.0).to_le_bytes();
    assert_eq!(pcm(&format(3, 1, 16_000, 64), &expected.iter().flat_map(double).collect::<Vec<_>>()), expected);
    // 20 bits stand at the top of 24 when the header is extensible; here 12 of 16 likewise.
    assert_eq!(pcm(&format(1, 1, 16_000, 12), &[0, 0x80, 0, 0xc0, 0, 0, 0, 0x40]), expected);
    // A-law and µ-law of silence and of full scale (ITU-T G.711).
    assert_eq!(pcm(&format(7, 1, 16_000, 8), &[0xff, 0x80, 0x00]), [0, 32_124, -32_124]);
    assert_eq!(pcm(&format(6, 1, 16_000, 8), &[0xd5, 0xaa, 0x2a]), [8, 32_256, -32_256]);
}

#[test]
fn an_extensible_header_says_where_24_bits_stand_in_32() {
    let mut extensible = format(0xfffe, 1, 16_000, 32);
    extensible.extend([22, 0, 24, 0, 4, 0, 0, 0]);
    extensible.extend([1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
    assert_eq!(pcm(&extensible, &[0, 0, 0, 0x40, 0, 0, 0, 0xc0]), [16_384, -16_384]);
}

#[test]
fn channels_are_averaged_and_loud_samples_saturate() {
    let stereo = [0x00, 0x40, 0x00, 0xc0, 0xff, 0x7f, 0xff, 0x7f];
    assert_eq!(pcm(&format(1, 2, 16_000, 16), &stereo), [0, i16::MAX]);
    let loud: Vec<u8> = [7.5_f32, -7.5, 1.0].iter().flat_map(|sample| sample.to_le_bytes()).collect();
    assert_eq!(pcm(&format(3, 1, 16_000, 32), &loud), [i16::MAX, i16::MIN, i16::MAX]);
}

#[test]
fn a_length_that_a_pipe_writes_means_until_the_end() {
    for length in [0, u32::MAX] {
        let file = wav(&format(1, 1, 16_000, 16), length, &[1, 0, 2, 0, 3]);
        assert_eq!(decode(&file, 16_000, &Limits::default()).unwrap(), [1, 2], "{length}");
    }
}

#[test]
fn other_chunks_and_wrong_redundant_fields_do_no_harm() {
    let mut format = format(1, 1, 16_000, 16);
    format[8..12].copy_from_slice(&[9; 4]); // bytes a second
    let mut file = b"RF64\xff\xff\xff\xffWAVEds64\x03\0\0\0abc\0junk\0\0\0\0fmt ".to_vec();
    file.extend([16, 0, 0, 0]);
    file.extend(&format);
    file.extend(b"fact\x04\0\0\0\x01\0\0\0data\x02\0\0\0\x05\0LIST\xff\xff\xff\xff");
    assert_eq!(decode(&file, 16_000, &Limits::default()).unwrap(), [5]);
}

#[test]
fn limits_hold_for_every_kind_of_file() {
    let limits = Limits { seconds: 0, ..Limits::default() };
    for name in ["yes.wav", "formats/yes.flac", "formats/yes.mp3"] {
        let error = decode(&fixture(name), 16_000, &limits).unwrap_err();
        assert_eq!(error.to_string(), "the audio is longer than 0 s: split it", "{name}");
    }
}
