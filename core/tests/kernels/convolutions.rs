//! Random convolutions of all channels.

use crate::strategies::{Tables, bytes, tables};
use earmark_core::engine::kernels::{KernelSet, Kernels, Patches, Product, Rows};
use earmark_core::engine::layout::{BLOCK, TILE_DEPTH};
use earmark_core::model::Window;
use proptest::prelude::*;

/// A convolution of all channels.
#[derive(Debug, Clone)]
pub struct ConvolutionCase {
    pub window: Window,
    pub extent: [usize; 2],
    /// Rows and columns of the output. Any number will do: what a tap finds outside the input is padding.
    pub outputs: [usize; 2],
    /// Of the input and of the output.
    pub channels: [usize; 2],
    pub weights: Vec<i8>,
    pub values: Vec<i8>,
    pub zero_point: i8,
    pub tables: Tables,
}

pub fn convolution_case() -> impl Strategy<Value = ConvolutionCase> {
    let kernel = prop_oneof![4 => [1..=5u16, 1..=5u16], 1 => [1..=9u16, 1..=1u16], 1 => [1..=1u16, 1..=12u16]];
    let dilation = prop_oneof![4 => (1..=2u16).prop_map(|rows| [rows, 1]), 1 => (1..=2u16).prop_map(|rows| [rows, 2])];
    let window = (kernel, [1..=3u16, 1..=3u16], dilation, [0..=4u16, 0..=4u16])
        .prop_map(|(kernel, stride, dilation, pad)| Window { kernel, stride, dilation, pad });
    let inputs = prop_oneof![3 => 1..=4usize, 2 => 5..=20usize, 1 => 40..=90usize];
    let channels = (inputs, 1..=40usize).prop_map(|(inputs, outputs)| [inputs, outputs]);
    (window, [1..=12usize, 1..=45usize], [1..=9usize, 1..=20usize], channels).prop_flat_map(
        |(window, extent, outputs, channels)| {
            let depth = (window.taps() * channels[0]).next_multiple_of(TILE_DEPTH);
            let weights = bytes(channels[1].next_multiple_of(BLOCK) * depth);
            let values = bytes(extent[0] * extent[1] * channels[0]);
            (weights, values, any::<i8>(), tables(channels[1])).prop_map(
                move |(weights, values, zero_point, tables)| ConvolutionCase {
                    window,
                    extent,
                    outputs,
                    channels,
                    weights,
                    values,
                    zero_point,
                    tables,
                },
            )
        },
    )
}

impl ConvolutionCase {
    fn product(&self) -> Product<'_> {
        Product {
            depth: (self.window.taps() * self.channels[0]).next_multiple_of(TILE_DEPTH),
            weights: &self.weights,
            requantisation: self.tables.requantisation(),
            channels: self.channels[1],
        }
    }

    /// The outputs from patches that are gathered by the book, by the portable product.
    pub fn expected(&self) -> Vec<i8> {
        let product = self.product();
        let [rows, columns] = self.outputs;
        let mut patches = Vec::new();
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            for (tap_row, tap_column) in (0..self.window.kernel[0])
                .flat_map(|tap_row| (0..self.window.kernel[1]).map(move |tap_column| (tap_row, tap_column)))
            {
                let at = |axis: usize, position: usize, tap: u16| {
                    let Window { stride, dilation, pad, .. } = self.window;
                    (position * usize::from(stride[axis]) + usize::from(tap * dilation[axis]))
                        .checked_sub(usize::from(pad[axis]))
                        .filter(|&at| at < self.extent[axis])
                };
                let start = at(0, row, tap_row)
                    .zip(at(1, column, tap_column))
                    .map(|(row, column)| (row * self.extent[1] + column) * self.channels[0]);
                match start {
                    Some(start) => patches.extend(&self.values[start..][..self.channels[0]]),
                    None => patches.extend(vec![self.zero_point; self.channels[0]]),
                }
            }
            patches.resize(patches.len().next_multiple_of(product.depth), 0);
        }
        let mut output = vec![99; rows * columns * product.channels];
        KernelSet::Generic.product(
            &product,
            Rows {
                input: &patches,
                input_step: product.depth,
                output: &mut output,
                output_step: product.channels,
                count: rows * columns,
            },
        );
        output
    }

    /// The outputs without gathering, where the kernels give them.
    pub fn run(&self, kernels: KernelSet) -> Option<Vec<i8>> {
        let patches = Patches {
            window: self.window,
            values: &self.values,
            height: self.extent[0],
            width: self.extent[1],
            channels: self.channels[0],
            zero_point: self.zero_point,
            columns: self.outputs[1],
        };
        let mut output = vec![99; self.outputs[0] * self.outputs[1] * self.channels[1]];
        let is_there = kernels.convolution(&self.product(), &patches, &mut output, self.channels[1]);
        is_there.then_some(output)
    }
}
