//! The executor of a plan: quantised features in, scores out, all in integers.
//!
//! [`PlanEngine`] runs a [`Model`] on any target with the same bits. [`Network`] is what the rest of earmark asks of it, so that
//! another runtime can take its place.

pub mod arithmetic;
pub mod kernels;
pub mod layout;

mod execute;

use crate::Error;
use crate::model::{Model, Quantisation};
use kernels::KernelSet;

/// A network that takes frames of features and gives the raw outputs for the window that they end.
///
/// Implemented by [`PlanEngine`] and, on the host, by the reference runtime.
pub trait Network {
    /// Forgets all frames.
    fn reset(&mut self);

    /// Takes the next frame of features.
    ///
    /// # Errors
    /// [`Error::BufferLength`] if it does not have the model's number of features. Values never fail.
    fn push_frame(&mut self, features: &[f32]) -> Result<(), Error>;

    /// Evaluates the window that ends with the last frame, into one raw output a label: before softmax or sigmoid, finite.
    ///
    /// Gives `false` and leaves `outputs` as they are before the first full window.
    ///
    /// # Errors
    /// [`Error::BufferLength`] if `outputs` does not have one place a label.
    fn outputs(&mut self, outputs: &mut [f32]) -> Result<bool, Error>;
}

impl<N: Network + ?Sized> Network for &mut N {
    fn reset(&mut self) {
        (**self).reset();
    }

    fn push_frame(&mut self, features: &[f32]) -> Result<(), Error> {
        (**self).push_frame(features)
    }

    fn outputs(&mut self, outputs: &mut [f32]) -> Result<bool, Error> {
        (**self).outputs(outputs)
    }
}

/// Runs a model's plan over caller-supplied memory.
#[derive(Debug)]
pub struct PlanEngine<'m, 'b> {
    model: Model<'m>,
    arena: &'b mut [i8],
    scratch: &'b mut [i8],
    frames: usize,
    kernels: KernelSet,
}

impl<'m, 'b> PlanEngine<'m, 'b> {
    /// Takes [`Sizes::engine`](crate::model::Sizes::engine) bytes of memory, whatever is in them.
    ///
    /// # Errors
    /// [`Error::MemoryTooSmall`] with the number of bytes needed.
    pub fn new(model: Model<'m>, memory: &'b mut [u8]) -> Result<Self, Error> {
        let (needed, given) = (model.sizes().engine, memory.len());
        if given < needed {
            return Err(Error::MemoryTooSmall { needed, given });
        }
        let (arena, scratch) = bytemuck::cast_slice_mut::<u8, i8>(memory).split_at_mut(model.arena_length());
        Ok(Self { model, arena, scratch, frames: 0, kernels: KernelSet::detect() })
    }

    /// Uses other kernels than the fastest. All give the same bits.
    #[must_use]
    pub fn with_kernels(mut self, kernels: KernelSet) -> Self {
        self.kernels = kernels;
        self
    }

    /// The model that it runs.
    #[must_use]
    pub const fn model(&self) -> &Model<'m> {
        &self.model
    }

    /// Evaluates the window and gives the network's int8 outputs; `None` before the first full window.
    pub fn quantised_outputs(&mut self) -> Option<&[i8]> {
        if self.frames < self.model.frames() {
            return None;
        }
        execute::run(self.kernels, &self.model, self.arena, self.scratch);
        self.arena.get(self.model.output_range())
    }

    /// The quantised features of the window, oldest frame first.
    #[must_use]
    pub fn quantised_features(&self) -> &[i8] {
        self.arena.get(..self.frames * self.model.features()).unwrap_or(&[])
    }
}

impl Network for PlanEngine<'_, '_> {
    fn reset(&mut self) {
        self.frames = 0;
    }

    fn push_frame(&mut self, features: &[f32]) -> Result<(), Error> {
        let count = self.model.features();
        if features.len() != count {
            return Err(Error::BufferLength { buffer: "features", needed: count, given: features.len() });
        }
        let window = self.arena.get_mut(..self.model.frames() * count).unwrap_or(&mut []);
        if self.frames == self.model.frames() && count <= window.len() {
            window.copy_within(count.., 0);
            self.frames -= 1;
        }
        let input = self.model.input();
        let place = window.get_mut(self.frames * count..).unwrap_or(&mut []);
        place.iter_mut().zip(features).for_each(|(place, &feature)| *place = quantise(feature, input));
        self.frames += 1;
        Ok(())
    }

    fn outputs(&mut self, outputs: &mut [f32]) -> Result<bool, Error> {
        let needed = self.model.label_count();
        if outputs.len() != needed {
            return Err(Error::BufferLength { buffer: "outputs", needed, given: outputs.len() });
        }
        let Quantisation { scale, zero_point } = self.model.output();
        let Some(quantised) = self.quantised_outputs() else { return Ok(false) };
        for (output, &value) in outputs.iter_mut().zip(quantised) {
            *output = (i32::from(value) - i32::from(zero_point)) as f32 * scale;
        }
        Ok(true)
    }
}

/// Quantises a real value as ONNX QuantizeLinear does: divide, round ties to even, add the zero point, saturate.
///
/// ```
/// use earmark_core::{engine::quantise, model::Quantisation};
/// let by = Quantisation { scale: 0.5, zero_point: 3 };
/// assert_eq!([0.0, 0.25, 0.75, -0.25, 1e9, f32::NAN].map(|value| quantise(value, by)), [3, 3, 5, 3, 127, 3]);
/// ```
#[must_use]
pub fn quantise(value: f32, by: Quantisation) -> i8 {
    // Beyond these every zero point saturates.
    const FAR: f32 = 256.0;
    // At this magnitude floats are whole numbers, so that adding it rounds, ties to even, and taking it off leaves what was rounded.
    const WHOLE: f32 = 12_582_912.0;
    let steps = (value / by.scale).clamp(-FAR, FAR);
    // A NaN becomes 0.
    let steps = ((steps + WHOLE) - WHOLE) as i32;
    (steps + i32::from(by.zero_point)).clamp(i32::from(i8::MIN), i32::from(i8::MAX)) as i8
}
