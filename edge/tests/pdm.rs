//! Decimation of PDM bits against scipy (`golden/pdm/make.py`), and against the same filters in plain 64-bit arithmetic.

mod chunks;

use std::f64::consts::TAU;
use std::path::Path;

use chunks::{Chunks, heard};
use earmark_edge::pdm::{Clock, Decimator};
use earmark_edge::slots::Decoded;
use proptest::prelude::*;

const CLOCKS: [(Clock, usize); 2] = [(Clock::Mhz1_024, 1_024_000), (Clock::Mhz2_048, 2_048_000)];
const RATE: usize = 16_000;

fn golden(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pdm").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Numbers of a file, row by row.
fn table(name: &str) -> Vec<Vec<f64>> {
    let text = String::from_utf8(golden(name)).unwrap();
    text.lines().map(|line| line.split(',').map(|number| number.parse().unwrap()).collect()).collect()
}

#[test]
fn samples_are_those_of_scipy() {
    for (clock, hertz) in CLOCKS {
        let bits = golden(&format!("{}.pdm", hertz / 1_000));
        let expected = table(&format!("{}.csv", hertz / 1_000));
        let samples: Vec<i16> = Decimator::new(clock).decimate(&bits).collect();
        assert_eq!(samples.len(), expected.len());
        for (index, (&sample, expected)) in samples.iter().zip(&expected).enumerate() {
            // Half a unit for the last rounding, a twentieth for that at 64 kHz.
            assert!((f64::from(sample) - expected[0]).abs() < 0.55, "{clock:?}, {index}: {sample}, {expected:?}");
        }
    }
}

/// Bits of a tone, by a sigma-delta modulator of second order.
fn tone(frequency: f64, amplitude: f64, hertz: usize, count: usize) -> Vec<u8> {
    let (mut first, mut second) = (0.0, 0.0);
    let mut bit = |index: usize| {
        let out = if second >= 0.0 { 1.0 } else { -1.0 };
        first += amplitude * (TAU * frequency * index as f64 / hertz as f64).sin() - out;
        second += first - out;
        out > 0.0
    };
    (0..count / 8).map(|byte| (0..8).fold(0, |bits, index| bits << 1 | u8::from(bit(8 * byte + index)))).collect()
}

/// The amplitude of a frequency in samples, as a part of full scale.
fn amplitude(samples: &[i16], frequency: f64) -> f64 {
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (index, &sample) in samples.iter().enumerate() {
        let (s, c) = (TAU * frequency * index as f64 / RATE as f64).sin_cos();
        sine += f64::from(sample) * s;
        cosine += f64::from(sample) * c;
    }
    2.0 * sine.hypot(cosine) / samples.len() as f64 / 32_768.0
}

#[test]
fn the_response_is_that_of_scipys_filters() {
    const LEVEL: f64 = 0.5;
    for row in table("response.csv") {
        let frequency = row[0];
        // What lies beyond half the rate folds back.
        let folded = (frequency + RATE as f64 / 2.0).rem_euclid(RATE as f64) - RATE as f64 / 2.0;
        for ((clock, hertz), &expected) in CLOCKS.into_iter().zip(&row[1..]) {
            let bits = tone(frequency, LEVEL, hertz, hertz / 8);
            let samples: Vec<i16> = Decimator::new(clock).decimate(&bits).collect();
            // A tenth of a second, whole periods of every frequency here, once the filter has settled.
            let gain = 20.0 * (amplitude(&samples[400..2_000], folded.abs()) / LEVEL).log10();
            // What is further down than 60 dB drowns in the modulator's noise.
            let is_right =
                if expected > -40.0 { (gain - expected).abs() < 0.05 } else { gain < expected.max(-60.0) + 1.0 };
            assert!(is_right, "{clock:?}, {frequency} Hz: {gain:.3} dB instead of {expected}");
        }
    }
}

/// The same filters on ±1, without any limit to their numbers.
fn reference(bits: &[u8], clock: usize) -> Vec<i16> {
    let factor = clock / 64_000;
    let mut values: Vec<i64> =
        bits.iter().flat_map(|byte| (0..8).rev().map(move |bit| i64::from(byte >> bit & 1) * 2 - 1)).collect();
    for _ in 0..5 {
        let sums = (0..values.len()).map(|end| values[(end + 1).saturating_sub(factor)..=end].iter().sum()).collect();
        values = sums;
    }
    let shift = 5 * factor.ilog2() - 20;
    let middle: Vec<i64> =
        values.into_iter().skip(factor - 1).step_by(factor).map(|value| (value + (1 << shift >> 1)) >> shift).collect();
    let half: Vec<i64> = table("taps.csv").iter().map(|row| row[0] as i64).collect();
    let taps: Vec<i64> = half.iter().chain(half[..half.len() - 1].iter().rev()).copied().collect();
    let sample = |end: usize| {
        let sum: i64 =
            taps.iter().enumerate().filter(|(age, _)| *age <= end).map(|(age, tap)| tap * middle[end - age]).sum();
        ((sum + (1 << 19)) >> 20).clamp(i16::MIN.into(), i16::MAX.into()) as i16
    };
    (3..middle.len()).step_by(4).map(sample).collect()
}

/// Runs of bytes, full scale of either sign among them: the worst that can come.
fn runs() -> impl Strategy<Value = Vec<u8>> {
    let run = (prop_oneof![Just(0_u8), Just(0xff), any::<u8>()], 1..300_usize);
    prop::collection::vec(run, 1..8)
        .prop_map(|runs| runs.into_iter().flat_map(|(byte, length)| std::iter::repeat_n(byte, length)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_overflows_and_chunks_make_no_difference(
        bits in runs(),
        lengths in prop::collection::vec(1..100_usize, 1..10),
        buffer in 1..200_usize,
        room in 1..30_usize,
    ) {
        for (clock, hertz) in CLOCKS {
            let expected = reference(&bits, hertz);
            let whole: Vec<i16> = Decimator::new(clock).decimate(&bits).collect();
            prop_assert_eq!(&whole, &expected);
            let mut buffer = vec![0; buffer];
            let mut source = Decoded::new(Chunks::new(&bits, &lengths), Decimator::new(clock), &mut buffer);
            prop_assert_eq!(heard(&mut source, room), expected);
        }
    }
}

#[test]
fn full_scale_is_full_scale() {
    for (clock, _) in CLOCKS {
        for (byte, expected) in [(0xff, i16::MAX), (0, i16::MIN), (0x55, 0), (0xaa, 0)] {
            let samples: Vec<i16> = Decimator::new(clock).decimate(&[byte; 16 * 200]).collect();
            assert!(samples[100..].iter().all(|&sample| sample == expected), "{clock:?}, {byte:#x}");
        }
    }
}
