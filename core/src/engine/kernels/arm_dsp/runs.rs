//! Products whose inputs are gathered.

use super::product::rows_of;
use crate::engine::kernels::{Product, Runs};
use crate::engine::layout::PATCHES;

pub(super) fn product(product: &Product<'_>, runs: &Runs<'_>, output: &mut [i8], scratch: &mut [i8]) {
    let Some(patches) = scratch.get_mut(..PATCHES * product.depth) else { return };
    if !runs.fit(product, output) {
        return;
    }
    // What fills patches up to whole tiles.
    patches.iter_mut().for_each(|value| *value = 0);
    let patches = patches.as_mut_ptr();
    let mut output = output.as_mut_ptr();
    let (input, [rows, columns]) = (runs.input.as_ptr(), runs.grid);
    let (mut row_start, mut from, mut column) = (input, input, 0);
    let mut left = rows * columns;
    while left > 0 {
        let count = left.min(PATCHES);
        for patch in 0..count {
            // SAFETY: the runs fit: all of an output's lie in the input, and together they are no longer than a patch.
            unsafe { gather(runs, from, patches.add(patch * product.depth)) };
            column += 1;
            from = from.wrapping_add(runs.grid_steps[1]);
            if column == columns {
                row_start = row_start.wrapping_add(runs.grid_steps[0]);
                (from, column) = (row_start, 0);
            }
        }
        // SAFETY: the product is whole, its patches hold the depth of inputs, and the outputs have places.
        unsafe {
            if count == PATCHES {
                rows_of::<PATCHES>(product, patches, product.depth, output, product.channels);
            } else {
                for patch in 0..count {
                    let output = output.add(patch * product.channels);
                    rows_of::<1>(product, patches.add(patch * product.depth), product.depth, output, product.channels);
                }
            }
        }
        output = output.wrapping_add(count * product.channels);
        left -= count;
    }
}

/// Collects the runs of an output.
///
/// # Safety
/// There are all values of the runs from `from` on, and as many places.
#[inline(always)]
unsafe fn gather(runs: &Runs<'_>, mut from: *const i8, mut to: *mut i8) {
    for _ in 0..runs.count {
        // SAFETY: as for this function; a word may stand at any address.
        unsafe {
            if (4..=8).contains(&runs.length) {
                // Words from either end, which may overlap.
                let at = runs.length - 4;
                let (first, last) = (from.cast::<u32>().read_unaligned(), from.add(at).cast::<u32>().read_unaligned());
                to.cast::<u32>().write_unaligned(first);
                to.add(at).cast::<u32>().write_unaligned(last);
            } else {
                to.copy_from_nonoverlapping(from, runs.length);
            }
        }
        from = from.wrapping_add(runs.step);
        to = to.wrapping_add(runs.length);
    }
}

const _: () = assert!(PATCHES == 4, "four rows have a loop of their own");
