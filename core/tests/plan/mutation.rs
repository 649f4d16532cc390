//! Damaged artifacts with the right checksum: each is refused or runs; none panics. Overflow is checked in test builds.

use crate::support::artifact::Bytes;
use crate::support::cases::cases;
use crate::support::sample::{every_operator, every_operator_in, recurrent, streaming, streaming_in, with_mfcc};
use earmark_core::Error;
use earmark_core::engine::PlanEngine;
use earmark_core::engine::kernels::KernelSet;
use earmark_core::model::format::{HEADER_LENGTH, HEADER_WORDS, word};
use earmark_core::model::{Element, Model};
use earmark_core::recognizer::Recognizer;
use proptest::collection::vec;
use proptest::prelude::*;

/// Runs whatever can be done with a model, on loud samples.
fn exercise(bytes: &Bytes) -> Result<(), Error> {
    let model = Model::new(bytes)?;
    assert!(model.labels().all(|label| !label.is_empty()));
    let sizes = model.sizes();
    let work: u64 = model.plan().map(|op| op.multiply_accumulates()).sum();
    // What is legal but large proves nothing more and takes long.
    if sizes.recognizer > 1 << 20 || sizes.window_samples > 1 << 16 || work > 1 << 26 {
        return Ok(());
    }
    let samples: Vec<i16> = (0..sizes.window_samples).map(|index| (index * 7919) as u16 as i16).collect();
    let mut first: Option<Vec<u32>> = None;
    for kernels in KernelSet::available() {
        let mut memory = vec![0xA5A5_A5A5u32; sizes.recognizer / 4];
        let (engine, rest) = bytemuck::cast_slice_mut::<u32, u8>(&mut memory).split_at_mut(sizes.engine);
        let engine = PlanEngine::new(model, engine)?.with_kernels(kernels);
        let mut recognizer = Recognizer::with_network(model, engine, rest)?;
        let outputs: Vec<u32> = recognizer.classify(&samples)?.iter().map(|output| output.to_bits()).collect();
        assert_eq!(outputs.len(), model.label_count());
        assert_eq!(first.get_or_insert_with(|| outputs.clone()), &outputs, "{}", kernels.name());
    }
    exercise_stream(model, &samples)
}

/// The same as a stream of two windows.
fn exercise_stream(model: Model<'_>, samples: &[i16]) -> Result<(), Error> {
    let sizes = model.sizes();
    let work = model.streaming().map_or(0, |plan| plan.ops().map(|op| op.multiply_accumulates()).sum::<u64>());
    if sizes.streaming_recognizer > 1 << 20 || work > 1 << 20 {
        return Ok(());
    }
    let mut memory = vec![0xA5A5_A5A5u32; sizes.streaming_recognizer / 4];
    let mut recognizer = Recognizer::streaming(model, bytemuck::cast_slice_mut(&mut memory))?;
    for _ in 0..2 {
        recognizer.push(samples, |_, outputs| assert_eq!(outputs.len(), model.label_count()))?;
    }
    Ok(())
}

/// A change of some bytes: anywhere, in the header, or in the plan, where the numbers are that everything relies on.
#[derive(Debug, Clone)]
struct Change {
    place: usize,
    region: u8,
    value: u32,
    width: usize,
}

fn change() -> impl Strategy<Value = Change> {
    let value = prop_oneof![
        any::<u32>(),
        0..=4u32,
        Just(u32::MAX),
        Just(0x7FFF_FFFF),
        (0..32u32).prop_map(|bit| 1 << bit),
        (0..300u32).prop_map(|units| 16 * units),
    ];
    (any::<usize>(), 0..=4u8, value, prop_oneof![Just(1usize), Just(2), Just(4)])
        .prop_map(|(place, region, value, width)| Change { place, region, value, width })
}

impl Change {
    fn apply(&self, bytes: &mut Bytes) {
        let number = |word: usize| {
            let bytes = bytes[4 * word..][..4].try_into().expect("four bytes");
            u32::from_le_bytes(bytes) as usize
        };
        let plan = |plan, length| number(plan)..number(plan).saturating_add(number(length));
        let (plan, steps) = (plan(word::PLAN, word::PLAN_LENGTH), plan(word::STREAM_PLAN, word::STREAM_PLAN_LENGTH));
        let delays = number(word::DELAYS)..number(word::DELAYS).saturating_add(12);
        let range = match self.region {
            0 => 16..bytes.len(),
            1 => 16..HEADER_LENGTH,
            2 if steps.end <= bytes.len() && !steps.is_empty() => steps,
            3 if delays.end <= bytes.len() => delays,
            // Several changes may have moved the plan.
            _ if plan.end <= bytes.len() && !plan.is_empty() => plan,
            _ => 16..4 * HEADER_WORDS,
        };
        let at = (range.start + self.place % range.len()) / self.width * self.width;
        let value = self.value.to_le_bytes();
        bytes.iter_mut().skip(at).zip(&value[..self.width]).for_each(|(place, &byte)| *place = byte);
    }
}

proptest! {
    #![proptest_config(cases(5_000, 1_000_000))]

    #[test]
    fn damaged_artifacts_are_refused_or_run(changes in vec(change(), 1..4), sample in 0..6u8) {
        let mut bytes = match sample {
            0 => every_operator(),
            1 => with_mfcc(),
            2 => recurrent(10),
            3 => every_operator_in(Element::Int16),
            4 => streaming_in(Element::Int16),
            _ => streaming(),
        }
        .bytes();
        for change in &changes {
            change.apply(&mut bytes);
        }
        bytes.restore_checksum();
        // An error is as good an answer as an output.
        let _ = exercise(&bytes);
    }

    #[test]
    fn any_bytes_behind_a_whole_header_are_refused_or_run(tail in vec(any::<u8>(), 0..2000)) {
        let mut bytes = every_operator().bytes();
        let start = bytes.len().saturating_sub(tail.len()).max(HEADER_LENGTH);
        bytes[start..].iter_mut().zip(tail).for_each(|(place, byte)| *place = byte);
        bytes.restore_checksum();
        let _ = exercise(&bytes);
    }
}

#[test]
fn whole_artifacts_run() {
    assert_eq!(exercise(&every_operator().bytes()), Ok(()));
    assert_eq!(exercise(&with_mfcc().bytes()), Ok(()));
    assert_eq!(exercise(&streaming().bytes()), Ok(()));
    assert_eq!(exercise(&recurrent(10).bytes()), Ok(()));
    assert_eq!(exercise(&every_operator_in(Element::Int16).bytes()), Ok(()));
    assert_eq!(exercise(&streaming_in(Element::Int16).bytes()), Ok(()));
}

/// Each byte of header and plan, set to a few values one at a time.
#[test]
fn every_byte_of_header_and_plan_may_be_wrong() {
    let int16 = [every_operator_in(Element::Int16), streaming_in(Element::Int16)];
    for artifact in [every_operator(), streaming(), recurrent(10)].into_iter().chain(int16) {
        every_byte_may_be_wrong(&artifact.bytes());
    }
}

fn every_byte_may_be_wrong(whole: &Bytes) {
    let plan = u32::from_le_bytes(whole[4 * word::PLAN..][..4].try_into().expect("four bytes")) as usize;
    let mut accepted = 0;
    for at in (16..HEADER_LENGTH).chain(plan..whole.len()) {
        for value in [0, 1, 2, 0x7F, 0x80, 0xFF, whole[at] ^ 1, whole[at].wrapping_add(1)] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            bytes.restore_checksum();
            accepted += u32::from(exercise(&bytes).is_ok());
        }
    }
    assert!(accepted > 0, "some changes are harmless");
}
