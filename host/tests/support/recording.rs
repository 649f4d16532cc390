//! Recordings made of fixtures.

use std::fs;

use super::fixture;

/// The samples of a fixture at 16 kHz.
pub fn samples(name: &str) -> Vec<i16> {
    let file = fs::read(fixture(name)).unwrap();
    file[44..].chunks_exact(2).map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]])).collect()
}

/// Words, each followed by a second of faint noise.
pub fn words(names: &[&str]) -> Vec<i16> {
    let mut state = 1_u32;
    let mut noise = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 28) as i16 - 8
    };
    let mut recording = Vec::new();
    for name in names {
        recording.extend(samples(&format!("{name}.wav")));
        recording.extend((0..16_000).map(|_| noise()));
    }
    recording
}

/// Little-endian bytes.
pub fn bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// A 16 kHz, 16-bit mono WAV file.
pub fn wav(samples: &[i16]) -> Vec<u8> {
    let mut file = fs::read(fixture("yes.wav")).unwrap()[..40].to_vec();
    file.extend((2 * samples.len() as u32).to_le_bytes());
    file.extend(bytes(samples));
    file
}
