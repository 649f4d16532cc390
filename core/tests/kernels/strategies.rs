//! Random arguments for kernels, shared by the tests on the host and those that send them to an emulated microcontroller.

use earmark_core::engine::kernels::{
    DepthwiseFilter, DepthwiseInput, KernelSet, Kernels, Product, Requantisation, Rows, Runs, Sum,
};
use earmark_core::engine::layout::{BLOCK, MAX_SHIFT, MIN_SHIFT, PATCHES, TILE_DEPTH, pack_weight, weight_index};
use earmark_core::model::Window;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Union;

/// Bytes of every kind, or all the same: sums of extremes overflow first.
pub fn bytes(length: usize) -> impl Strategy<Value = Vec<i8>> {
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
pub struct Tables {
    pub biases: Vec<i32>,
    pub scales: Vec<u32>,
    pub zero_point: i8,
    pub clamp: [i8; 2],
}

impl Tables {
    pub fn requantisation(&self) -> Requantisation<'_> {
        let Self { biases, scales, zero_point, clamp } = self;
        Requantisation { biases, scales, zero_point: *zero_point, clamp: *clamp }
    }
}

pub fn tables(channels: usize) -> impl Strategy<Value = Tables> {
    let padded = channels.next_multiple_of(BLOCK);
    (vec(bias(), padded), vec(scale(), padded), any::<i8>(), clamp())
        .prop_map(|(biases, scales, zero_point, clamp)| Tables { biases, scales, zero_point, clamp })
}

#[derive(Debug, Clone)]
pub struct ProductCase {
    pub depth: usize,
    pub channels: usize,
    pub count: usize,
    pub steps: [usize; 2],
    pub weights: Vec<i8>,
    pub input: Vec<i8>,
    pub tables: Tables,
}

pub fn product_case() -> impl Strategy<Value = ProductCase> {
    // Inputs overlap where their step is below the depth, as a convolution's do. Of short rows there are many.
    let sizes = prop_oneof![
        4 => (1..=150usize, 1..=130usize, 1..=21usize, 0..=40usize, 0..=9usize),
        1 => (1..=12usize, 1..=45usize, 100..=500usize, 0..=90usize, 0..=1usize),
    ];
    sizes
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
    pub fn run(&self, kernels: KernelSet) -> Vec<i8> {
        let product = product(self.depth, &self.weights, self.channels, &self.tables);
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

fn product<'c>(depth: usize, weights: &'c [i8], channels: usize, tables: &'c Tables) -> Product<'c> {
    Product { depth, weights, requantisation: tables.requantisation(), channels }
}

#[derive(Debug, Clone)]
pub struct RunsCase {
    pub depth: usize,
    pub channels: usize,
    pub length: usize,
    pub count: usize,
    pub step: usize,
    pub grid: [usize; 2],
    pub grid_steps: [usize; 2],
    pub weights: Vec<i8>,
    pub input: Vec<i8>,
    pub tables: Tables,
}

pub fn runs_case() -> impl Strategy<Value = RunsCase> {
    let length = prop_oneof![3 => 1..=12usize, 1 => 13..=70usize];
    let steps = [0..=40usize, 0..=40usize, 0..=20usize];
    (length, 1..=6usize, 1..=40usize, [1..=4usize, 1..=7usize], steps).prop_flat_map(
        |(length, count, channels, grid, [step, row_step, column_step])| {
            let depth = (length * count).next_multiple_of(TILE_DEPTH);
            let last = (grid[0] - 1) * row_step + (grid[1] - 1) * column_step + (count - 1) * step;
            let weights = bytes(channels.next_multiple_of(BLOCK) * depth);
            (weights, bytes(last + length), tables(channels)).prop_map(move |(mut weights, input, tables)| {
                // Of what the depth has more than the runs, kernels may read anything.
                for channel in 0..channels.next_multiple_of(BLOCK) {
                    for index in length * count..depth {
                        weights[weight_index(channel, index, depth)] = pack_weight(channel, 0).cast_signed();
                    }
                }
                let grid_steps = [row_step, column_step];
                RunsCase { depth, channels, length, count, step, grid, grid_steps, weights, input, tables }
            })
        },
    )
}

impl RunsCase {
    pub fn run(&self, kernels: KernelSet) -> Vec<i8> {
        let product = product(self.depth, &self.weights, self.channels, &self.tables);
        let Self { length, count, step, grid, grid_steps, .. } = *self;
        let runs = Runs { input: &self.input, length, count, step, grid, grid_steps };
        let mut output = vec![99; grid[0] * grid[1] * self.channels];
        kernels.runs(&product, &runs, &mut output, &mut vec![99; PATCHES * self.depth]);
        output
    }
}

#[derive(Debug, Clone)]
pub struct DepthwiseCase {
    pub window: Window,
    pub extent: [usize; 2],
    /// Rows and columns of the output. Any number will do: what a tap finds outside the input is padding.
    pub outputs: [usize; 2],
    pub channels: usize,
    pub weights: Vec<i8>,
    pub values: Vec<i8>,
    pub padding: Vec<i8>,
    pub tables: Tables,
}

pub fn depthwise_case() -> impl Strategy<Value = DepthwiseCase> {
    let kernel = prop_oneof![8 => [1..=4u16, 1..=4u16], 2 => [5..=12u16, 1..=1u16], 1 => [7..=9u16, 8..=9u16]];
    let window = (kernel, [1..=3u16, 1..=3u16], [1..=2u16, 1..=3u16], [0..=3u16, 0..=3u16])
        .prop_map(|(kernel, stride, dilation, pad)| Window { kernel, stride, dilation, pad });
    let channels = prop_oneof![1..=130usize, (1..=32usize).prop_map(|fours| 4 * fours)];
    let extents = prop_oneof![4 => [1..=7usize, 1..=7usize], 1 => [5..=12usize, 5..=20usize]];
    let outputs = prop_oneof![4 => [1..=5usize, 1..=6usize], 1 => [3..=6usize, 5..=12usize]];
    (window, extents, outputs, channels).prop_flat_map(|(window, extent, outputs, channels)| {
        let weights = bytes(window.taps() * channels.next_multiple_of(TILE_DEPTH));
        let values = bytes(extent[0] * extent[1] * channels);
        (weights, values, bytes(channels), tables(channels)).prop_map(move |(weights, values, padding, tables)| {
            DepthwiseCase { window, extent, outputs, channels, weights, values, padding, tables }
        })
    })
}

impl DepthwiseCase {
    pub fn run(&self, kernels: KernelSet) -> Vec<i8> {
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

pub fn sum() -> impl Strategy<Value = Sum> {
    let any_multiplier = || prop_oneof![any::<i32>(), -70_000..70_000i32, Just(i32::MIN), Just(1 << 20), Just(0)];
    // With small multipliers, and with small ones times a power of two, a shift of about as many places meets ties.
    let scales = prop_oneof![
        ([any_multiplier(), any_multiplier()], prop_oneof![0..=62u32, 18..22u32]),
        ([-3..=3i32, -3..=3i32], 0..=4u32),
        ([-7..=7i32, -7..=7i32].prop_map(|factors| factors.map(|factor| factor << 28)), 28..=34u32),
    ];
    (any::<[i8; 2]>(), scales, any::<i8>(), clamp()).prop_map(
        |(zero_points, (multipliers, shift), zero_point, clamp)| Sum {
            zero_points,
            multipliers,
            shift,
            zero_point,
            clamp,
        },
    )
}
