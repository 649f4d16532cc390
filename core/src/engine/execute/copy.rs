//! Copying blocks between tensors.

use super::apart;
use crate::engine::kernels::short;
use crate::model::BlockCopy;

/// Copies a block, row by row of channels.
pub(super) fn block(op: &BlockCopy, arena: &mut [i8]) {
    let (input, output) = apart(arena, &op.input, &op.output);
    let size = op.input.element.bytes();
    let [rows, columns, channels] = op.extent.map(|extent| extent as usize);
    let start = |tensor: &crate::model::Tensor, corner: [u32; 3], row: usize, column: usize| {
        let [first_row, first_column, first_channel] = corner.map(|at| at as usize);
        let position = (first_row + row) * usize::from(tensor.width) + first_column + column;
        (position * tensor.channels as usize + first_channel) * size
    };
    for row in 0..rows {
        for column in 0..columns {
            let from = start(&op.input, op.from, row, column);
            let to = start(&op.output, op.to, row, column);
            let from = input.get(from..).unwrap_or(&[]);
            short(from, output.get_mut(to..to + channels * size).unwrap_or(&mut []));
        }
    }
}
