//! Copying blocks between tensors.

use super::apart;
use crate::model::BlockCopy;

/// Copies a block, row by row of channels.
pub(super) fn block(op: &BlockCopy, arena: &mut [i8]) {
    let (input, output) = apart(arena, &op.input, &op.output);
    let [rows, columns, channels] = op.extent.map(|extent| extent as usize);
    let start = |tensor: &crate::model::Tensor, corner: [u32; 3], row: usize, column: usize| {
        let [first_row, first_column, first_channel] = corner.map(|at| at as usize);
        ((first_row + row) * usize::from(tensor.width) + first_column + column) * tensor.channels as usize
            + first_channel
    };
    for row in 0..rows {
        for column in 0..columns {
            let from = start(&op.input, op.from, row, column);
            let to = start(&op.output, op.to, row, column);
            let from = input.get(from..).unwrap_or(&[]);
            short(from, output.get_mut(to..to + channels).unwrap_or(&mut []));
        }
    }
}

/// Fills `to` from the front of `from`, which has as many values. Short runs, of which there are many, are moved without a call.
#[inline]
pub(super) fn short(from: &[i8], to: &mut [i8]) {
    /// `N` bytes from either end, which may overlap.
    fn ends<const N: usize>(from: &[i8], to: &mut [i8]) {
        if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) {
            to.first_chunk_mut().into_iter().for_each(|place| *place = *first);
            to.last_chunk_mut().into_iter().for_each(|place| *place = *last);
        }
    }
    let Some(from) = from.get(..to.len()) else { return };
    match to.len() {
        1 => ends::<1>(from, to),
        2..=3 => ends::<2>(from, to),
        4..=7 => ends::<4>(from, to),
        8..=16 => ends::<8>(from, to),
        _ => to.copy_from_slice(from),
    }
}
