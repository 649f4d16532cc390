//! Each operator of a plan against a straightforward reference, over random shapes and numbers, with every kernel set.

use crate::support::artifact::{Artifact, PlainConvolution};
use crate::support::cases::cases;
use crate::support::recurrent::PlainRecurrent;
use crate::support::reference;
use crate::support::run::{arena_after, arena_before, artifact_for};
use earmark_core::engine::layout::INT16_ENTRIES;
use earmark_core::engine::{Network, PlanEngine};
use earmark_core::model::{
    Addition, AveragePool, BlockCopy, Element, Lookup, MaxPool, Model, Multiplication, Op, RecurrentKind, Tensor,
    Window,
};
use proptest::collection::vec;
use proptest::prelude::*;

const ONE: [u16; 2] = [1, 1];

fn clamp() -> impl Strategy<Value = [i8; 2]> {
    prop_oneof![Just([i8::MIN, i8::MAX]), any::<[i8; 2]>().prop_map(|[a, b]| [a.min(b), a.max(b)])]
}

/// Values of every kind, or only extremes: sums are greatest there.
fn values(length: usize) -> impl Strategy<Value = Vec<i8>> {
    prop_oneof![vec(any::<i8>(), length), vec(prop_oneof![Just(i8::MIN), Just(i8::MAX)], length)]
}

/// As many values as asked for.
fn repeated(values: &[i8], length: u64) -> Vec<i8> {
    values.iter().copied().cycle().take(length as usize).collect()
}

/// The extents of an input and an output, and a window that leads from one to the other.
#[derive(Debug, Clone, Copy)]
struct Geometry {
    window: Window,
    input: [u16; 2],
    output: [u16; 2],
}

fn geometry(dilations: impl Strategy<Value = [u16; 2]>) -> impl Strategy<Value = Geometry> {
    let padded = ([1..=5u16, 1..=4u16], [1..=3u16, 1..=3u16], dilations, [1..=9u16, 1..=9u16], any::<[u16; 2]>())
        .prop_map(|(kernel, stride, dilation, input, pad)| {
            let window = Window { kernel, stride, dilation, pad: [0, 0] };
            let pad = [0, 1].map(|axis| pad[axis] % window.extent(axis) as u16);
            (Window { pad, ..window }, input)
        });
    let any_padding = (padded, any::<[u16; 2]>()).prop_map(|((window, input), output)| {
        // Up to the last output that still sees the input or the padding before it.
        let output =
            [0, 1].map(|axis| output[axis] % ((input[axis] + window.pad[axis] - 1) / window.stride[axis] + 1) + 1);
        Geometry { window, input, output }
    });
    // The shapes that are read in place are too rare among these: every tap inside, and whole rows or single taps.
    let unpadded = (1..=3u16, 1..=2u16, [1..=3u16, 1..=3u16], 1..=3u16, [0..=4u16, 0..=4u16]).prop_map(
        |(height, kind, stride, width, more)| {
            let kernel = if kind == 1 { [1, 1] } else { [height, width] };
            let window = Window { kernel, stride, dilation: ONE, pad: [0, 0] };
            let output = [more[0] + 1, if kind == 1 { more[1] + 1 } else { 1 }];
            let input = [0, 1].map(|axis| (output[axis] - 1) * stride[axis] + kernel[axis]);
            Geometry { window, input, output }
        },
    );
    prop_oneof![2 => any_padding, 1 => unpadded]
}

/// A tensor; of int16 without a zero point.
fn tensor(offset: usize, [height, width]: [u16; 2], channels: u32, zero_point: i8, element: Element) -> Tensor {
    let zero_point = if element == Element::Int8 { zero_point } else { 0 };
    Tensor { offset: offset as u32, height, width, channels, zero_point, element }
}

/// What tensors are held in: bytes in half of the cases, so that the kernels are met often enough.
fn elements<const N: usize>() -> impl Strategy<Value = [Element; N]> {
    let either = prop_oneof![Just(Element::Int8), Just(Element::Int16)];
    prop_oneof![Just([Element::Int8; N]), vec(either, N).prop_map(|any| std::array::from_fn(|index| any[index]))]
}

/// Where an output may go so that it overlaps neither the window nor what precedes it.
fn behind(artifact: &Artifact) -> usize {
    artifact.features().range().end
}

/// Lets the plan begin with a copy of the window, for operators in place: no plan may write over the window itself.
fn copied(artifact: &mut Artifact) -> Tensor {
    let input = artifact.features();
    let output = Tensor { offset: behind(artifact) as u32, ..input };
    let extent = [input.height.into(), 1, input.channels];
    artifact.push(Op::Copy(BlockCopy { input, output, from: [0; 3], to: [0; 3], extent }));
    output
}

#[derive(Debug, Clone)]
struct ConvolutionCase {
    artifact: Artifact,
    plain: PlainConvolution,
    depthwise: bool,
    input: Vec<i8>,
}

fn convolution_case(depthwise: bool) -> impl Strategy<Value = ConvolutionCase> {
    let groups = if depthwise { 1..=40u32 } else { 1..=3u32 };
    let per_group = if depthwise { [1..=1u32, 1..=1u32] } else { [1..=11u32, 1..=19u32] };
    (geometry([1..=3u16, 1..=3u16]), groups, per_group, any::<[i8; 2]>(), clamp(), elements()).prop_flat_map(
        move |(geometry, groups, per_group, zero_points, clamp, [input_element, output_element])| {
            let input = tensor(0, geometry.input, groups * per_group[0], zero_points[0], input_element);
            let artifact = artifact_for(input.byte_length() as usize);
            let outputs = groups * per_group[1];
            let output = tensor(behind(&artifact), geometry.output, outputs, zero_points[1], output_element);
            let depth = geometry.window.taps() * per_group[0] as usize;
            let channels = output.channels as usize;
            // Steps of int16 may be finer than those of the sum.
            let finer = if output_element == Element::Int16 { 64.0 } else { 1.0 };
            let scale = (1u32..64, 0.5f64..1.0)
                .prop_map(move |(places, fraction)| finer * fraction / f64::from(1u32 << (places / 4)));
            (
                values(input.byte_length() as usize),
                values(depth * channels),
                vec(prop_oneof![-2000..2000i32, -1_000_000_000..1_000_000_000i32], channels),
                vec(scale, channels),
            )
                .prop_map(move |(values, weights, biases, scales)| ConvolutionCase {
                    artifact: artifact.clone(),
                    plain: PlainConvolution {
                        input,
                        output,
                        window: geometry.window,
                        groups,
                        clamp,
                        weights,
                        biases,
                        scales,
                    },
                    depthwise,
                    input: values,
                })
        },
    )
}

/// Runs the operators of an artifact; everything outside their outputs must stay as it was.
fn check(artifact: &Artifact, input: &[i8], reference: impl Fn(&Op, &[i8]) -> Vec<i8>) -> Result<(), TestCaseError> {
    let bytes = artifact.bytes();
    let mut expected = arena_before(&bytes, input);
    for op in &artifact.plan {
        let outputs = reference(op, &expected);
        expected[op.output().range()].copy_from_slice(&outputs);
    }
    prop_assert_eq!(arena_after(&bytes, input), expected);
    Ok(())
}

fn check_convolution(mut case: ConvolutionCase) -> Result<(), TestCaseError> {
    case.artifact.convolution(&case.plain, case.depthwise);
    check(&case.artifact, &case.input, |_, arena| reference::convolution(&case.plain, arena))
}

fn check_other(mut artifact: Artifact, op: Op, table: &[i16], input: &[i8]) -> Result<(), TestCaseError> {
    artifact.push(op);
    check(&artifact, input, |op, arena| reference::other(op, arena, table))
}

/// Inputs of an elementwise operator in a copy of the window, and its output: in place of the first input, of the second, or behind
/// both.
#[derive(Debug, Clone)]
struct PairCase {
    artifact: Artifact,
    inputs: [Tensor; 2],
    output: Tensor,
    values: Vec<i8>,
}

fn pair_case() -> impl Strategy<Value = PairCase> {
    let repeated = prop_oneof![2 => Just([false; 3]), 3 => any::<[bool; 3]>()];
    (
        ([1..=4u16, 1..=4u16], prop_oneof![1..=3u32, 4..=90u32]),
        [repeated.clone(), repeated],
        any::<[i8; 3]>(),
        0..=2usize,
        elements::<3>(),
    )
        .prop_flat_map(|((extent, channels), repeated, zero_points, place, elements)| {
            let whole = tensor(0, extent, channels, zero_points[2], elements[2]);
            let mut offset = 0;
            let inputs = [0, 1].map(|index| {
                let [row, column, channel] = repeated[index];
                let extent = [if row { 1 } else { whole.height }, if column { 1 } else { whole.width }];
                let channels = if channel { 1 } else { channels };
                let input = tensor(offset as usize, extent, channels, zero_points[index], elements[index]);
                offset += input.byte_length() as u32;
                input
            });
            let mut artifact = artifact_for(offset as usize);
            let copy = copied(&mut artifact);
            let inputs = inputs.map(|input| Tensor { offset: copy.offset + input.offset, ..input });
            let offset = match inputs.get(place) {
                Some(input) if input.length() == whole.length() && input.element == whole.element => input.offset,
                _ => copy.range().end as u32,
            };
            let length = (inputs[0].byte_length() + inputs[1].byte_length()) as usize;
            let output = Tensor { offset, ..whole };
            values(length).prop_map(move |values| PairCase { artifact: artifact.clone(), inputs, output, values })
        })
}

/// A recurrent layer and its input. Of its numbers some are as a compiler gives them, and gates then seldom saturated.
fn recurrent_case() -> impl Strategy<Value = (PlainRecurrent, Vec<i8>)> {
    let kind = prop_oneof![Just(RecurrentKind::Gru), Just(RecurrentKind::Lstm)];
    let shape = (1..=9u16, 1..=3u16, 1..=13u32, 1..=13u32, any::<i8>(), any::<bool>());
    (kind, shape, 0..=15u8, 0.001f64..1.0).prop_flat_map(
        |(kind, (steps, width, channels, units, zero_point, gives_all), cell_bits, scale)| {
            let input = tensor(0, [steps, width], channels, zero_point, Element::Int8);
            let features = artifact_for(input.length() as usize);
            let output = tensor(behind(&features), [if gives_all { steps } else { 1 }, 1], units, 0, Element::Int8);
            let (inputs, rows) = (usize::from(width) * channels as usize, kind.gates() * units as usize);
            let small = ([-4000..4000i32, -4000..4000i32], [-400..400i32, -400..400i32], 5..=8u32);
            let large = [-1_000_000_000..1_000_000_000i32, -1_000_000_000..1_000_000_000i32];
            let numbers = prop_oneof![4 => small, 1 => (large, any::<[i32; 2]>(), 0..=62u32)];
            let weights = (values(inputs), values(units as usize)).prop_map(|(first, second)| [first, second]);
            (vec(weights, rows), vec(numbers, rows), values(input.length() as usize)).prop_map(
                move |(weights, numbers, values)| {
                    let plain = PlainRecurrent { kind, input, output, weights, numbers, cell_bits, scale };
                    (plain, values)
                },
            )
        },
    )
}

/// Factors and shifts as a compiler gives them, any others, and those that make nearly every result a tie.
fn factor() -> impl Strategy<Value = (i32, u8)> {
    prop_oneof![
        (-2_000_000..2_000_000i32, 18..=22u8),
        (any::<i32>(), 0..=62u8),
        (prop_oneof![Just(1), Just(-1), Just(3)], 0..=3u8)
    ]
}

proptest! {
    #![proptest_config(cases(300, 30_000))]

    #[test]
    fn convolution(case in convolution_case(false)) {
        check_convolution(case)?;
    }

    #[test]
    fn depthwise_convolution(case in convolution_case(true)) {
        check_convolution(case)?;
    }

    #[test]
    fn fully_connected(
        outputs in 1..=20u32,
        inputs in 1..=600u32,
        seed in any::<[i8; 2]>(),
        clamp in clamp(),
        elements in elements::<2>(),
    ) {
        let input = tensor(0, ONE, inputs, seed[0], elements[0]);
        let length = input.byte_length() as u32;
        let artifact = artifact_for(length as usize);
        let output = tensor(behind(&artifact), ONE, outputs, seed[1], elements[1]);
        let wave = |length: u32, step: u32| (0..length).map(|index| (index * step % 251) as u8 as i8).collect::<Vec<_>>();
        let plain = PlainConvolution {
            input,
            output,
            window: Window { kernel: ONE, stride: ONE, dilation: ONE, pad: [0, 0] },
            groups: 1,
            clamp,
            weights: wave(inputs * outputs, 37),
            biases: (0..outputs as i32).map(|index| 1000 * index - 5000).collect(),
            scales: vec![0.003; outputs as usize],
        };
        check_convolution(ConvolutionCase { artifact, plain, depthwise: false, input: wave(length, 91) })?;
    }

    #[test]
    fn max_pool(
        geometry in geometry(Just(ONE)),
        channels in 1..=40u32,
        zero in any::<i8>(),
        seed in values(500),
        [element] in elements::<1>(),
    ) {
        let input = tensor(0, geometry.input, channels, zero, element);
        let artifact = artifact_for(input.byte_length() as usize);
        let output = tensor(behind(&artifact), geometry.output, channels, zero, element);
        let op = Op::MaxPool(MaxPool { input, output, window: geometry.window });
        check_other(artifact, op, &[], &repeated(&seed, input.byte_length()))?;
    }

    #[test]
    fn average_pool(
        geometry in geometry(Just(ONE)),
        channels in 1..=40u32,
        zero_points in any::<[i8; 2]>(),
        count_padding in any::<bool>(),
        (multiplier, shift) in prop_oneof![factor(), Just((1, 0)), Just((1, 1)), Just((1 << 20, 20))],
        seed in values(500),
        elements in elements::<2>(),
    ) {
        let input = tensor(0, geometry.input, channels, zero_points[0], elements[0]);
        let artifact = artifact_for(input.byte_length() as usize);
        let output = tensor(behind(&artifact), geometry.output, channels, zero_points[1], elements[1]);
        let window = geometry.window;
        let op = Op::AveragePool(AveragePool { input, output, window, count_padding, multiplier, shift: shift.min(40) });
        check_other(artifact, op, &[], &repeated(&seed, input.byte_length()))?;
    }

    #[test]
    fn add(case in pair_case(), (first, shift) in factor(), (second, _) in factor(), clamp in clamp()) {
        let PairCase { artifact, inputs, output, values } = case;
        let op = Op::Add(Addition { inputs, output, multipliers: [first, second], shift, clamp });
        check_other(artifact, op, &[], &values)?;
    }

    #[test]
    fn multiply(case in pair_case(), (multiplier, shift) in factor(), clamp in clamp()) {
        let PairCase { artifact, inputs, output, values } = case;
        let op = Op::Multiply(Multiplication { inputs, output, multiplier, shift, clamp });
        check_other(artifact, op, &[], &values)?;
    }

    #[test]
    fn lookup(values in (1..=200usize).prop_flat_map(values), table in vec(any::<i8>(), 256), in_place in any::<bool>()) {
        let mut artifact = artifact_for(values.len());
        let copy = copied(&mut artifact);
        let input = tensor(copy.offset as usize, ONE, values.len() as u32, 0, Element::Int8);
        let output = Tensor { offset: if in_place { copy.offset } else { copy.range().end as u32 }, ..input };
        let offset = artifact.append(&table);
        let table: Vec<i16> = table.into_iter().map(i16::from).collect();
        check_other(artifact, Op::Lookup(Lookup { input, output, table: offset }), &table, &values)?;
    }

    #[test]
    fn recurrent((plain, values) in recurrent_case()) {
        let mut artifact = artifact_for(values.len());
        let state = plain.output.range().end;
        let op = plain.op(&mut artifact, state as u32);
        artifact.push(Op::Recurrent(op));
        let bytes = artifact.bytes();
        let mut expected = arena_before(&bytes, &values);
        let outputs = plain.run(&expected);
        expected[plain.output.range()].copy_from_slice(&outputs);
        let arena = arena_after(&bytes, &values);
        prop_assert_eq!(&arena[..state], &expected[..state]);
        // The second run of a plan finds what the first one left, and begins with nothing all the same.
        let model = Model::new(&bytes).unwrap();
        let mut memory = vec![0x33; model.sizes().engine];
        let mut engine = PlanEngine::new(model, &mut memory).unwrap();
        values.chunks(16).for_each(|frame| {
            let mut frame = frame.to_vec();
            frame.resize(16, 0);
            engine.push_quantised(&frame).unwrap();
        });
        let first = engine.quantised_outputs().map(<[i8]>::to_vec);
        prop_assert_eq!(first.as_deref(), expected.get(plain.output.range().start..).and_then(|rest| rest.get(..1)));
        prop_assert_eq!(engine.quantised_outputs().map(<[i8]>::to_vec), first);
    }

    #[test]
    fn lookup_with_int16(
        values in (1..=100usize).prop_flat_map(|pairs| values(2 * pairs)),
        table in vec(prop_oneof![any::<i16>(), Just(i16::MIN), Just(i16::MAX)], INT16_ENTRIES),
        in_place in any::<bool>(),
        elements in elements::<2>(),
    ) {
        let [from, to] = if elements == [Element::Int8; 2] { [Element::Int16; 2] } else { elements };
        let mut artifact = artifact_for(values.len());
        let copy = copied(&mut artifact);
        let input = tensor(copy.offset as usize, ONE, (values.len() / from.bytes()) as u32, 0, from);
        let offset = if in_place && from == to { copy.offset } else { copy.range().end as u32 };
        let output = Tensor { offset, element: to, ..input };
        let table = &table[..if from == Element::Int8 { 256 } else { INT16_ENTRIES }];
        let offset = artifact.append(table);
        check_other(artifact, Op::Lookup(Lookup { input, output, table: offset }), table, &values)?;
    }

    #[test]
    fn copy(
        extents in [[1..=5u16, 1..=5u16, 1..=20u16], [1..=5u16, 1..=5u16, 1..=20u16]],
        corners in any::<[[u32; 3]; 3]>(),
        values in values(1000),
        [element] in elements::<1>(),
    ) {
        let [input, output] =
            extents.map(|[height, width, channels]| tensor(0, [height, width], channels.into(), 0, element));
        let artifact = artifact_for(input.byte_length() as usize);
        let output = Tensor { offset: behind(&artifact) as u32, ..output };
        let sizes = extents.map(|extent| extent.map(u32::from));
        let extent = [0, 1, 2].map(|axis| 1 + corners[0][axis] % sizes[0][axis].min(sizes[1][axis]));
        let [from, to] = [0, 1].map(|side: usize| {
            [0, 1, 2].map(|axis: usize| corners[side + 1][axis] % (sizes[side][axis] - extent[axis] + 1))
        });
        let op = Op::Copy(BlockCopy { input, output, from, to, extent });
        check_other(artifact, op, &[], &values[..input.byte_length() as usize])?;
    }
}

/// A stride that no output takes may lead to where a 32-bit address does not reach.
#[test]
fn strides_beyond_a_single_output() {
    let mut artifact = artifact_for(70_000);
    let input = tensor(0, [1, 70], 1000, 3, Element::Int8);
    let output = tensor(behind(&artifact), [1, 70], 2, 0, Element::Int8);
    let plain = PlainConvolution {
        input,
        output,
        window: Window { kernel: ONE, stride: [u16::MAX, 1], dilation: ONE, pad: [0, 0] },
        groups: 1,
        clamp: [i8::MIN, i8::MAX],
        weights: (0..2000).map(|index| (index % 251) as u8 as i8).collect(),
        biases: vec![10, -10],
        scales: vec![0.0001; 2],
    };
    artifact.convolution(&plain, false);
    let values: Vec<i8> = (0..70_000).map(|index| (index % 253) as u8 as i8).collect();
    check(&artifact, &values, |_, arena| reference::convolution(&plain, arena)).unwrap();
}

/// Two inputs joined along each axis: what a compiler makes of a concatenation.
#[test]
fn concatenation_by_copies() {
    for axis in 0..3 {
        let mut artifact = artifact_for(48);
        let inputs = [0, 24].map(|offset| tensor(offset, [2, 3], 4, 0, Element::Int8));
        let mut extents = [2, 3, 4];
        extents[axis] *= 2;
        let output = tensor(behind(&artifact), [extents[0], extents[1]], extents[2].into(), 0, Element::Int8);
        for (index, input) in inputs.into_iter().enumerate() {
            let mut to = [0; 3];
            to[axis] = index as u32 * [2, 3, 4][axis];
            artifact.push(Op::Copy(BlockCopy { input, output, from: [0; 3], to, extent: [2, 3, 4] }));
        }
        let values: Vec<i8> = (0..48).collect();
        let arena = arena_after(&artifact.bytes(), &values);
        let inner: usize = [2, 3, 4][axis..].iter().product();
        let expected: Vec<i8> = values[..24]
            .chunks(inner)
            .zip(values[24..].chunks(inner))
            .flat_map(|(first, second)| [first, second].concat())
            .collect();
        assert_eq!(arena[output.range()], expected, "along axis {axis}");
    }
}
