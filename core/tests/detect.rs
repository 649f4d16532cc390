//! The detector against a plain restatement of its rules, and each knob for what it changes.

use earmark_core::Error;
use earmark_core::detect::{
    Detection, Detector, DetectorSettings, Gate, GateSettings, SENSITIVITY_LOGITS, Smoothing, Timing,
};
use earmark_core::model::Problem;
use proptest::collection::vec;
use proptest::prelude::*;

const STEP: usize = 320;
const WINDOW: usize = 16_000;
const LABELS: [(&str, f32); 4] = [("yes", 0.8), ("no", 0.7), ("_silence_", 0.1), ("stop", 0.95)];

fn timing(problem: Problem) -> Timing {
    Timing { sample_rate: 16_000, step_samples: STEP, window_samples: WINDOW, problem }
}

fn settings() -> DetectorSettings {
    DetectorSettings {
        smoothing: Smoothing::Mean,
        smoothing_ms: 0,
        sensitivity: 0.5,
        isolation: 0.0,
        release: 0.5,
        minimum_ms: 0,
        refractory_ms: 0,
        mute_ms: 0,
    }
}

/// Memory for a detector, with something in it.
fn memory(settings: &DetectorSettings) -> Vec<u32> {
    let timing = timing(Problem::SingleLabel);
    let bytes = Detector::memory(4, settings.smoothing_steps(timing), settings.talk_steps(timing));
    vec![0x5A5A_5A5A; bytes.div_ceil(4)]
}

/// Detections in rows of scores, one a step.
fn detect(settings: &DetectorSettings, problem: Problem, rows: &[[f32; 4]]) -> Vec<Detection> {
    let timing = timing(problem);
    let mut memory = memory(settings);
    let mut detector =
        Detector::new(timing, settings, LABELS.into_iter(), bytemuck::cast_slice_mut(&mut memory)).unwrap();
    let mut found = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        detector.step((WINDOW + index * STEP) as u64, row, |detection| found.push(detection)).unwrap();
    }
    found
}

/// The rules of a single-label detector in words of whole units of 2^-15, as its documentation states them.
fn restated(settings: &DetectorSettings, rows: &[[f32; 4]]) -> Vec<(usize, u64)> {
    let steps = |ms: u32| (ms as usize * 16).div_ceil(STEP);
    let mean_of = settings.smoothing_steps(timing(Problem::SingleLabel));
    let units = |score: f32| (score * 32_768.0 + 0.5) as u64;
    let (window, recent) = (WINDOW / STEP, WINDOW / STEP / 2);
    let (mut above, mut fired, mut quiet_until) = ([0; 4], [false; 4], 0);
    // The first row after what was detected and its refractory time.
    let mut unforgiven = 0;
    let mut found = Vec::new();
    for index in 0..rows.len() {
        let heard = |index: &usize| *index >= unforgiven;
        let silence = |age: usize| index.checked_sub(age).filter(heard).map_or(32_768, |index| units(rows[index][2]));
        let talk = 32_768 - (recent..recent + window).map(silence).sum::<u64>() / window as u64;
        let mut due = Vec::new();
        for (label, (name, threshold)) in LABELS.into_iter().enumerate() {
            let recent = &rows[(index + 1).saturating_sub(mean_of)..=index];
            let sum: u64 = recent.iter().map(|row| units(row[label])).sum();
            let (fire, release) = (units(threshold), (units(threshold) as f32 * settings.release) as u64);
            let odds = threshold / (1.0 - threshold) * (SENSITIVITY_LOGITS * settings.isolation).exp();
            let in_talk = if settings.isolation == 0.0 { fire } else { units(odds / (1.0 + odds)) };
            let least = fire * mean_of as u64 + (((in_talk - fire) * mean_of as u64 * talk) >> 15);
            above[label] = if sum >= least { above[label] + 1 } else { 0 };
            if sum < release * mean_of as u64 {
                fired[label] = false;
            }
            if above[label] > steps(settings.minimum_ms)
                && !fired[label]
                && !name.starts_with('_')
                && index >= quiet_until
            {
                due.push((sum, label));
            }
        }
        let best = due.iter().map(|(sum, _)| *sum).max();
        if let Some(&(_, label)) = due.iter().find(|(sum, _)| Some(*sum) == best) {
            found.push((label, (WINDOW + index * STEP) as u64));
            fired[label] = true;
            quiet_until = index + steps(settings.refractory_ms).max(1);
            unforgiven = quiet_until;
        }
    }
    found
}

fn score() -> impl Strategy<Value = f32> {
    prop_oneof![0.0..1.0f32, 0.6..1.0f32, Just(1.0), Just(0.0)]
}

fn rows() -> impl Strategy<Value = Vec<[f32; 4]>> {
    vec((proptest::array::uniform4(score()), 1..8usize), 1..30)
        .prop_map(|runs| runs.into_iter().flat_map(|(row, count)| vec![row; count]).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn detections_follow_the_rules(
        rows in rows(),
        smoothing_ms in 0u32..300,
        minimum_ms in 0u32..120,
        refractory_ms in 0u32..400,
        release in 0.1..=1.0f32,
        isolation in prop_oneof![Just(0.0), 0.0..=1.0f32],
    ) {
        let settings = DetectorSettings { smoothing_ms, minimum_ms, refractory_ms, release, isolation, ..settings() };
        let found = detect(&settings, Problem::SingleLabel, &rows);
        let places: Vec<(usize, u64)> = found.iter().map(|detection| (detection.label, detection.end)).collect();
        prop_assert_eq!(places, restated(&settings, &rows));
        for detection in found {
            prop_assert!(detection.start < detection.end && (0.0..=1.0).contains(&detection.score));
        }
    }

    /// More sensitive is never less: the first detection comes no later.
    #[test]
    fn sensitivity_opens_the_detector(rows in rows(), low in 0.0..=1.0f32, more in 0.0..=1.0f32) {
        let first = |sensitivity: f32| {
            let settings = DetectorSettings { sensitivity, ..settings() };
            detect(&settings, Problem::SingleLabel, &rows).first().map_or(u64::MAX, |detection| detection.end)
        };
        prop_assert!(first(low + (1.0 - low) * more) <= first(low));
    }

    #[test]
    fn any_scores_are_safe(
        rows in vec(proptest::array::uniform4(any::<f32>()), 0..40),
        exponential in any::<bool>(),
        smoothing_ms in any::<u32>(),
        release in any::<f32>(),
        sensitivity in any::<f32>(),
        isolation in any::<f32>(),
    ) {
        let smoothing = if exponential { Smoothing::Exponential } else { Smoothing::Mean };
        let smoothing_ms = if exponential { smoothing_ms } else { smoothing_ms % 5_000 };
        let settings = DetectorSettings { smoothing, smoothing_ms, release, sensitivity, isolation, ..settings() };
        for problem in [Problem::SingleLabel, Problem::MultiLabel] {
            for detection in detect(&settings, problem, &rows) {
                prop_assert!((0.0..=1.0).contains(&detection.score) && detection.label != 2);
            }
        }
    }
}

/// `count` rows in which "yes" has a score.
fn yes(score: f32, count: usize) -> Vec<[f32; 4]> {
    vec![[score, 0.0, 1.0 - score, 0.0]; count]
}

#[test]
fn background_never_fires_and_a_word_fires_once() {
    assert_eq!(detect(&settings(), Problem::SingleLabel, &yes(0.0, 50)), []);
    assert_eq!(detect(&settings(), Problem::SingleLabel, &yes(0.9, 500)).len(), 1);
    // Half of 0.8 is 0.4: a score of 0.5 holds on to the word, one of 0.3 lets it go.
    let held = [yes(0.9, 5), yes(0.5, 5), yes(0.9, 5)].concat();
    assert_eq!(detect(&settings(), Problem::SingleLabel, &held).len(), 1);
    let released = [yes(0.9, 5), yes(0.3, 5), yes(0.9, 5)].concat();
    assert_eq!(detect(&settings(), Problem::SingleLabel, &released).len(), 2);
}

#[test]
fn labels_exclude_each_other_only_in_single_label_models() {
    let rows = [[0.9, 0.95, 0.0, 0.99]; 10];
    let labels = |problem| detect(&settings(), problem, &rows).iter().map(|found| found.label).collect::<Vec<_>>();
    assert_eq!(labels(Problem::MultiLabel), [0, 1, 3]);
    // The highest score first; the others one after the other, as nothing forbids it.
    assert_eq!(labels(Problem::SingleLabel), [3, 1, 0]);
    let settings = DetectorSettings { refractory_ms: 1_000, ..settings() };
    assert_eq!(detect(&settings, Problem::SingleLabel, &rows).len(), 1);
}

#[test]
fn nothing_is_detected_while_muted() {
    let settings = DetectorSettings { mute_ms: 1_100, ..settings() };
    let found = detect(&settings, Problem::SingleLabel, &yes(0.9, 20));
    // Window 0 ends after 1 s; 1.1 s are past with the window that ends at 1.12 s.
    assert_eq!(found[0].end, 17_920);
}

#[test]
fn after_talk_a_word_must_be_surer_than_after_a_pause() {
    let settings = DetectorSettings { isolation: 1.0, ..settings() };
    let (talk, pause) = (vec![[0.0; 4]; 100], vec![[0.0, 0.0, 1.0, 0.0]; 100]);
    let count = |rows: &[&[[f32; 4]]]| detect(&settings, Problem::SingleLabel, &rows.concat()).len();
    // After talk, 4 logits make 0.9955 of 0.8.
    assert_eq!(count(&[&pause, &yes(0.9, 5)]), 1);
    assert_eq!(count(&[&talk, &yes(0.99, 5)]), 0);
    assert_eq!(count(&[&talk, &yes(0.996, 5)]), 1);
    assert_eq!(count(&[&talk, &pause, &yes(0.9, 5)]), 1);
    // At the start nothing was said before, and the word itself is no talk before it.
    assert_eq!(count(&[&yes(0.9, 5)]), 1);
    assert_eq!(count(&[&pause, &talk[..24], &yes(0.9, 5)]), 1);
    // Nor is a word that was detected, for as long as nothing else can be: one command may follow on another.
    let one_after_the_other = [&pause[..], &yes(0.9, 55), &pause[..1], &yes(0.9, 5)].concat();
    for (refractory_ms, count) in [(1_000, 2), (0, 1)] {
        let settings = DetectorSettings { refractory_ms, ..settings };
        assert_eq!(detect(&settings, Problem::SingleLabel, &one_after_the_other).len(), count);
    }
    // Half a window of talk raises the threshold by half.
    assert_eq!(count(&[&talk[..50], &yes(0.89, 1)]), 0);
    assert_eq!(count(&[&talk[..50], &yes(0.91, 1)]), 1);
}

#[test]
fn a_word_is_no_talk_before_itself_however_long_a_step_is() {
    for (step_samples, before) in [(WINDOW, 2), (2 * WINDOW / 3, 3), (WINDOW / 2, 4), (STEP, 100)] {
        let settings = DetectorSettings { isolation: 1.0, ..settings() };
        let timing = Timing { step_samples, ..timing(Problem::SingleLabel) };
        for (earlier, count) in [([0.0, 0.0, 1.0, 0.0], 1), ([0.0; 4], 0)] {
            let bytes = Detector::memory(4, settings.smoothing_steps(timing), settings.talk_steps(timing));
            let mut memory = vec![0_u32; bytes.div_ceil(4)];
            let memory = bytemuck::cast_slice_mut(&mut memory);
            let mut detector = Detector::new(timing, &settings, LABELS.into_iter(), memory).unwrap();
            let mut found = 0;
            for index in 0..=before {
                let row = if index < before { earlier } else { [0.9, 0.0, 0.0, 0.0] };
                detector.step((WINDOW + index * step_samples) as u64, &row, |_| found += 1).unwrap();
            }
            assert_eq!(found, count, "{step_samples}");
        }
    }
}

#[test]
fn a_gap_between_windows_is_a_pause() {
    let settings = DetectorSettings { isolation: 1.0, ..settings() };
    for (gap, count) in [(1, 0), (20, 0), (75, 1), (100_000, 1)] {
        let mut memory = memory(&settings);
        let memory = bytemuck::cast_slice_mut(&mut memory);
        let mut detector = Detector::new(timing(Problem::SingleLabel), &settings, LABELS.into_iter(), memory).unwrap();
        let mut found = 0;
        let mut step = |end: usize, row: [f32; 4]| detector.step((end * STEP) as u64, &row, |_| found += 1).unwrap();
        (50..150).for_each(|end| step(end, [0.0; 4]));
        step(149 + gap, [0.9, 0.0, 0.0, 0.0]);
        assert_eq!(found, count, "{gap}");
    }
}

#[test]
fn not_a_number_is_taken_for_the_cautious_end() {
    let count = |settings: DetectorSettings, rows: &[[f32; 4]]| detect(&settings, Problem::SingleLabel, rows).len();
    let talk_before = [&[[0.0; 4]; 100][..], &yes(0.9, 5)].concat();
    let not_let_go = [yes(0.9, 5), yes(0.3, 5), yes(0.9, 5)].concat();
    let sensitivity = |sensitivity| count(DetectorSettings { sensitivity, ..settings() }, &yes(0.9, 5));
    let isolation = |isolation| count(DetectorSettings { isolation, ..settings() }, &talk_before);
    let release = |release| count(DetectorSettings { release, ..settings() }, &not_let_go);
    assert_eq!([0.0, 0.5, f32::NAN].map(sensitivity), [0, 1, 0]);
    assert_eq!([1.0, 0.0, f32::NAN].map(isolation), [0, 1, 0]);
    assert_eq!([0.0, 0.5, f32::NAN].map(release), [1, 2, 1]);
}

/// A block of 10 ms that swings by an amplitude around an offset: its variance is the amplitude's square.
fn block(amplitude: i16, offset: i16) -> [i16; 160] {
    std::array::from_fn(|index| if index % 2 == 0 { offset + amplitude } else { offset - amplitude })
}

#[test]
fn the_gate_tells_sound_from_noise() {
    // Amplitude, offset and number of blocks, and whether the gate is open for the last of them.
    type Run = (i16, i16, usize, bool);
    let rise = Gate::FLOOR_RISE_MS as usize / 10;
    let cases: [(&str, f32, &[Run]); 11] = [
        ("it is open after a start, for a block at least", 6.0, &[(30, 0, 1, true), (30, 0, 1, false)]),
        ("6 dB are a factor of 4", 6.0, &[(30, 0, 9, false), (59, 0, 1, false), (61, 0, 1, true)]),
        ("a margin above 40 dB counts as 40", 99.0, &[(2, 0, 9, false), (199, 0, 1, false), (201, 0, 1, true)]),
        ("a margin below 0 dB counts as 0", -9.0, &[(30, 0, 9, false), (31, 0, 1, true)]),
        ("it follows a drop at once", 6.0, &[(300, 0, 9, false), (30, 0, 1, false), (100, 0, 1, true)]),
        // 10.67, the ratio of variances, is 4 · 2.67.
        ("it rises by e", 6.0, &[(30, 0, 9, false), (98, 0, rise - 10, true), (98, 0, 15, false)]),
        ("an offset is no sound", 6.0, &[(0, 0, 9, false), (0, 20_000, 9, false), (3, 20_000, 1, true)]),
        ("digital silence is silence", 6.0, &[(0, 0, 9, false), (1, 0, 9, false), (0, 0, 1, false)]),
        ("so it is without a margin", 0.0, &[(0, 0, 9, false), (1, 0, 9, false), (2, 0, 1, true)]),
        ("it is not above the loudest sound", 40.0, &[(32_767, 0, 9, false), (32_767, 0, 5_000, false)]),
        (
            "a margin that is no number lets any sound in",
            f32::NAN,
            &[(0, 0, 9, false), (1, 0, 9, true), (0, 0, 9, false)],
        ),
    ];
    for (what, margin_db, runs) in cases {
        let mut gate = Gate::new(&GateSettings { margin_db, hangover_ms: 0 }, 16_000, 160);
        // After a reset all is as at the start, whatever was heard.
        for _ in 0..2 {
            for &(amplitude, offset, blocks, open) in runs {
                let is_open = (0..blocks).map(|_| gate.block(&block(amplitude, offset))).last();
                assert_eq!(is_open, Some(open), "{what}: {amplitude} around {offset}");
            }
            gate.reset();
        }
    }
}

#[test]
fn the_gate_stays_open_for_the_hang_over() {
    let mut gate = Gate::new(&GateSettings { margin_db: 6.0, hangover_ms: 95 }, 16_000, 160);
    let mut open = |amplitude| gate.block(&block(amplitude, 0));
    // 95 ms are ten blocks of 10 ms, after a start and after the last sound.
    assert_eq!((0..20).map(|_| open(30)).filter(|&open| open).count(), 10);
    assert!(open(300) && open(300));
    assert_eq!((0..20).map(|_| open(30)).filter(|&open| open).count(), 10);
    assert!(!gate.block(&[]));
}

#[test]
fn a_gap_between_windows_is_silence() {
    let timing = timing(Problem::SingleLabel);
    let settings = DetectorSettings { smoothing_ms: 60, ..settings() };
    let mut memory = memory(&settings);
    let mut detector =
        Detector::new(timing, &settings, LABELS.into_iter(), bytemuck::cast_slice_mut(&mut memory)).unwrap();
    let mut count = 0;
    let ends = [16_000, 16_320, 160_000, 160_320, 160_640];
    for (index, end) in ends.into_iter().enumerate() {
        detector.step(end, &[0.9, 0.0, 0.0, 0.0], |_| count += 1).unwrap();
        // Two scores before the gap and two behind it are not three in a row.
        assert_eq!(count, usize::from(index == 4));
    }
    assert_eq!(detector.smoothed(9), 0.0);
    assert_eq!(detector.set_threshold(4, 0.5), Err(Error::NoSuchLabel { label: 4, labels: 4 }));
    let refused = detector.step(200_000, &[0.5; 3], |_| ());
    assert_eq!(refused, Err(Error::BufferLength { buffer: "scores", needed: 4, given: 3 }));
}
