//! Every kernel of every instruction set gives the bits of the portable ones.

#[path = "../plan/support/cases.rs"]
mod cases;
mod convolutions;
mod strategies;

use cases::cases;
use convolutions::convolution_case;
use earmark_core::engine::kernels::{
    DepthwiseFilter, DepthwiseInput, KernelSet, Kernels, Product, Requantisation, Rows, Runs, Sum,
};
use earmark_core::engine::layout::{BLOCK, MIN_SHIFT};
use earmark_core::model::{Aligned, Window};
use proptest::prelude::*;
use strategies::{ProductCase, bytes, depthwise_case, product_case, runs_case, sum};

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

    /// Also with the product of the runs one after the other.
    #[test]
    fn products_of_runs_agree(case in runs_case()) {
        let expected = case.run(KernelSet::Generic);
        let rows = (0..case.grid[0]).flat_map(|row| (0..case.grid[1]).map(move |column| [row, column]));
        let input: Vec<i8> = rows
            .flat_map(|[row, column]| {
                let start = row * case.grid_steps[0] + column * case.grid_steps[1];
                let runs = (0..case.count).flat_map(|run| &case.input[start + run * case.step..][..case.length]);
                runs.copied().chain(vec![0; case.depth - case.length * case.count]).collect::<Vec<_>>()
            })
            .collect();
        let product = ProductCase {
            depth: case.depth,
            channels: case.channels,
            count: case.grid[0] * case.grid[1],
            steps: [case.depth, case.channels],
            weights: case.weights.clone(),
            input,
            tables: case.tables.clone(),
        };
        prop_assert_eq!(&product.run(KernelSet::Generic), &expected);
        for kernels in KernelSet::available() {
            prop_assert_eq!(case.run(kernels), expected.clone(), "{}", kernels.name());
        }
    }

    #[test]
    fn convolutions_agree(case in convolution_case()) {
        let expected = case.expected();
        for kernels in KernelSet::available() {
            if let Some(output) = case.run(kernels) {
                prop_assert_eq!(output, expected.clone(), "{}", kernels.name());
            }
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
    let weights = &Aligned([1; 4 * BLOCK]).0;
    let product = Product { depth: 4, weights, requantisation: whole, channels: 3 };
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
        assert!(refused(&Product { depth: 0, ..product }, &[1; 8], 6, 2));
        assert!(refused(&Product { channels: 9, ..product }, &[1; 8], 18, 2));
        assert!(refused(&Product { weights: &weights[4..], ..product }, &[1; 8], 6, 2));
        assert!(refused(&Product { weights: &weights[1..], ..product }, &[1; 8], 6, 2), "these are not aligned");
        assert!(refused(&Product { requantisation: short, ..product }, &[1; 8], 6, 2));

        let refused = |product: &Product<'_>, runs: Runs<'_>, output_length: usize, scratch: usize| {
            let mut output = vec![99; output_length];
            kernels.runs(product, &runs, &mut output, &mut vec![0; scratch]);
            output.iter().all(|&value| value == 99)
        };
        let (grid, grid_steps) = ([1, 2], [0, 4]);
        let runs = Runs { input: &[1; 8], length: 2, count: 2, step: 2, grid, grid_steps };
        assert!(!refused(&product, runs, 6, 16), "these fit");
        assert!(refused(&product, runs, 5, 16));
        assert!(refused(&product, runs, 6, 15));
        assert!(refused(&product, Runs { input: &[1; 7], ..runs }, 6, 16));
        assert!(refused(&product, Runs { length: 3, ..runs }, 6, 16));
        assert!(refused(&product, Runs { length: 0, ..runs }, 6, 16));
        assert!(refused(&product, Runs { count: 0, ..runs }, 6, 16));
        assert!(refused(&product, Runs { step: usize::MAX, ..runs }, 6, 16));
        assert!(refused(&product, Runs { grid: [0, 2], ..runs }, 6, 16));
        assert!(refused(&product, Runs { grid: [usize::MAX, 2], ..runs }, 6, 16));
        assert!(refused(&product, Runs { grid_steps: [0, 5], ..runs }, 6, 16));
        assert!(refused(&Product { requantisation: short, ..product }, runs, 6, 16));

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
