//! A source that delivers in chunks, and all that a source gives.

use std::iter::Cycle;
use std::slice::Iter;

use earmark_edge::{Error, source::Source};

/// Delivers its items in chunks of the given lengths, an overrun where a length is 0.
pub struct Chunks<'c, T> {
    items: &'c [T],
    lengths: Cycle<Iter<'c, usize>>,
}

impl<'c, T> Chunks<'c, T> {
    /// The lengths go round.
    pub fn new(items: &'c [T], lengths: &'c [usize]) -> Self {
        Self { items, lengths: lengths.iter().cycle() }
    }
}

impl<T: Copy> Source for Chunks<'_, T> {
    type Item = T;

    fn fill(&mut self, items: &mut [T]) -> Result<usize, Error> {
        let &length = self.lengths.next().expect("the lengths repeat");
        if length == 0 {
            return Err(Error::Overrun);
        }
        let (now, later) = self.items.split_at(length.min(items.len()).min(self.items.len()));
        items[..now.len()].copy_from_slice(now);
        self.items = later;
        Ok(now.len())
    }
}

/// All that a source gives, asked for `room` items at a time.
pub fn heard(source: &mut impl Source<Item = i16>, room: usize) -> Vec<i16> {
    let (mut samples, mut heard) = (vec![0; room], Vec::new());
    loop {
        let count = source.fill(&mut samples).unwrap();
        if count == 0 {
            return heard;
        }
        heard.extend_from_slice(&samples[..count]);
    }
}
