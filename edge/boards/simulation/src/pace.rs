//! The pace of a bus: what a DMA controller puts into a buffer of two halves, as its clock goes on.
//!
//! Nothing here needs a device.

use earmark_edge::{Error, source::Source};

/// Slots in one half of the DMA buffer: 10 ms of two channels at 16 kHz.
pub const HALF: usize = 320;

/// A clock that goes on whatever the processor does.
pub trait Clock {
    /// Ticks a second.
    const RATE: u32;

    /// Ticks since the clock was started.
    fn now(&mut self) -> u64;

    /// Sleeps until that many ticks have passed.
    fn sleep(&mut self, until: u64);
}

/// Delivers slots as a DMA controller does that fills two halves in turn: a half can be read while the other one is filled, and is lost
/// to a reader who comes later.
///
/// Without a clock it delivers them as fast as it is asked.
///
/// The slots come from a source that has them at once; the time that this source takes of the processor, which a controller would not
/// take, does not count.
#[derive(Debug)]
pub struct Paced<'b, S, C> {
    slots: S,
    clock: Option<C>,
    halves: &'b mut [[u32; HALF]; 2],
    /// Ticks of the clock in which a half is filled.
    ticks: u64,
    /// Number of the half that is read or waited for.
    number: usize,
    /// Slots that were put into it, and that were taken out of it.
    length: usize,
    taken: usize,
    /// What the source says behind the slots of this half.
    then: Option<Error>,
    /// Ticks that do not count.
    uncounted: u64,
}

impl<'b, S: Source<Item = u32>, C: Clock> Paced<'b, S, C> {
    /// Starts a bus with this many frames of two slots a second.
    pub fn new(slots: S, clock: Option<C>, halves: &'b mut [[u32; HALF]; 2], frame_rate: u32) -> Self {
        let ticks = u64::from(C::RATE) * HALF as u64 / 2 / u64::from(frame_rate.max(1));
        let mut paced = Self { slots, clock, halves, ticks, number: 0, length: 0, taken: 0, then: None, uncounted: 0 };
        paced.uncounted = paced.time();
        paced
    }

    /// When a half is full, in ticks that count.
    const fn full_at(&self, number: usize) -> u64 {
        (number as u64 + 1) * self.ticks
    }

    fn time(&mut self) -> u64 {
        self.clock.as_mut().map_or(0, Clock::now)
    }

    fn now(&mut self) -> u64 {
        self.time().saturating_sub(self.uncounted)
    }

    /// Puts what is heard next into the present half.
    fn fetch(&mut self) {
        let before = self.time();
        (self.length, self.taken) = (0, 0);
        let half = &mut self.halves[self.number % 2];
        while self.length < HALF && self.then.is_none() {
            match self.slots.fill(&mut half[self.length..]) {
                Ok(0) => break,
                Ok(count) => self.length += count,
                Err(error) => self.then = Some(error),
            }
        }
        self.uncounted += self.time().saturating_sub(before);
    }

    /// Goes on to the half that is being filled; what is in those before it is lost.
    fn skip(&mut self) -> Error {
        if self.taken < self.length {
            self.number += 1;
        }
        (self.length, self.taken, self.then) = (0, 0, None);
        while self.full_at(self.number) <= self.now() {
            self.fetch();
            self.number += 1;
        }
        (self.length, self.taken) = (0, 0);
        Error::Overrun
    }

    /// The next slots of a half, at most so many.
    fn next(&mut self, most: usize) -> Result<&[u32], Error> {
        // The controller writes over a half once the other one is full.
        if self.full_at(self.number + 1) <= self.now() {
            return Err(self.skip());
        }
        if self.taken == self.length {
            if let Some(error) = self.then.take() {
                return Err(error);
            }
            self.fetch();
            if self.length > 0 {
                let full_at = self.full_at(self.number).saturating_add(self.uncounted);
                if let Some(clock) = &mut self.clock {
                    clock.sleep(full_at);
                }
            } else if let Some(error) = self.then.take() {
                return Err(error);
            }
        }
        let half = self.number % 2;
        let taken = self.taken..self.length.min(self.taken + most);
        self.taken = taken.end;
        if self.taken == self.length && !taken.is_empty() {
            self.number += 1;
            (self.length, self.taken) = (0, 0);
        }
        Ok(&self.halves[half][taken])
    }
}

impl<S: Source<Item = u32>, C: Clock> Source for Paced<'_, S, C> {
    type Item = u32;

    fn fill(&mut self, slots: &mut [u32]) -> Result<usize, Error> {
        let heard = self.next(slots.len())?;
        slots[..heard.len()].copy_from_slice(heard);
        Ok(heard.len())
    }

    fn show<'s>(&'s mut self, buffer: &'s mut [u32]) -> Result<&'s [u32], Error> {
        self.next(buffer.len())
    }
}
