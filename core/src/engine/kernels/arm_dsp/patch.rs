//! Inputs of a few rows, widened to 16 bits in the order in which the assembly reads them.

use core::mem::MaybeUninit;

use super::instructions::{even_bytes, multiply_pairs, odd_bytes};

/// Most tiles of a row that are widened at a time. Sums of the products of so many inputs stay below 2^23, as the weights' layout asks for.
pub(super) const CHUNK_TILES: usize = 32;

/// Inputs of `R` rows. For each tile of four inputs of a row it holds a pair of the first and third and a pair of the second and fourth:
/// the first pairs of all rows, then the second pairs of all rows.
pub(super) struct Patch<const R: usize> {
    pairs: [[[MaybeUninit<u32>; R]; 2]; CHUNK_TILES],
    totals: [i32; R],
}

impl<const R: usize> Patch<R> {
    /// A patch without contents.
    #[inline(always)]
    pub(super) const fn new() -> Self {
        Self { pairs: [[[MaybeUninit::uninit(); R]; 2]; CHUNK_TILES], totals: [0; R] }
    }

    /// Where the pairs begin.
    pub(super) const fn as_ptr(&self) -> *const u32 {
        self.pairs.as_ptr().cast()
    }

    /// 128 times the sum of each row's inputs.
    pub(super) fn surplus(&self) -> [i32; R] {
        self.totals.map(|total| total << 7)
    }

    /// Widens `tiles` times four inputs of each row.
    ///
    /// # Safety
    /// There are that many inputs to read, at most [`CHUNK_TILES`] tiles, at every step.
    #[inline(never)]
    pub(super) unsafe fn fill(&mut self, inputs: *const i8, step: usize, tiles: usize) {
        const ONES: u32 = 0x0001_0001;
        for (row, row_total) in self.totals.iter_mut().enumerate() {
            // SAFETY: as for this function.
            let inputs = unsafe { inputs.add(row * step).cast::<u32>() };
            let mut total = 0;
            for (tile, pairs) in self.pairs.iter_mut().take(tiles).enumerate() {
                // SAFETY: as for this function; a word may stand at any address.
                let word = unsafe { inputs.add(tile).read_unaligned() };
                let [even, odd] = [even_bytes(word), odd_bytes(word)];
                total = multiply_pairs(odd, ONES, multiply_pairs(even, ONES, total));
                pairs[0][row].write(even);
                pairs[1][row].write(odd);
            }
            *row_total = total;
        }
    }
}
