//! A sound in memory in place of a microphone.
#![allow(unsafe_code)]

use earmark_edge::{Error, source::Source};

/// AN386's PSRAM (Arm Application Note 386, memory map).
const SOUND: *const u32 = 0x2100_0000 as *const u32;

/// Delivers the slots in memory.
#[derive(Debug)]
pub struct Microphone {
    next: *const u32,
    left: usize,
}

impl Microphone {
    /// Starts at the first slot.
    pub fn new() -> Self {
        // SAFETY: the machine has memory there, which nothing but QEMU's loader writes to.
        let length = unsafe { SOUND.read_volatile() };
        Self { next: SOUND.wrapping_add(1), left: length as usize }
    }
}

impl Source for Microphone {
    type Item = u32;

    fn fill(&mut self, slots: &mut [u32]) -> Result<usize, Error> {
        let count = slots.len().min(self.left);
        for place in &mut slots[..count] {
            // SAFETY: as above; the sound is as long as its first word says.
            *place = unsafe { self.next.read_volatile() };
            self.next = self.next.wrapping_add(1);
        }
        self.left -= count;
        Ok(count)
    }
}
