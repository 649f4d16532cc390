//! Counting instructions, of which QEMU gives each the same virtual time.

use core::hint::black_box;

#[cfg_attr(target_arch = "arm", path = "counter/timer.rs")]
#[cfg_attr(target_arch = "riscv32", path = "counter/register.rs")]
mod source;

use source::Source;

/// The counter, running.
#[derive(Debug)]
pub struct Counter {
    source: Source,
    /// What measuring nothing takes.
    overhead: u32,
}

impl Counter {
    /// Starts to count.
    pub fn start() -> Self {
        let mut counter = Self { source: Source::start(), overhead: 0 };
        counter.overhead = counter.count(|| ());
        counter
    }

    /// The instructions that a piece of work takes, at most 1.3 thousand million.
    pub fn instructions<T>(&self, work: impl FnOnce() -> T) -> u32 {
        Source::instructions(self.count(work).saturating_sub(self.overhead))
    }

    #[inline(never)]
    fn count<T>(&self, work: impl FnOnce() -> T) -> u32 {
        let before = self.source.value();
        black_box(work());
        self.source.value().wrapping_sub(before)
    }
}
