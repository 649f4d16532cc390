//! From an interrupt to the run loop, so that capture goes on while the network runs.

use core::sync::atomic::{AtomicBool, Ordering};

use heapless::spsc::{Consumer, Producer, Queue};

use crate::Error;
use crate::source::{AsyncSource, Source};

/// Holds the blocks that an interrupt handler has fetched and the run loop has not: up to `PLACES` − 1 of `BLOCK` items each.
///
/// On a stereo bus `BLOCK` is even and each block begins with a left slot. The places must outlast the longest evaluation of the
/// network: with blocks of 10 ms, `PLACES` = 9 bridges 80 ms.
///
/// It takes no lock. Only on RISC-V without atomic instructions, with this crate's feature `critical-section`, the firmware must bring an
/// implementation of the `critical-section` crate, as the `riscv` crate's feature `critical-section-single-hart` does.
///
/// ```
/// use earmark_edge::{Error, handover::Handover, source::Source};
///
/// let mut handover = Handover::<i16, 4, 3>::new();
/// // On a device the writer is the interrupt handler's, and the reader waits by a `wfi` instruction.
/// let (mut writer, mut reader) = handover.split(|| unreachable!("there is always a block to read here"));
/// let mut heard = [0; 6];
///
/// writer.push([1, 2, 3, 4]);
/// assert_eq!(reader.fill(&mut heard), Ok(4));
///
/// for block in [[5; 4], [6; 4], [7; 4]] {
///     writer.push(block); // the third finds no place
/// }
/// assert_eq!(reader.fill(&mut heard), Err(Error::Overrun));
/// writer.push([8; 4]);
/// assert_eq!(reader.fill(&mut heard), Ok(4));
/// assert_eq!(heard[0], 8);
/// ```
#[derive(Debug)]
pub struct Handover<T, const BLOCK: usize, const PLACES: usize> {
    blocks: Queue<[T; BLOCK], PLACES>,
    lost: AtomicBool,
}

impl<T: Copy, const BLOCK: usize, const PLACES: usize> Handover<T, BLOCK, PLACES> {
    /// No blocks yet; fit for a `static`.
    #[must_use]
    pub const fn new() -> Self {
        Self { blocks: Queue::new(), lost: AtomicBool::new(false) }
    }

    /// The end for the interrupt handler, and the end for the run loop, which calls `wait` while there is nothing to read.
    pub fn split<W: FnMut()>(&mut self, wait: W) -> (Writer<'_, T, BLOCK>, Reader<'_, T, W, BLOCK>) {
        let (writer, reader) = self.blocks.split();
        let lost = &self.lost;
        (Writer { blocks: writer, lost }, Reader { blocks: reader, lost, wait, block: None, taken: 0 })
    }
}

impl<T: Copy, const BLOCK: usize, const PLACES: usize> Default for Handover<T, BLOCK, PLACES> {
    fn default() -> Self {
        Self::new()
    }
}

/// The interrupt handler's end.
pub struct Writer<'h, T, const BLOCK: usize> {
    blocks: Producer<'h, [T; BLOCK]>,
    lost: &'h AtomicBool,
}

impl<T: Copy, const BLOCK: usize> Writer<'_, T, BLOCK> {
    /// Hands a block over. Without a free place it is lost, and the reader hears of an overrun.
    pub fn push(&mut self, block: [T; BLOCK]) {
        if self.blocks.enqueue(block).is_err() {
            self.lost();
        }
    }

    /// Tells the reader that something was lost before it got here: the peripheral reported an overrun.
    pub fn lost(&mut self) {
        self.lost.store(true, Ordering::Release);
    }

    /// Hands over what a source delivers, block by block, until it ends: for a task of high priority. An overrun of the source is told to
    /// the reader; the block that it cut short is dropped.
    ///
    /// # Errors
    /// Any other error of the source.
    pub async fn capture(&mut self, mut source: impl AsyncSource<Item = T>) -> Result<(), Error>
    where
        T: Default,
    {
        let mut block = [T::default(); BLOCK];
        let mut filled = 0;
        loop {
            match source.fill(&mut block[filled..]).await {
                Ok(0) => return Ok(()),
                Ok(count) => filled += count.min(BLOCK - filled),
                Err(Error::Overrun) => {
                    filled = 0;
                    self.lost();
                }
                Err(error) => return Err(error),
            }
            if filled == BLOCK {
                self.push(block);
                filled = 0;
            }
        }
    }
}

/// The run loop's end: a [`Source`].
pub struct Reader<'h, T, W, const BLOCK: usize> {
    blocks: Consumer<'h, [T; BLOCK]>,
    lost: &'h AtomicBool,
    wait: W,
    /// The block being read, and how much of it has been.
    block: Option<[T; BLOCK]>,
    taken: usize,
}

impl<T: Copy, W: FnMut(), const BLOCK: usize> Reader<'_, T, W, BLOCK> {
    /// Waits until there is something left of a block.
    fn wait_for_block(&mut self) -> Result<(), Error> {
        loop {
            if self.lost.load(Ordering::Acquire) {
                // Cleared before the rest is dropped: what is lost from here on is told of again, never missed.
                self.lost.store(false, Ordering::Release);
                while self.blocks.dequeue().is_some() {}
                self.block = None;
                return Err(Error::Overrun);
            }
            if self.block.is_some() && self.taken < BLOCK {
                return Ok(());
            }
            self.block = self.blocks.dequeue();
            self.taken = 0;
            if self.block.is_none() {
                (self.wait)();
            }
        }
    }

    /// The next items of a block, at most so many.
    fn next(&mut self, most: usize) -> Result<&[T], Error> {
        if most == 0 {
            return Ok(&[]);
        }
        self.wait_for_block()?;
        let rest = self.block.as_ref().and_then(|block| block.get(self.taken..)).unwrap_or(&[]);
        let items = &rest[..rest.len().min(most)];
        self.taken += items.len();
        Ok(items)
    }
}

impl<T: Copy, W: FnMut(), const BLOCK: usize> Source for Reader<'_, T, W, BLOCK> {
    type Item = T;

    fn fill(&mut self, items: &mut [T]) -> Result<usize, Error> {
        let heard = self.next(items.len())?;
        items[..heard.len()].copy_from_slice(heard);
        Ok(heard.len())
    }

    fn show<'s>(&'s mut self, buffer: &'s mut [T]) -> Result<&'s [T], Error> {
        self.next(buffer.len())
    }
}
