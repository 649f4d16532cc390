//! Inputs of a few rows, widened to 16 bits in the order in which the assembly reads them.

use core::mem::MaybeUninit;

use super::instructions::{even_bytes, multiply_pairs, odd_bytes};

/// Most tiles of a row that are widened at a time. Sums of the products of so many inputs stay below 2^23, as the weights' layout asks for.
pub(super) const CHUNK_TILES: usize = 32;

/// Inputs of `R` rows. For each tile of four inputs of a row it holds a pair of the first and third and a pair of the second and fourth:
/// the first pairs of all rows, then the second pairs of all rows.
pub(super) struct Patch<const R: usize>([[[MaybeUninit<u32>; R]; 2]; CHUNK_TILES]);

impl<const R: usize> Patch<R> {
    /// Where the pairs begin.
    pub(super) const fn pairs(patch: *const Self) -> *const u32 {
        patch.cast()
    }

    /// Widens `tiles` times four inputs of each row; gives 128 times the sum of each row's inputs.
    ///
    /// # Safety
    /// There is a patch to write to, and there are that many inputs to read, at most [`CHUNK_TILES`] tiles, at every step.
    #[inline(always)]
    pub(super) unsafe fn fill(patch: *mut Self, inputs: *const i8, step: usize, tiles: usize) -> [i32; R] {
        const ONES: u32 = 0x0001_0001;
        core::array::from_fn(|row| {
            let mut from = inputs.wrapping_add(row * step).cast::<u32>();
            let mut to = patch.cast::<u32>().wrapping_add(row);
            let mut total = 0;
            for _ in 0..tiles {
                // SAFETY: as for this function; a word may stand at any address.
                unsafe {
                    let word = from.read_unaligned();
                    let [even, odd] = [even_bytes(word), odd_bytes(word)];
                    total = multiply_pairs(odd, ONES, multiply_pairs(even, ONES, total));
                    to.write(even);
                    to.add(R).write(odd);
                }
                from = from.wrapping_add(1);
                to = to.wrapping_add(2 * R);
            }
            total << 7
        })
    }
}
