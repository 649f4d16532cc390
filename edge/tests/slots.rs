//! Slots of every width, on every channel, in any chunks.

mod chunks;

use chunks::{Chunks, heard};
use earmark_edge::slots::{Channel, Decoded, Decoder, from_16_in_16, from_18_in_32, from_24_in_32};
use earmark_edge::{Error, source::Source};
use proptest::prelude::*;

/// Every 16-bit sample that a bus of `bits` valid bits carries, as its slot.
fn check_width(decode: fn(u32) -> i16, bits: u32, slot: u32) -> Result<(), TestCaseError> {
    let undriven = 32 - bits;
    let value = f64::from((slot.cast_signed() >> undriven) << undriven) / 65_536.0;
    let expected = (value + 0.5).floor().min(f64::from(i16::MAX));
    prop_assert_eq!(f64::from(decode(slot)), expected);
    // Bits that the microphone does not drive change nothing.
    prop_assert_eq!(decode(slot ^ ((1 << undriven) - 1)), decode(slot));
    // A 16-bit sample survives as it is.
    prop_assert_eq!(decode(slot & 0xffff_0000), (slot >> 16) as i16);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn slots_are_rounded_to_the_nearest_sample(slot in prop_oneof![any::<u32>(), 0x7fff_0000..=0x8001_0000_u32]) {
        check_width(from_24_in_32, 24, slot)?;
        check_width(from_18_in_32, 18, slot)?;
    }

    #[test]
    fn any_chunking_picks_the_same_slots(
        slots in prop::collection::vec(any::<u16>(), 0..200),
        lengths in prop::collection::vec(1..20_usize, 1..10),
        buffer in 1..30_usize,
        room in 1..30_usize,
    ) {
        for (channel, first, step) in [(Channel::Left, 0, 2), (Channel::Right, 1, 2), (Channel::Mono, 0, 1)] {
            let expected: Vec<i16> = slots.iter().skip(first).step_by(step).map(|&slot| slot as i16).collect();
            let mut buffer = vec![0; buffer];
            let chunks = Chunks::new(&slots, &lengths);
            let mut source = Decoded::new(chunks, Decoder::new(channel, from_16_in_16), &mut buffer);
            prop_assert_eq!(heard(&mut source, room), expected);
        }
    }
}

#[test]
fn after_an_overrun_the_next_slot_is_a_left_one() {
    let slots: Vec<u16> = (0..9).collect();
    // Three slots, an overrun, then two at a time.
    let lengths = [3, 0, 2, 2, 2];
    let mut buffer = [0; 8];
    let mut samples = [0; 8];
    let chunks = Chunks::new(&slots, &lengths);
    let mut source = Decoded::new(chunks, Decoder::new(Channel::Right, from_16_in_16), &mut buffer);
    assert_eq!(source.fill(&mut samples), Ok(1));
    assert_eq!(samples[0], 1);
    assert_eq!(source.fill(&mut samples), Err(Error::Overrun));
    assert_eq!(source.fill(&mut samples), Ok(1));
    assert_eq!(samples[0], 4);
}
