//! Copying by blocks of words, where both ends are aligned: on microcontrollers a few times faster than the compiler's own functions, which
//! make no use of instructions for several words.

use core::hint::black_box;

use bytemuck::Pod;

/// Words copied at a time.
const BLOCK: usize = 8;

/// Copies values; both slices have the same length, or only as many are copied as the shorter one has.
pub(crate) fn copy<T: Pod>(from: &[T], to: &mut [T]) {
    let count = from.len().min(to.len());
    let (from, to) = (&from[..count], &mut to[..count]);
    match (bytemuck::pod_align_to::<T, u32>(from), bytemuck::pod_align_to_mut::<T, u32>(to)) {
        (([], words, rest), ([], places, places_of_rest)) if words.len() == places.len() => {
            copy_words(words, places);
            places_of_rest.iter_mut().zip(rest).for_each(|(place, &value)| *place = value);
        }
        _ => to.copy_from_slice(from),
    }
}

/// Moves the values from `first` on to the front; what stood there is lost, and what stands behind them is left over.
pub(crate) fn move_to_front<T: Pod>(values: &mut [T], first: usize) {
    let first = first.min(values.len());
    let shift = first * size_of::<T>();
    match bytemuck::pod_align_to_mut::<T, u32>(values) {
        ([], words, []) if shift.is_multiple_of(4) && shift >= 4 * BLOCK => {
            let mut rest = words;
            // As many at a time as are apart from their places.
            while let Some((places, words)) = rest.split_at_mut_checked(shift / 4) {
                let count = words.len().min(places.len());
                copy_words(&words[..count], &mut places[..count]);
                rest = words;
            }
        }
        // In small pieces by way of the stack, which the compiler is kept from seeing through: its own function for this is larger than a
        // microcontroller's flash is worth.
        _ => {
            let mut piece = [T::zeroed(); BLOCK];
            for at in (0..values.len() - first).step_by(BLOCK) {
                let count = (values.len() - first - at).min(BLOCK);
                piece[..count].copy_from_slice(&values[first + at..][..count]);
                values[at..][..count].copy_from_slice(&black_box(&piece)[..count]);
            }
        }
    }
}

#[inline(always)]
fn copy_words(from: &[u32], to: &mut [u32]) {
    let ((blocks, words), (places, places_of_words)) = (from.as_chunks::<BLOCK>(), to.as_chunks_mut::<BLOCK>());
    places.iter_mut().zip(blocks).for_each(|(place, block)| *place = *block);
    places_of_words.iter_mut().zip(words).for_each(|(place, &word)| *place = word);
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use proptest::prelude::{prop_assert_eq, proptest};

    use super::{copy, move_to_front};

    proptest! {
        #[test]
        fn values_get_to_the_front(values: Vec<i16>, first: usize, start in 0usize..4) {
            let mut moved = values.clone();
            let start = start.min(moved.len());
            let moved = &mut moved[start..];
            let values = &values[start..];
            let first = first % (values.len() + 1);
            move_to_front(moved, first);
            prop_assert_eq!(&moved[..values.len() - first], &values[first..]);
        }

        #[test]
        fn values_are_copied(values: Vec<i8>, places: Vec<i8>, starts: [u8; 2]) {
            let starts = [starts[0] % 4, starts[1] % 4].map(usize::from);
            let from = values.get(starts[0]..).unwrap_or(&[]);
            let mut to = places.get(starts[1]..).unwrap_or(&[]).to_vec();
            let mut expected = to.clone();
            let count = from.len().min(to.len());
            expected[..count].copy_from_slice(&from[..count]);
            copy(from, &mut to);
            prop_assert_eq!(to, expected);
        }
    }
}
