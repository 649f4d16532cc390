//! Samples out of what a peripheral delivers.

use crate::Error;
use crate::source::{AsyncSource, Source};

/// Makes samples of the items that a bus delivers: slots, or bits in bytes.
pub trait Decode<T> {
    /// Items from one sample to the next; at least 1.
    fn step(&self) -> usize;

    /// Makes samples of the items that follow those of the last call, and says how many: of n · [`step`](Self::step) items at most n. What
    /// `samples` has no places for is lost.
    fn decode(&mut self, items: &[T], samples: &mut [i16]) -> usize;

    /// Starts afresh, as after items were lost.
    fn reset(&mut self);
}

/// A source of samples behind a source of items, blocking or not as that is.
#[derive(Debug)]
pub struct Decoded<'b, S, D, T> {
    items: S,
    decoder: D,
    buffer: &'b mut [T],
}

impl<'b, S, D: Decode<T>, T: Copy> Decoded<'b, S, D, T> {
    /// Fetches items by way of `buffer`, which may have any length but 0; that of one DMA transfer suits it.
    pub const fn new(items: S, decoder: D, buffer: &'b mut [T]) -> Self {
        Self { items, decoder, buffer }
    }

    /// As many items as hold this many samples, wherever the first of them begins.
    fn wanted(&self, samples: usize) -> usize {
        samples.saturating_mul(self.decoder.step()).min(self.buffer.len())
    }

    /// Makes samples of what was delivered into the buffer, and says how many; `None` if it takes more items for one.
    fn decode(
        &mut self,
        delivered: Result<usize, Error>,
        wanted: usize,
        samples: &mut [i16],
    ) -> Result<Option<usize>, Error> {
        if delivered == Err(Error::Overrun) {
            self.decoder.reset();
        }
        let heard = delivered?.min(wanted);
        let count = self.decoder.decode(&self.buffer[..heard], samples);
        Ok((count > 0 || heard == 0).then_some(count))
    }
}

impl<S: Source, D: Decode<S::Item>> Source for Decoded<'_, S, D, S::Item> {
    type Item = i16;

    fn fill(&mut self, samples: &mut [i16]) -> Result<usize, Error> {
        let wanted = self.wanted(samples.len());
        loop {
            let delivered = self.items.fill(&mut self.buffer[..wanted]);
            if let Some(count) = self.decode(delivered, wanted, samples)? {
                return Ok(count);
            }
        }
    }
}

impl<S: AsyncSource, D: Decode<S::Item>> AsyncSource for Decoded<'_, S, D, S::Item> {
    type Item = i16;

    async fn fill(&mut self, samples: &mut [i16]) -> Result<usize, Error> {
        let wanted = self.wanted(samples.len());
        loop {
            let delivered = self.items.fill(&mut self.buffer[..wanted]).await;
            if let Some(count) = self.decode(delivered, wanted, samples)? {
                return Ok(count);
            }
        }
    }
}
