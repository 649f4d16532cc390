//! Networks with the shapes of well-known ones and weights that follow a formula: speed depends on shapes alone.

use crate::artifact::{Artifact, Bytes, PlainConvolution};
use earmark_core::model::{AveragePool, Element, Op, Tensor, Window};

/// A network in the making: each layer reads the last one's output.
struct Net {
    artifact: Artifact,
    last: Tensor,
    arena: [u32; 2],
}

/// Padding as TensorFlow's "same", or none.
#[derive(Clone, Copy, PartialEq)]
enum Padding {
    Same,
    Valid,
}

const ONE: [u16; 2] = [1, 1];

impl Net {
    /// Starts from the features, seen as height × width × channels. Layers write in turn to the two halves of the memory behind
    /// them, each `half` bytes.
    fn new([frames, features]: [u16; 2], shape: [u16; 2], half: u32) -> Self {
        let artifact = Artifact::new(frames, features);
        let length = artifact.features().length() as u32;
        let channels = length / u32::from(shape[0]) / u32::from(shape[1]);
        let last =
            Tensor { offset: 0, height: shape[0], width: shape[1], channels, zero_point: 0, element: Element::Int8 };
        Self { artifact, last, arena: [length, length + half] }
    }

    fn place(&mut self, window: &mut Window, padding: Padding, channels: u32) -> Tensor {
        let mut output = Tensor { offset: self.arena[0], channels, zero_point: -128, ..self.last };
        self.arena.swap(0, 1);
        for (axis, extent) in [&mut output.height, &mut output.width].into_iter().enumerate() {
            let [kernel, stride] = [window.kernel[axis], window.stride[axis]];
            let input = *extent;
            *extent = if padding == Padding::Same { input.div_ceil(stride) } else { (input - kernel) / stride + 1 };
            window.pad[axis] = (((*extent - 1) * stride + kernel).saturating_sub(input)) / 2;
        }
        output
    }

    fn convolution(&mut self, kernel: [u16; 2], stride: [u16; 2], padding: Padding, channels: u32, depthwise: bool) {
        let mut window = Window { kernel, stride, dilation: ONE, pad: [0, 0] };
        let output = self.place(&mut window, padding, channels);
        let groups = if depthwise { channels } else { 1 };
        let mut plain = PlainConvolution {
            input: self.last,
            output,
            window,
            groups,
            clamp: [-128, 127],
            weights: Vec::new(),
            biases: (0..channels as i32).map(|channel| 37 * channel - 900).collect(),
            scales: (0..channels).map(|channel| 0.001 + 1e-5 * f64::from(channel)).collect(),
        };
        plain.weights = (0..channels as usize * plain.depth()).map(|index| (index * 97 % 255) as u8 as i8).collect();
        self.artifact.convolution(&plain, depthwise);
        self.last = output;
    }

    fn average(&mut self, kernel: [u16; 2]) {
        let mut window = Window { kernel, stride: ONE, dilation: ONE, pad: [0, 0] };
        let input = self.last;
        let output = self.place(&mut window, Padding::Valid, input.channels);
        let pool = AveragePool { input, output, window, count_padding: false, multiplier: 1 << 20, shift: 20 };
        self.artifact.push(Op::AveragePool(pool));
        self.last = output;
    }

    fn finish(mut self) -> Bytes {
        let labels: Vec<String> = (0..self.last.length()).map(|label| label.to_string()).collect();
        self.artifact.labels(&labels);
        self.artifact.bytes()
    }
}

/// The keyword-spotting network of MLPerf Tiny (DS-CNN): 49 × 10 features, 64 channels, 2.7 million multiplications.
///
/// Source: MLCommons Tiny, `benchmark/training/keyword_spotting/keras_model.py`.
#[must_use]
pub fn ds_cnn() -> Bytes {
    let mut net = Net::new([49, 10], [49, 10], 25 * 5 * 64);
    net.convolution([10, 4], [2, 2], Padding::Same, 64, false);
    for _ in 0..4 {
        net.convolution([3, 3], ONE, Padding::Same, 64, true);
        net.convolution(ONE, ONE, Padding::Valid, 64, false);
    }
    net.average([25, 5]);
    net.convolution(ONE, ONE, Padding::Valid, 12, false);
    net.finish()
}

/// One of its four 1×1 convolutions alone: 64 channels to 64 at 25 × 5 positions.
#[must_use]
pub fn pointwise() -> Bytes {
    let mut net = Net::new([25, 320], [25, 5], 25 * 5 * 64);
    net.convolution(ONE, ONE, Padding::Valid, 64, false);
    // The first value stands for all: a model has fewer labels than this layer has outputs.
    net.artifact.bytes()
}

/// One of its four depthwise convolutions alone: 3 × 3 over 64 channels at 25 × 5 positions.
#[must_use]
pub fn depthwise() -> Bytes {
    let mut net = Net::new([25, 320], [25, 5], 25 * 5 * 64);
    net.convolution([3, 3], ONE, Padding::Same, 64, true);
    net.artifact.bytes()
}
