//! The operators once more, as their documentation defines them: value by value, in exact arithmetic.

use super::artifact::PlainConvolution;
use earmark_core::engine::layout::{SHIFT_MASK, pack_scale, pack_scale_int16};
use earmark_core::model::{
    Addition, AveragePool, BlockCopy, Element, Lookup, MaxPool, Multiplication, Op, Tensor, Window,
};

/// `numerator / denominator`, ties to even.
pub fn half_even(numerator: i128, denominator: i128) -> i128 {
    let (floor, rest) = (numerator.div_euclid(denominator), numerator.rem_euclid(denominator));
    match (2 * rest).cmp(&denominator) {
        std::cmp::Ordering::Less => floor,
        std::cmp::Ordering::Equal => floor + floor.rem_euclid(2),
        std::cmp::Ordering::Greater => floor + 1,
    }
}

/// `value · scale`, ties to even, for a packed scale.
pub fn scaled(value: i128, scale: u32) -> i128 {
    half_even(value * i128::from(scale & !SHIFT_MASK), 1i128 << (scale & SHIFT_MASK))
}

/// The bytes of a value of the output, between its bounds.
fn quantised(value: i128, output: &Tensor, clamp: [i8; 2]) -> Vec<i8> {
    let [low, high] = clamp.map(i128::from);
    match output.element {
        Element::Int8 => vec![(value + i128::from(output.zero_point)).clamp(low, high) as i8],
        Element::Int16 => {
            let value = value.clamp(256 * low, 256 * high + 255) as i16;
            value.to_le_bytes().map(u8::cast_signed).to_vec()
        }
    }
}

const UNBOUNDED: [i8; 2] = [i8::MIN, i8::MAX];

/// A value of a tensor as it lies in memory.
fn held(arena: &[i8], tensor: &Tensor, index: usize) -> i32 {
    let at = tensor.offset as usize + index * tensor.element.bytes();
    match tensor.element {
        Element::Int8 => arena[at].into(),
        Element::Int16 => i16::from_le_bytes([arena[at], arena[at + 1]].map(i8::cast_unsigned)).into(),
    }
}

/// The value at a position, less the zero point; `None` outside.
fn real(arena: &[i8], tensor: &Tensor, row: i64, column: i64, channel: u32) -> Option<i128> {
    let inside = (0..i64::from(tensor.height)).contains(&row) && (0..i64::from(tensor.width)).contains(&column);
    inside.then(|| {
        let position = row as usize * usize::from(tensor.width) + column as usize;
        let index = position * tensor.channels as usize + channel as usize;
        i128::from(held(arena, tensor, index)) - i128::from(tensor.zero_point)
    })
}

/// Row, column and channel of every value, in the order in which they lie in memory.
fn places(tensor: &Tensor) -> impl Iterator<Item = (i64, i64, u32)> + use<> {
    let Tensor { height, width, channels, .. } = *tensor;
    (0..i64::from(height)).flat_map(move |row| {
        (0..i64::from(width)).flat_map(move |column| (0..channels).map(move |channel| (row, column, channel)))
    })
}

/// Rows and columns of the input under the window, padding included.
fn under(window: &Window, row: i64, column: i64) -> Vec<(i64, i64)> {
    let along = |axis: usize, position: i64| {
        let [stride, dilation, pad] = [window.stride, window.dilation, window.pad].map(|pair| i64::from(pair[axis]));
        (0..i64::from(window.kernel[axis])).map(move |tap| position * stride + tap * dilation - pad)
    };
    along(0, row).flat_map(|row| along(1, column).map(move |column| (row, column))).collect()
}

/// A convolution of any number of groups.
pub fn convolution(op: &PlainConvolution, arena: &[i8]) -> Vec<i8> {
    let per_group = [op.input.channels / op.groups, op.output.channels / op.groups];
    let value = |(row, column, channel): (i64, i64, u32)| {
        let first = channel / per_group[1] * per_group[0];
        let weights = &op.weights[channel as usize * op.depth()..][..op.depth()];
        let inputs = under(&op.window, row, column)
            .into_iter()
            .flat_map(|(row, column)| (first..first + per_group[0]).map(move |channel| (row, column, channel)));
        let products = inputs.zip(weights).map(|((row, column, channel), &weight)| {
            real(arena, &op.input, row, column, channel).unwrap_or(0) * i128::from(weight)
        });
        let sum = i128::from(op.biases[channel as usize]) + products.sum::<i128>();
        let pack = if op.output.element == Element::Int8 { pack_scale } else { pack_scale_int16 };
        let scale = pack(op.scales[channel as usize]).expect("a scale in range");
        quantised(scaled(sum, scale), &op.output, op.clamp)
    };
    places(&op.output).flat_map(value).collect()
}

/// The output of any other operator; `table` is the one that a lookup points at.
pub fn other(op: &Op, arena: &[i8], table: &[i16]) -> Vec<i8> {
    match op {
        Op::Lookup(op) => lookup(op, arena, table),
        Op::Add(op) => add(op, arena),
        Op::Multiply(op) => multiply(op, arena),
        Op::MaxPool(op) => max_pool(op, arena),
        Op::AveragePool(op) => average_pool(op, arena),
        Op::Copy(op) => copy(op, arena),
        _ => panic!("{} has a reference of its own or none", op.name()),
    }
}

fn lookup(op: &Lookup, arena: &[i8], table: &[i16]) -> Vec<i8> {
    let value = |index: usize| {
        let value = held(arena, &op.input, index);
        // Entries in 128ths.
        let exact = match op.input.element {
            Element::Int8 => 128 * i128::from(table[(value + 128) as usize]),
            Element::Int16 => {
                let place = (value + 32_768) as usize;
                let (entry, part) = (place / 128, (place % 128) as i128);
                i128::from(table[entry]) * (128 - part) + i128::from(table[entry + 1]) * part
            }
        };
        // The middle goes up.
        let rounded = |denominator: i128| (2 * exact + denominator).div_euclid(2 * denominator);
        let result = match (op.input.element, op.output.element) {
            (Element::Int8, Element::Int8) => exact / 128,
            (_, Element::Int8) => rounded(128 * 256),
            (_, Element::Int16) => rounded(128),
        };
        quantised(result, &Tensor { zero_point: 0, ..op.output }, UNBOUNDED)
    };
    (0..op.output.length() as usize).flat_map(value).collect()
}

/// The inputs of an elementwise operator at a place of its output.
fn pair(inputs: &[Tensor; 2], arena: &[i8], (row, column, channel): (i64, i64, u32)) -> [i128; 2] {
    inputs.map(|input| {
        let row = row.min(i64::from(input.height) - 1);
        let column = column.min(i64::from(input.width) - 1);
        real(arena, &input, row, column, channel.min(input.channels - 1)).expect("inside")
    })
}

fn add(op: &Addition, arena: &[i8]) -> Vec<i8> {
    let value = |place| {
        let [a, b] = pair(&op.inputs, arena, place);
        let exact = a * i128::from(op.multipliers[0]) + b * i128::from(op.multipliers[1]);
        quantised(half_even(exact, 1 << op.shift), &op.output, op.clamp)
    };
    places(&op.output).flat_map(value).collect()
}

fn multiply(op: &Multiplication, arena: &[i8]) -> Vec<i8> {
    let value = |place| {
        let [a, b] = pair(&op.inputs, arena, place);
        quantised(half_even(a * b * i128::from(op.multiplier), 1 << op.shift), &op.output, op.clamp)
    };
    places(&op.output).flat_map(value).collect()
}

/// The values under a pool's window, padding left out.
fn pooled(window: &Window, input: &Tensor, arena: &[i8], (row, column, channel): (i64, i64, u32)) -> Vec<i128> {
    under(window, row, column)
        .into_iter()
        .filter_map(|(row, column)| real(arena, input, row, column, channel))
        .collect()
}

fn max_pool(op: &MaxPool, arena: &[i8]) -> Vec<i8> {
    let zero = i128::from(op.input.zero_point);
    let greatest = |place| pooled(&op.window, &op.input, arena, place).into_iter().max().expect("a value") + zero;
    let plain = Tensor { zero_point: 0, ..op.output };
    places(&op.output).flat_map(|place| quantised(greatest(place), &plain, UNBOUNDED)).collect()
}

fn average_pool(op: &AveragePool, arena: &[i8]) -> Vec<i8> {
    let value = |place| {
        let values = pooled(&op.window, &op.input, arena, place);
        let count = if op.count_padding { op.window.taps() } else { values.len() };
        let scaled = values.iter().sum::<i128>() * i128::from(op.multiplier);
        let mean = half_even(scaled, (count as i128) << op.shift);
        quantised(mean, &op.output, UNBOUNDED)
    };
    places(&op.output).flat_map(value).collect()
}

fn copy(op: &BlockCopy, arena: &[i8]) -> Vec<i8> {
    let value = |(row, column, channel): (i64, i64, u32)| {
        let place = [row as u32, column as u32, channel];
        let inside = (0..3).all(|axis| (op.to[axis]..op.to[axis] + op.extent[axis]).contains(&place[axis]));
        let from = |axis: usize| place[axis] - op.to[axis] + op.from[axis];
        let (tensor, [row, column, channel]) =
            if inside { (op.input, [from(0), from(1), from(2)]) } else { (op.output, place) };
        let plain = Tensor { zero_point: 0, ..tensor };
        let value = real(arena, &plain, row.into(), column.into(), channel).expect("inside");
        quantised(value, &plain, UNBOUNDED)
    };
    places(&op.output).flat_map(value).collect()
}
