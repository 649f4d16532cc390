//! Convolutions: in place where the inputs of an output are one run of memory, else from gathered patches.

use super::apart;
use crate::engine::kernels::{
    DepthwiseFilter, DepthwiseInput, KernelSet, Kernels, Patches, Product, Requantisation, Rows, Runs, short,
};
use crate::engine::layout;
use crate::model::{Convolution, Model};

/// A convolution that mixes the channels of a group.
pub(super) fn full(kernels: KernelSet, model: &Model<'_>, op: &Convolution, arena: &mut [i8], scratch: &mut [i8]) {
    let (input, output) = apart(arena, &op.input, &op.output);
    if output.is_empty() {
        return;
    }
    if layout::reads_in_place(op) {
        in_place(kernels, &product(model, op, 0), op, input, output);
        return;
    }
    if op.groups == 1 && straight(kernels, &product(model, op, 0), op, input, output) {
        return;
    }
    if op.groups == 1 && op.window.dilation[1] == 1 && layout::unpadded(op) {
        kernels.runs(&product(model, op, 0), &runs(op, input), output, scratch);
    } else {
        for group in 0..op.groups as usize {
            gathered(kernels, &product(model, op, group), op, group, input, output, scratch);
        }
    }
}

/// Whether the kernels computed it without gathering.
fn straight(kernels: KernelSet, product: &Product<'_>, op: &Convolution, input: &[i8], output: &mut [i8]) -> bool {
    let patches = Patches {
        window: op.window,
        values: input,
        height: usize::from(op.input.height),
        width: usize::from(op.input.width),
        channels: op.input.channels as usize,
        zero_point: op.input.zero_point,
        columns: usize::from(op.output.width),
    };
    kernels.convolution(product, &patches, output, product.channels)
}

/// The product of one group of channels.
fn product<'m>(model: &Model<'m>, op: &Convolution, group: usize) -> Product<'m> {
    let depth = layout::depth(op) as usize;
    let padded = layout::padded_group(op) as usize;
    Product {
        depth,
        weights: model.table(op.weights as usize + group * padded * depth, padded * depth),
        requantisation: requantisation(model, op, false, group * padded, padded),
        channels: op.group_outputs() as usize,
    }
}

pub(super) fn requantisation<'m>(
    model: &Model<'m>,
    op: &Convolution,
    depthwise: bool,
    first: usize,
    count: usize,
) -> Requantisation<'m> {
    let biases = op.requantisation as usize;
    let scales = biases + 4 * layout::requantised_channels(op, depthwise) as usize;
    Requantisation {
        biases: model.table(biases + 4 * first, count),
        scales: model.table(scales + 4 * first, count),
        zero_point: op.output.zero_point,
        clamp: op.clamp,
    }
}

fn in_place(kernels: KernelSet, product: &Product<'_>, op: &Convolution, input: &[i8], output: &mut [i8]) {
    let position = op.input.channels as usize;
    let row = position * usize::from(op.input.width);
    let (rows, columns) = (usize::from(op.output.height), usize::from(op.output.width));
    // A step to a second row or column that is not there may be beyond a 32-bit address.
    let [row_stride, column_stride] = op.window.stride.map(usize::from);
    let (row_step, column_step) = (row.saturating_mul(row_stride), position.saturating_mul(column_stride));
    // All outputs at equal steps: one long product. Else one a row.
    if columns == 1 || row_step == columns * column_step {
        let input_step = if columns == 1 { row_step } else { column_step };
        kernels
            .product(product, Rows { input, input_step, output, output_step: product.channels, count: rows * columns });
        return;
    }
    for (index, output) in output.chunks_exact_mut((columns * product.channels).max(1)).enumerate() {
        let input = input.get(index * row_step..).unwrap_or(&[]);
        kernels.product(
            product,
            Rows { input, input_step: column_step, output, output_step: product.channels, count: columns },
        );
    }
}

/// The inputs of a convolution without padding: of each row that the kernel covers, a run of memory.
fn runs<'a>(op: &Convolution, input: &'a [i8]) -> Runs<'a> {
    let channels = op.input.channels as usize;
    let row = usize::from(op.input.width) * channels;
    let [row_stride, column_stride] = op.window.stride.map(usize::from);
    Runs {
        input,
        length: usize::from(op.window.kernel[1]) * channels,
        count: op.window.kernel[0].into(),
        step: usize::from(op.window.dilation[0]).saturating_mul(row),
        grid: [op.output.height, op.output.width].map(usize::from),
        // A step to a second row or column that is not there may be beyond a 32-bit address.
        grid_steps: [row.saturating_mul(row_stride), channels.saturating_mul(column_stride)],
    }
}

fn gathered(
    kernels: KernelSet,
    product: &Product<'_>,
    op: &Convolution,
    group: usize,
    input: &[i8],
    output: &mut [i8],
    scratch: &mut [i8],
) {
    let columns = usize::from(op.output.width).max(1);
    let positions = usize::from(op.output.height) * columns;
    let output_step = op.output.channels as usize;
    // What fills patches up to whole tiles.
    scratch.iter_mut().take(layout::PATCHES * product.depth).for_each(|value| *value = 0);
    for first in (0..positions).step_by(layout::PATCHES) {
        let count = layout::PATCHES.min(positions - first);
        for (index, patch) in scratch.chunks_exact_mut(product.depth.max(1)).take(count).enumerate() {
            let position = first + index;
            gather(op, group, [position / columns, position % columns], input, patch);
        }
        let output = output.get_mut(first * output_step + group * product.channels..).unwrap_or(&mut []);
        kernels.product(product, Rows { input: scratch, input_step: product.depth, output, output_step, count });
    }
}

/// Collects the inputs of one output in the order of the weights.
fn gather(op: &Convolution, group: usize, position: [usize; 2], input: &[i8], patch: &mut [i8]) {
    let channels = op.group_inputs() as usize;
    let width = usize::from(op.input.width);
    let [rows, columns] = op.window.kernel.map(usize::from);
    let Some(taps) = patch.get_mut(..rows * columns * channels) else { return };
    let run = (op.groups == 1 && op.window.dilation[1] == 1).then(|| run_of_columns(op, position[1]));
    for (row, taps) in taps.chunks_exact_mut((columns * channels).max(1)).enumerate() {
        let Some(row) = under_tap(op, 0, position[0], row) else {
            taps.fill(op.input.zero_point);
            continue;
        };
        if let Some(Run { before, start, inside }) = run {
            let Some((before, rest)) = taps.split_at_mut_checked(before * channels) else { return };
            let Some((inside, behind)) = rest.split_at_mut_checked(inside * channels) else { return };
            before.fill(op.input.zero_point);
            short(input.get((row * width + start) * channels..).unwrap_or(&[]), inside);
            behind.fill(op.input.zero_point);
            continue;
        }
        for (column, values) in taps.chunks_exact_mut(channels.max(1)).enumerate() {
            match under_tap(op, 1, position[1], column) {
                Some(column) => {
                    let start = (row * width + column) * op.input.channels as usize + group * channels;
                    short(input.get(start..).unwrap_or(&[]), values);
                }
                None => values.fill(op.input.zero_point),
            }
        }
    }
}

/// The columns under an undilated kernel: first some of padding, then those of the input, then padding again.
#[derive(Clone, Copy)]
struct Run {
    before: usize,
    /// The input's first column.
    start: usize,
    inside: usize,
}

fn run_of_columns(op: &Convolution, column: usize) -> Run {
    let (columns, pad) = (usize::from(op.window.kernel[1]), usize::from(op.window.pad[1]));
    let first = column * usize::from(op.window.stride[1]);
    let (before, start) = (pad.saturating_sub(first).min(columns), first.saturating_sub(pad));
    Run { before, start, inside: (columns - before).min(usize::from(op.input.width).saturating_sub(start)) }
}

/// The input's row (axis 0) or column (axis 1) under a tap of an output, or `None` for padding.
#[inline(always)]
pub(super) fn under_tap(op: &Convolution, axis: usize, position: usize, tap: usize) -> Option<usize> {
    let window = &op.window;
    let extent = if axis == 0 { op.input.height } else { op.input.width };
    let padded = position * usize::from(window.stride[axis]) + tap * usize::from(window.dilation[axis]);
    let at = padded.checked_sub(usize::from(window.pad[axis]))?;
    (at < usize::from(extent)).then_some(at)
}

/// A convolution of each channel with its own kernel.
pub(super) fn depthwise(kernels: KernelSet, model: &Model<'_>, op: &Convolution, arena: &mut [i8], scratch: &mut [i8]) {
    let (input, output) = apart(arena, &op.input, &op.output);
    let channels = op.output.channels as usize;
    let filter = DepthwiseFilter {
        window: op.window,
        channels,
        weights: model.table(op.weights as usize, layout::weights_length(op, true) as usize),
        requantisation: requantisation(model, op, true, 0, layout::requantised_channels(op, true) as usize),
    };
    let padded = !layout::unpadded(op);
    if padded {
        scratch.iter_mut().take(channels).for_each(|value| *value = op.input.zero_point);
    }
    let source = DepthwiseInput {
        values: input,
        height: usize::from(op.input.height),
        width: usize::from(op.input.width),
        // Where no tap falls on padding, any row will do.
        padding: if padded { scratch } else { input },
        columns: usize::from(op.output.width),
    };
    kernels.depthwise(&filter, &source, output);
}
