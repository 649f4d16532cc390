//! From the slots of an I2S bus to samples.
//!
//! A slot is the room that the bus has for one sample of one channel. Microphones put fewer bits into it than it has, most
//! significant bit first and left-justified; the rest of the slot belongs to nobody and may hold anything.

pub use crate::decoded::Decoded;

use crate::decoded::Decode;

/// The sample in a 32-bit slot of which the upper 24 bits count, as INMP441 and ICS-43434 fill it.
///
/// Rounds to 16 bits, ties up, and saturates.
///
/// ```
/// use earmark_edge::slots::from_24_in_32;
/// assert_eq!(from_24_in_32(0x1234_7fff), 0x1234);
/// assert_eq!(from_24_in_32(0x1234_8000), 0x1235);
/// assert_eq!(from_24_in_32(0x7fff_ffff), i16::MAX);
/// ```
#[must_use]
pub const fn from_24_in_32(slot: u32) -> i16 {
    rounded(slot)
}

/// The sample in a 32-bit slot of which the upper 18 bits count, as SPH0645LM4H fills it.
///
/// Rounds to 16 bits, ties up, and saturates.
///
/// ```
/// use earmark_edge::slots::from_18_in_32;
/// assert_eq!(from_18_in_32(0xfffe_7fff), -2);
/// assert_eq!(from_18_in_32(0xfffe_8000), -1);
/// ```
#[must_use]
pub const fn from_18_in_32(slot: u32) -> i16 {
    rounded(slot)
}

/// The sample in a 16-bit slot.
///
/// ```
/// use earmark_edge::slots::from_16_in_16;
/// assert_eq!(from_16_in_16(0xffff), -1);
/// ```
#[must_use]
pub const fn from_16_in_16(slot: u16) -> i16 {
    slot.cast_signed()
}

/// The 32-bit slot that a DMA controller delivered as two half-words, the upper one first, as those of STM32 do from a 16-bit data
/// register. (Bytes become slots by [`u32::from_le_bytes`] or [`u16::from_le_bytes`].)
///
/// ```
/// use earmark_edge::slots::{Channel, Decoder, from_24_in_32, from_halves};
///
/// let mut decoder = Decoder::new(Channel::Left, |halves| from_24_in_32(from_halves(halves)));
/// let delivered: [u16; 4] = [0x1234, 0x7fff, 0, 0]; // what one frame left in memory
/// let mut samples = [0; 1];
/// assert_eq!(decoder.decode(delivered.as_chunks().0, &mut samples), 1);
/// assert_eq!(samples, [0x1234]);
/// ```
#[must_use]
pub const fn from_halves([upper, lower]: [u16; 2]) -> u32 {
    (upper as u32) << 16 | lower as u32
}

/// The upper half of a left-justified sample, rounded. Bits below that which decides are of no account, whosever they are.
const fn rounded(slot: u32) -> i16 {
    (slot.cast_signed().saturating_add(1 << 15) >> 16) as i16
}

/// Which slots of the bus the microphone fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// The first of every two.
    Left,
    /// The second of every two.
    Right,
    /// Every one.
    Mono,
}

impl Channel {
    /// Slots from one sample to the next.
    const fn step(self) -> usize {
        match self {
            Self::Left | Self::Right => 2,
            Self::Mono => 1,
        }
    }

    /// Where the first sample stands, counted from a left slot.
    const fn first(self) -> usize {
        match self {
            Self::Left | Self::Mono => 0,
            Self::Right => 1,
        }
    }
}

/// Picks the microphone's slots out of what the bus delivers, in chunks of any length.
///
/// ```
/// use earmark_edge::slots::{Channel, Decoder, from_16_in_16};
///
/// let mut decoder = Decoder::new(Channel::Right, from_16_in_16);
/// let mut samples = [0; 2];
/// assert_eq!(decoder.decode(&[1, 2, 3], &mut samples), 1);
/// assert_eq!(decoder.decode(&[4, 5], &mut samples[1..]), 1);
/// assert_eq!(samples, [2, 4]);
/// ```
#[derive(Debug, Clone)]
pub struct Decoder<F> {
    decode: F,
    channel: Channel,
    /// Slots before the next one that counts.
    skip: usize,
}

impl<F> Decoder<F> {
    /// Takes the slots of a channel and makes samples of them by one of this module's functions.
    pub const fn new(channel: Channel, decode: F) -> Self {
        Self { decode, channel, skip: channel.first() }
    }

    /// Makes samples of the slots that follow those of the last call, and says how many. What `samples` has no places for is lost.
    pub fn decode<T: Copy>(&mut self, slots: &[T], samples: &mut [i16]) -> usize
    where
        F: Fn(T) -> i16,
    {
        let (skip, step) = (self.skip, self.channel.step());
        self.skip = (skip + slots.len()) % step;
        let own = slots.get(skip..).unwrap_or_default();
        match self.channel {
            Channel::Mono => self.every::<1, 4, T>(own, samples),
            Channel::Left | Channel::Right => self.every::<2, 8, T>(own, samples),
        }
    }

    /// Makes a sample of each first of `STEP` slots, four of which are `FOUR`.
    #[inline(always)]
    fn every<const STEP: usize, const FOUR: usize, T: Copy>(&self, slots: &[T], samples: &mut [i16]) -> usize
    where
        F: Fn(T) -> i16,
    {
        let count = slots.len().div_ceil(STEP).min(samples.len());
        let slots = slots.get(..count * STEP).unwrap_or(slots);
        // Four at a time, for processors on which a loop's own instructions count; firmware that is optimised for size unrolls none.
        let (fours, slots) = slots.as_chunks::<FOUR>();
        let (places, samples) = samples.split_at_mut(4 * fours.len());
        for (slots, places) in fours.iter().zip(places.as_chunks_mut::<4>().0) {
            let sample = |number: usize| (self.decode)(slots[number * STEP]);
            *places = [sample(0), sample(1), sample(2), sample(3)];
        }
        for (slots, place) in slots.chunks(STEP).zip(samples) {
            *place = (self.decode)(slots[0]);
        }
        count
    }

    /// Starts afresh: the next slot is a left one.
    pub const fn reset(&mut self) {
        self.skip = self.channel.first();
    }
}

impl<T: Copy, F: Fn(T) -> i16> Decode<T> for Decoder<F> {
    fn step(&self) -> usize {
        self.channel.step()
    }

    fn decode(&mut self, slots: &[T], samples: &mut [i16]) -> usize {
        self.decode(slots, samples)
    }

    fn reset(&mut self) {
        self.reset();
    }
}
