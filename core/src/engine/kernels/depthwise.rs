//! What a depthwise convolution reads.

use super::Requantisation;
use crate::engine::layout::{BLOCK, TILE_DEPTH};
use crate::model::Window;

/// The weights of a depthwise convolution.
#[derive(Debug, Clone, Copy)]
pub struct DepthwiseFilter<'m> {
    /// How the kernel slides.
    pub window: Window,
    /// Channels.
    pub channels: usize,
    /// A row of channels for each tap, padded to a whole [`row`](Self::row).
    pub weights: &'m [i8],
    /// How accumulators become outputs.
    pub requantisation: Requantisation<'m>,
}

impl DepthwiseFilter<'_> {
    /// Weights of one tap, with their padding.
    #[must_use]
    pub const fn row(&self) -> usize {
        self.channels.next_multiple_of(TILE_DEPTH)
    }
}

/// The inputs of a depthwise convolution: height × width × channels.
#[derive(Debug, Clone, Copy)]
pub struct DepthwiseInput<'a> {
    /// The values.
    pub values: &'a [i8],
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// The channels of a position outside the input.
    pub padding: &'a [i8],
    /// Columns of the output.
    pub columns: usize,
}

impl<'a> DepthwiseInput<'a> {
    /// Whether the tables and the input are whole: what kernels with raw loads rely on.
    #[must_use]
    pub fn fit(&self, filter: &DepthwiseFilter<'_>) -> bool {
        let padded = filter.channels.next_multiple_of(BLOCK);
        let values = self.height.saturating_mul(self.width).saturating_mul(filter.channels);
        filter.channels > 0
            && self.columns > 0
            && self.values.len() >= values
            && self.padding.len() >= filter.channels
            && filter.weights.len() >= filter.window.taps().saturating_mul(filter.row())
            && filter.requantisation.biases.len() >= padded
            && filter.requantisation.scales.len() >= padded
    }

    /// Calls `each` with the channels under each tap of the output at `position`, in the order of the weights: exactly as many as the
    /// filter has, if the input [`fit`](Self::fit)s it.
    #[inline(always)]
    pub fn taps(&self, filter: &DepthwiseFilter<'_>, position: usize, mut each: impl FnMut(&'a [i8])) {
        self.tap_starts(filter, position, |start| {
            let channels = start.map_or(self.padding, |start| self.values.get(start..).unwrap_or(&[]));
            each(channels.get(..filter.channels).unwrap_or(&[]));
        });
    }

    /// Calls `each` with where in the values the channels under each tap begin, or `None` for padding. If the input
    /// [`fit`](Self::fit)s the filter, all channels are there.
    #[inline(always)]
    pub(super) fn tap_starts(
        &self,
        filter: &DepthwiseFilter<'_>,
        position: usize,
        mut each: impl FnMut(Option<usize>),
    ) {
        let Window { kernel, stride, dilation, pad } = &filter.window;
        let [kernel, stride, dilation, pad] = [kernel, stride, dilation, pad].map(|pair| pair.map(usize::from));
        // Before the first row or column, these wrap to far behind the last.
        let mut row = (position / self.columns * stride[0]).wrapping_sub(pad[0]);
        let first_column = (position % self.columns * stride[1]).wrapping_sub(pad[1]);
        for _ in 0..kernel[0] {
            let mut column = first_column;
            for _ in 0..kernel[1] {
                let inside = row < self.height && column < self.width;
                each(inside.then(|| (row * self.width + column) * filter.channels));
                column = column.wrapping_add(dilation[1]);
            }
            row = row.wrapping_add(dilation[0]);
        }
    }
}
