//! Every kernel of every instruction set gives the bits of the portable ones.

#[path = "plan/support/cases.rs"]
mod cases;

use cases::cases;
use earmark_core::engine::kernels::{
    DepthwiseFilter, DepthwiseInput, KernelSet, Kernels, Product, Requantisation, Rows, Sum,
};
use earmark_core::engine::layout::{BLOCK, MAX_SHIFT, MIN_SHIFT, TILE_DEPTH};
use earmark_core::model::Window;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Union;

/// Bytes of every kind, or all the same: sums of extremes overflow first.
fn bytes(length: usize) -> impl Strategy<Value = Vec<i8>> {
    let constant = |value: i8| Just(vec![value; length]).boxed();
    Union::new([
        vec(any::<i8>(), length).boxed(),
        vec(prop_oneof![Just(i8::MIN), Just(i8::MAX)], length).boxed(),
        constant(i8::MIN),
        constant(i8::MAX),
        constant(-1),
    ])
}

/// Biases small, large, and so large that sums wrap.
fn bias() -> impl Strategy<Value = i32> {
    prop_oneof![-10_000..10_000i32, any::<i32>(), i32::MAX - 100_000..=i32::MAX, i32::MIN..=i32::MIN + 100_000]
}

/// Packed scales over the whole range, those of real networks among them.
fn scale() -> impl Strategy<Value = u32> {
    let multiplier = prop_oneof![1u32 << 24..1 << 25, Just(1 << 24), Just((1 << 25) - 1)];
    let shift = prop_oneof![MIN_SHIFT..=MAX_SHIFT, 36..46u32];
    (multiplier, shift).prop_map(|(multiplier, shift)| multiplier << 6 | shift)
}

fn clamp() -> impl Strategy<Value = [i8; 2]> {
    prop_oneof![
        Just([i8::MIN, i8::MAX]),
        any::<[i8; 2]>().prop_map(|[a, b]| [a.min(b), a.max(b)]),
        any::<i8>().prop_map(|value| [value; 2]),
    ]
}

/// Tables of a requantisation, which borrow nothing.
#[derive(Debug, Clone)]
struct Tables {
    biases: Vec<i32>,
    scales: Vec<u32>,
    zero_point: i8,
    clamp: [i8; 2],
}

impl Tables {
    fn requantisation(&self) -> Requantisation<'_> {
        let Self { biases, scales, zero_point, clamp } = self;
        Requantisation { biases, scales, zero_point: *zero_point, clamp: *clamp }
    }
}

fn tables(channels: usize) -> impl Strategy<Value = Tables> {
    let padded = channels.next_multiple_of(BLOCK);
    (vec(bias(), padded), vec(scale(), padded), any::<i8>(), clamp())
        .prop_map(|(biases, scales, zero_point, clamp)| Tables { biases, scales, zero_point, clamp })
}

#[derive(Debug, Clone)]
struct ProductCase {
    depth: usize,
    channels: usize,
    count: usize,
    steps: [usize; 2],
    weights: Vec<i8>,
    input: Vec<i8>,
    tables: Tables,
}

fn product_case() -> impl Strategy<Value = ProductCase> {
    // Inputs overlap where their step is below the depth, as a convolution's do.
    (1..=150usize, 1..=130usize, 1..=21usize, 0..=40usize, 0..=9usize)
        .prop_map(|(tiles, channels, count, input_step, gap)| {
            (tiles * TILE_DEPTH, channels, count, [input_step, channels + gap])
        })
        .prop_flat_map(|(depth, channels, count, steps)| {
            let weights = bytes(channels.next_multiple_of(BLOCK) * depth);
            let input = bytes((count - 1) * steps[0] + depth);
            (weights, input, tables(channels)).prop_map(move |(weights, input, tables)| ProductCase {
                depth,
                channels,
                count,
                steps,
                weights,
                input,
                tables,
            })
        })
}

impl ProductCase {
    fn run(&self, kernels: KernelSet) -> Vec<i8> {
        let product = Product {
            depth: self.depth,
            weights: &self.weights,
            requantisation: self.tables.requantisation(),
            channels: self.channels,
        };
        let mut output = vec![99; (self.count - 1) * self.steps[1] + self.channels];
        kernels.product(
            &product,
            Rows {
                input: &self.input,
                input_step: self.steps[0],
                output: &mut output,
                output_step: self.steps[1],
                count: self.count,
            },
        );
        output
    }
}

#[derive(Debug, Clone)]
struct DepthwiseCase {
    window: Window,
    extent: [usize; 2],
    /// Rows and columns of the output. Any number will do: what a tap finds outside the input is padding.
    outputs: [usize; 2],
    channels: usize,
    weights: Vec<i8>,
    values: Vec<i8>,
    padding: Vec<i8>,
    tables: Tables,
}

fn depthwise_case() -> impl Strategy<Value = DepthwiseCase> {
    let kernel = prop_oneof![8 => [1..=4u16, 1..=4u16], 2 => [5..=12u16, 1..=1u16], 1 => [7..=9u16, 8..=9u16]];
    let window = (kernel, [1..=3u16, 1..=3u16], [1..=2u16, 1..=3u16], [0..=3u16, 0..=3u16])
        .prop_map(|(kernel, stride, dilation, pad)| Window { kernel, stride, dilation, pad });
    (window, [1..=7usize, 1..=7usize], [1..=5usize, 1..=6usize], 1..=130usize).prop_flat_map(
        |(window, extent, outputs, channels)| {
            let weights = bytes(window.taps() * channels.next_multiple_of(TILE_DEPTH));
            let values = bytes(extent[0] * extent[1] * channels);
            (weights, values, bytes(channels), tables(channels)).prop_map(move |(weights, values, padding, tables)| {
                DepthwiseCase { window, extent, outputs, channels, weights, values, padding, tables }
            })
        },
    )
}

impl DepthwiseCase {
    fn run(&self, kernels: KernelSet) -> Vec<i8> {
        let filter = DepthwiseFilter {
            window: self.window,
            channels: self.channels,
            weights: &self.weights,
            requantisation: self.tables.requantisation(),
        };
        let input = DepthwiseInput {
            values: &self.values,
            height: self.extent[0],
            width: self.extent[1],
            padding: &self.padding,
            columns: self.outputs[1],
        };
        let mut output = vec![99; self.channels * self.outputs[0] * self.outputs[1]];
        kernels.depthwise(&filter, &input, &mut output);
        output
    }
}

fn sum() -> impl Strategy<Value = Sum> {
    let multiplier = || prop_oneof![any::<i32>(), -70_000..70_000i32, Just(i32::MIN), Just(1 << 20), Just(0)];
    (any::<[i8; 2]>(), [multiplier(), multiplier()], prop_oneof![0..=62u32, 18..22u32], any::<i8>(), clamp()).prop_map(
        |(zero_points, multipliers, shift, zero_point, clamp)| Sum {
            zero_points,
            multipliers,
            shift,
            zero_point,
            clamp,
        },
    )
}

/// Adds two slices with every set of kernels.
fn all_add_up_alike(sum: &Sum, a: &[i8], b: &[i8]) -> Result<(), TestCaseError> {
    let run = |kernels: KernelSet| {
        let mut output = vec![99; a.len()];
        kernels.sum(sum, a, b, &mut output);
        output
    };
    let expected = run(KernelSet::Generic);
    for kernels in KernelSet::available() {
        prop_assert_eq!(run(kernels), expected.clone(), "{}", kernels.name());
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(400, 40_000))]

    #[test]
    fn products_agree(case in product_case()) {
        let expected = case.run(KernelSet::Generic);
        for kernels in KernelSet::available() {
            prop_assert_eq!(case.run(kernels), expected.clone(), "{}", kernels.name());
        }
    }

    #[test]
    fn depthwise_convolutions_agree(case in depthwise_case()) {
        let expected = case.run(KernelSet::Generic);
        for kernels in KernelSet::available() {
            prop_assert_eq!(case.run(kernels), expected.clone(), "{}", kernels.name());
        }
    }

    #[test]
    fn sums_agree(sum in sum(), (a, b) in (0..=100usize).prop_flat_map(|length| (bytes(length), bytes(length)))) {
        all_add_up_alike(&sum, &a, &b)?;
    }

    /// Half steps of both signs meet every rounding of the shift.
    #[test]
    fn sums_agree_on_ties(zero_points in any::<[i8; 2]>(), shift in 0..=12u32, offset in any::<i8>()) {
        let sum = Sum { zero_points, multipliers: [1, -1], shift, zero_point: offset, clamp: [i8::MIN, i8::MAX] };
        let a: Vec<i8> = (i8::MIN..=i8::MAX).collect();
        let b: Vec<i8> = a.iter().map(|&value| value.wrapping_mul(3)).collect();
        all_add_up_alike(&sum, &a, &b)?;
    }
}

/// What does not fit is left alone, whoever asks.
#[test]
fn nothing_is_written_where_the_arguments_do_not_fit() {
    let (biases, scales) = ([0; BLOCK], [1 << 30 | MIN_SHIFT; BLOCK]);
    let whole = Requantisation { biases: &biases, scales: &scales, zero_point: 0, clamp: [i8::MIN, i8::MAX] };
    let short = Requantisation { biases: &biases[1..], ..whole };
    let weights = [1; 4 * BLOCK];
    let product = Product { depth: 4, weights: &weights, requantisation: whole, channels: 3 };
    let window = Window { kernel: [2, 1], stride: [1, 1], dilation: [1, 1], pad: [0, 0] };
    let filter = DepthwiseFilter { window, channels: 3, weights: &weights[..8], requantisation: whole };
    let input = DepthwiseInput { values: &[1; 12], height: 2, width: 2, padding: &[0; 3], columns: 2 };
    for kernels in KernelSet::available() {
        let refused = |product: &Product<'_>, input: &[i8], output_length: usize, count: usize| {
            let mut output = vec![99; output_length];
            kernels.product(product, Rows { input, input_step: 4, output: &mut output, output_step: 3, count });
            output.iter().all(|&value| value == 99)
        };
        assert!(!refused(&product, &[1; 8], 6, 2), "these fit");
        assert!(refused(&product, &[1; 8], 6, 0));
        assert!(refused(&product, &[1; 8], 6, usize::MAX));
        assert!(refused(&product, &[1; 7], 6, 2));
        assert!(refused(&product, &[1; 8], 5, 2));
        assert!(refused(&Product { depth: 3, ..product }, &[1; 8], 6, 2));
        assert!(refused(&Product { channels: 9, ..product }, &[1; 8], 18, 2));
        assert!(refused(&Product { weights: &weights[1..], ..product }, &[1; 8], 6, 2));
        assert!(refused(&Product { requantisation: short, ..product }, &[1; 8], 6, 2));

        let refused = |filter: &DepthwiseFilter<'_>, input: &DepthwiseInput<'_>| {
            let mut output = vec![99; 6];
            kernels.depthwise(filter, input, &mut output);
            output.iter().all(|&value| value == 99)
        };
        let kernel = |kernel: [u16; 2]| DepthwiseFilter { window: Window { kernel, ..window }, ..filter };
        assert!(!refused(&filter, &input), "these fit");
        assert!(refused(&DepthwiseFilter { channels: 0, ..filter }, &input));
        assert!(refused(&DepthwiseFilter { weights: &weights[..7], ..filter }, &input));
        assert!(refused(&DepthwiseFilter { requantisation: short, ..filter }, &input));
        assert!(refused(&kernel([3, 1]), &input));
        assert!(refused(&kernel([u16::MAX, u16::MAX]), &input));
        assert!(refused(&filter, &DepthwiseInput { values: &[1; 11], ..input }));
        assert!(refused(&filter, &DepthwiseInput { height: usize::MAX, ..input }));
        assert!(refused(&filter, &DepthwiseInput { padding: &[0; 2], ..input }));
        assert!(refused(&filter, &DepthwiseInput { columns: 0, ..input }));
    }
}
