//! Conditioning of samples: against the formulas in real numbers, at the ends of the scale, and however the samples arrive.

use earmark_core::signal::{
    Conditioner, Conditioning, DcBlocker, Diagnosis, Gain, Mute, Preset, SignalChange, SignalCondition,
};
use proptest::collection::vec;
use proptest::prelude::*;

const RATE: u32 = 16_000;

/// Samples as microphones give them, and as they should not: noise, silence, full scale, offsets.
fn signal(length: usize) -> impl Strategy<Value = Vec<i16>> {
    let piece = prop_oneof![
        vec(any::<i16>(), 1..2_000),
        (any::<i16>(), 1..9_000usize).prop_map(|(value, count)| vec![value; count]),
        (prop_oneof![Just(i16::MIN), Just(i16::MAX), Just(0)], 1..9_000usize)
            .prop_map(|(value, count)| vec![value; count]),
    ];
    vec(piece, 1..6).prop_map(move |pieces| pieces.concat().into_iter().take(length).collect())
}

fn conditioning() -> impl Strategy<Value = Conditioning> {
    prop_oneof![Just(Preset::None), Just(Preset::Inmp441), Just(Preset::Sph0645)]
        .prop_map(|preset| preset.conditioning(RATE))
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..ProptestConfig::with_cases(300) })]

    #[test]
    fn chunks_make_no_difference(
        samples in signal(40_000),
        steps in conditioning(),
        cuts in vec(1usize..5_000, 0..12),
    ) {
        let mut whole = samples.clone();
        let mut expected = Vec::new();
        Conditioner::new(steps, RATE).process(&mut whole, |change| expected.push(change));

        let mut conditioner = Conditioner::new(steps, RATE);
        let mut chunked = samples;
        let mut changes = Vec::new();
        let mut rest = &mut chunked[..];
        for cut in cuts.into_iter().chain([usize::MAX]) {
            let left = rest;
            let (chunk, later) = left.split_at_mut(cut.min(left.len()));
            conditioner.process(chunk, |change| changes.push(change));
            rest = later;
        }
        prop_assert!(chunked == whole);
        prop_assert_eq!(changes, expected);
    }

    /// The integer filter against the transfer function in real numbers.
    #[test]
    fn the_dc_blocker_is_the_filter_that_it_says(samples in signal(20_000), shift in 1u32..=12) {
        let mut blocker = DcBlocker::new(shift);
        let (mut mean, part) = (0.0f64, f64::from(shift).exp2().recip());
        for sample in samples {
            let expected = (f64::from(sample) - mean).clamp(-32_768.0, 32_767.0);
            mean += part * (f64::from(sample) - mean);
            // Rounding of the output, and of the mean in steps of 2^-14 whose errors add up to 2^shift of them.
            prop_assert!((f64::from(blocker.filter(sample)) - expected).abs() <= 0.5 + f64::from(shift).exp2() / 16_384.0 + 1e-9);
        }
    }

    #[test]
    fn gain_is_multiplication_that_saturates(sample in any::<i16>(), decibels in -120.0f32..48.0) {
        let factor = 10f64.powf(f64::from(decibels) / 20.0);
        let expected = (f64::from(sample) * factor).clamp(-32_768.0, 32_767.0);
        let tolerance = 0.5 + f64::from(sample).abs() / 512.0 + 1e-3 * expected.abs();
        prop_assert!((f64::from(Gain::from_decibels(decibels).apply(sample)) - expected).abs() <= tolerance);
    }

    #[test]
    fn the_mute_ends_where_it_should(length in 0u32..500, cuts in vec(0usize..90, 0..20)) {
        let mut mute = Mute::new(length);
        let mut heard = 0;
        for cut in cuts {
            let mut samples = vec![7; cut];
            mute.process(&mut samples);
            for sample in samples {
                prop_assert_eq!(sample, if heard < length { 0 } else { 7 });
                heard += 1;
            }
        }
    }
}

/// All changes that a signal gives rise to.
fn changes(samples: &[i16]) -> Vec<(u64, SignalCondition)> {
    let mut found = Vec::new();
    Diagnosis::new(RATE).hear(samples, |SignalChange { at, condition, .. }| found.push((at, condition)));
    found
}

fn noise(amplitude: i32, offset: i32, count: usize) -> Vec<i16> {
    let mut state = 1u32;
    let mut draw = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((i64::from(state >> 8) * i64::from(2 * amplitude + 1)) >> 24) as i32 - amplitude
    };
    (0..count).map(|_| (draw() + offset).clamp(-32_768, 32_767) as i16).collect()
}

#[test]
fn faults_are_told_from_sounds() {
    let second = RATE as usize;
    assert_eq!(changes(&noise(300, 0, 5 * second)), []);
    assert_eq!(changes(&noise(1, 0, 5 * second)), [], "a quiet room moves the last bit");
    assert_eq!(changes(&vec![0; 2 * second]), [(16_000, SignalCondition::AllZero)]);
    assert_eq!(changes(&vec![77; 2 * second])[0], (16_000, SignalCondition::Stuck));
    let shifted = noise(300, 3_000, 3 * second);
    assert_eq!(changes(&shifted), [(16_000, SignalCondition::DcShifted)]);
    let clipped: Vec<i16> = noise(32_000, 0, second).iter().map(|&x| if x > 0 { i16::MAX } else { i16::MIN }).collect();
    assert_eq!(changes(&clipped)[0], (4_000, SignalCondition::Clipped));

    // Silence that an editor put between words is nothing to report; a plug that was pulled is.
    let pause = [noise(300, 0, second), vec![0; 4 * second], noise(300, 0, second)].concat();
    assert_eq!(changes(&pause), []);
    let pulled = [noise(300, 0, second), vec![0; 6 * second], noise(300, 0, second)].concat();
    let found = changes(&pulled);
    assert_eq!(found[0], (6 * 16_000, SignalCondition::AllZero));
    assert_eq!(found[1].1, SignalCondition::Recovered);
}

#[test]
fn presets_have_their_names_and_only_those() {
    for name in Preset::NAMES {
        assert_eq!(name.parse::<Preset>().unwrap().name(), name);
    }
    assert!("INMP441".parse::<Preset>().is_err() && "".parse::<Preset>().is_err());
    assert_eq!(Preset::None.conditioning(RATE), Conditioning::NONE);
}
