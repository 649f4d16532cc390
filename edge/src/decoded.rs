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

    /// As much of the buffer as holds the items of so many samples, wherever the first of them begins, and what makes these.
    fn parts(&mut self, samples: usize) -> (&mut S, &mut D, &mut [T]) {
        let Self { items, decoder, buffer } = self;
        let wanted = samples.saturating_mul(decoder.step()).min(buffer.len());
        (items, decoder, &mut buffer[..wanted])
    }
}

/// Makes samples of what was delivered, and says how many; `None` if it takes more items for one.
fn decode<T>(
    decoder: &mut impl Decode<T>,
    delivered: Result<&[T], Error>,
    samples: &mut [i16],
) -> Result<Option<usize>, Error> {
    if matches!(delivered, Err(Error::Overrun)) {
        decoder.reset();
    }
    let items = delivered?;
    let count = decoder.decode(items, samples);
    Ok((count > 0 || items.is_empty()).then_some(count))
}

impl<S: Source, D: Decode<S::Item>> Source for Decoded<'_, S, D, S::Item> {
    type Item = i16;

    fn fill(&mut self, samples: &mut [i16]) -> Result<usize, Error> {
        loop {
            let (items, decoder, buffer) = self.parts(samples.len());
            if let Some(count) = decode(decoder, items.show(buffer), samples)? {
                return Ok(count);
            }
        }
    }
}

impl<S: AsyncSource, D: Decode<S::Item>> AsyncSource for Decoded<'_, S, D, S::Item> {
    type Item = i16;

    async fn fill(&mut self, samples: &mut [i16]) -> Result<usize, Error> {
        loop {
            let (items, decoder, buffer) = self.parts(samples.len());
            let delivered = items.fill(buffer).await;
            let delivered = delivered.map(|count| buffer.get(..count).unwrap_or(buffer));
            if let Some(count) = decode(decoder, delivered, samples)? {
                return Ok(count);
            }
        }
    }
}
