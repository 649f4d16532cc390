//! The executor of a plan: quantised features in, scores out, all in integers.
//!
//! [`PlanEngine`] runs a [`Model`] on any target with the same bits. [`Network`] is what the rest of earmark asks of it, so that
//! another runtime can take its place.

pub mod arithmetic;
pub mod kernels;
pub mod layout;
#[cfg(feature = "recurrent")]
pub mod recurrent;

mod execute;

use crate::model::{Model, Quantisation, StreamingPlan};
use crate::{Error, words};
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

    /// Takes the next frame of features, quantised as [`Model::input`] says; if they are int16 there, the upper byte of each.
    ///
    /// # Errors
    /// As [`push_frame`](Self::push_frame).
    fn push_quantised(&mut self, features: &[i8]) -> Result<(), Error>;

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

    fn push_quantised(&mut self, features: &[i8]) -> Result<(), Error> {
        (**self).push_quantised(features)
    }

    fn outputs(&mut self, outputs: &mut [f32]) -> Result<bool, Error> {
        (**self).outputs(outputs)
    }
}

/// Runs a model's plan over caller-supplied memory: [windowed](Self::new), or [streaming](Self::streaming).
///
/// Both give the same bits. Windowed, a window is evaluated whole when its outputs are asked for, at any frame. Streaming, every
/// [stride](crate::model::Mode::Streaming) frames a step computes only what they add to what is remembered, and there are outputs only then.
#[derive(Debug)]
pub struct PlanEngine<'m, 'b> {
    model: Model<'m>,
    stream: Option<Stream<'m>>,
    arena: &'b mut [i8],
    scratch: &'b mut [i8],
    /// Frames of the window so far; all of it at most.
    frames: usize,
    kernels: KernelSet,
}

/// A stream under way.
#[derive(Debug)]
struct Stream<'m> {
    plan: StreamingPlan<'m>,
    /// Frames of the present step so far; a full stride once it has been computed.
    filled: usize,
}

impl<'m, 'b> PlanEngine<'m, 'b> {
    /// Evaluates whole windows. Takes [`Sizes::engine`](crate::model::Sizes::engine) bytes of memory, whatever is in them.
    ///
    /// # Errors
    /// [`Error::MemoryTooSmall`] with the number of bytes needed.
    pub fn new(model: Model<'m>, memory: &'b mut [u8]) -> Result<Self, Error> {
        Self::over(model, None, model.sizes().engine, model.arena_length(), memory)
    }

    /// Evaluates a stream step by step; windowed at every frame if the network can't stream ([`Model::mode`]). Takes
    /// [`Sizes::streaming_engine`](crate::model::Sizes::streaming_engine) bytes of memory, whatever is in them.
    ///
    /// # Errors
    /// [`Error::MemoryTooSmall`] with the number of bytes needed.
    pub fn streaming(model: Model<'m>, memory: &'b mut [u8]) -> Result<Self, Error> {
        let Some(plan) = model.streaming() else { return Self::new(model, memory) };
        let stream = Some(Stream { plan, filled: 0 });
        Self::over(model, stream, model.sizes().streaming_engine, plan.arena_length(), memory)
    }

    fn over(
        model: Model<'m>,
        stream: Option<Stream<'m>>,
        needed: usize,
        arena_length: usize,
        memory: &'b mut [u8],
    ) -> Result<Self, Error> {
        let too_small = Error::MemoryTooSmall { needed, given: memory.len() };
        if memory.len() < needed {
            return Err(too_small);
        }
        let memory = bytemuck::cast_slice_mut::<u8, i8>(memory);
        let (arena, scratch) = memory.split_at_mut_checked(arena_length).ok_or(too_small)?;
        let mut engine = Self { model, stream, arena, scratch, frames: 0, kernels: KernelSet::detect() };
        engine.reset();
        Ok(engine)
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

    /// Gives the bytes of the network's outputs for the window that ends with the last frame, one an output or, of int16, two, the lower
    /// first; `None` before the first full window and, in a stream, between two steps.
    pub fn quantised_outputs(&mut self) -> Option<&[i8]> {
        if self.frames < self.model.frames() {
            return None;
        }
        match &self.stream {
            Some(stream) if stream.filled < stream.plan.stride_frames() => None,
            Some(stream) => self.arena.get(stream.plan.output_range()),
            None => {
                execute::run(self.kernels, &self.model, self.model.plan(), self.arena, self.scratch);
                self.arena.get(self.model.output_range())
            }
        }
    }

    /// The bytes of the window's quantised features, oldest frame first. A stream keeps only the latest of them, and the oldest of these come
    /// first.
    #[must_use]
    pub fn quantised_features(&self) -> &[i8] {
        let frame = frame_bytes(&self.model);
        let features = match &self.stream {
            None => self.arena.get(..self.frames * frame),
            Some(stream) => stream.plan.delays().next().and_then(|line| {
                let end = line.range().end - (stream.plan.stride_frames() - stream.filled) * frame;
                let kept = (self.frames * frame).min(end - line.range().start);
                self.arena.get(end - kept..end)
            }),
        };
        features.unwrap_or(&[])
    }

    /// Puts a frame in its place and computes the step that it completes.
    fn push<T>(
        &mut self,
        features: &[T],
        quantised: impl Fn(&T) -> i8,
        quantised_int16: impl Fn(&T) -> i16,
    ) -> Result<(), Error> {
        let count = self.model.features();
        if features.len() != count {
            return Err(Error::BufferLength { buffer: "features", needed: count, given: features.len() });
        }
        let at = match &mut self.stream {
            Some(stream) => stream.place(frame_bytes(&self.model), self.arena),
            None => self.windowed_place(),
        };
        let place = self.arena.get_mut(at..).unwrap_or(&mut []);
        if self.model.input_element().is_int16() {
            let places = place.as_chunks_mut::<2>().0.iter_mut().zip(features);
            places.for_each(|(place, feature)| {
                *place = quantised_int16(feature).to_le_bytes().map(u8::cast_signed);
            });
        } else {
            place.iter_mut().zip(features).for_each(|(place, feature)| *place = quantised(feature));
        }
        self.frames = self.model.frames().min(self.frames + 1);
        if let Some(stream) = &mut self.stream {
            stream.filled += 1;
            if stream.filled == stream.plan.stride_frames() {
                execute::run(self.kernels, &self.model, stream.plan.ops(), self.arena, self.scratch);
            }
        }
        Ok(())
    }

    /// Where the next frame goes in a window; the oldest makes room for it once the window is full.
    fn windowed_place(&mut self) -> usize {
        let (frames, frame) = (self.model.frames(), frame_bytes(&self.model));
        if self.frames == frames {
            words::move_to_front(self.arena.get_mut(..frames * frame).unwrap_or(&mut []), frame);
            self.frames -= 1;
        }
        self.frames * frame
    }
}

impl Stream<'_> {
    /// Starts the first step, with as many frames as make the first full window end with a step.
    fn start(&mut self, frames: usize) {
        let stride = self.plan.stride_frames();
        self.filled = (stride - frames % stride) % stride;
    }

    /// Where in the arena the next frame goes; what is remembered makes room once a step is complete.
    fn place(&mut self, frame: usize, arena: &mut [i8]) -> usize {
        let stride = self.plan.stride_frames();
        if self.filled == stride {
            for line in self.plan.delays() {
                let shift = line.shift as usize;
                if let Some(rows) = arena.get_mut(line.range()) {
                    words::move_to_front(rows, shift);
                }
            }
            self.filled = 0;
        }
        self.plan
            .delays()
            .next()
            .map_or(usize::MAX, |line| line.range().end.saturating_sub((stride - self.filled) * frame))
    }
}

impl Network for PlanEngine<'_, '_> {
    fn reset(&mut self) {
        self.frames = 0;
        if let Some(stream) = &mut self.stream {
            stream.start(self.model.frames());
            // Running sums begin at nothing. What else is there counts only for windows that begin before the first frame.
            self.arena.fill(0);
        }
    }

    fn push_frame(&mut self, features: &[f32]) -> Result<(), Error> {
        let input = self.model.input();
        self.push(features, |&feature| quantise(feature, input), |&feature| quantise_int16(feature, input.scale))
    }

    fn push_quantised(&mut self, features: &[i8]) -> Result<(), Error> {
        self.push(features, |&feature| feature, |&feature| i16::from(feature) << 8)
    }

    fn outputs(&mut self, outputs: &mut [f32]) -> Result<bool, Error> {
        let needed = self.model.label_count();
        if outputs.len() != needed {
            return Err(Error::BufferLength { buffer: "outputs", needed, given: outputs.len() });
        }
        let output_quantisation = self.model.output();
        let element = self.model.output_element();
        let Some(quantised) = self.quantised_outputs() else { return Ok(false) };
        if element.is_int16() {
            for (output, &value) in outputs.iter_mut().zip(quantised.as_chunks::<2>().0) {
                *output = output_quantisation.value(i16::from_le_bytes(value.map(i8::cast_unsigned)));
            }
        } else {
            for (output, &value) in outputs.iter_mut().zip(quantised) {
                *output = output_quantisation.value(value);
            }
        }
        Ok(true)
    }
}

/// Bytes of a frame of quantised features.
const fn frame_bytes(model: &Model<'_>) -> usize {
    model.features() * model.input_element().bytes()
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
    let rounded = rounded(value / by.scale);
    rounded.saturating_add(by.zero_point.into()).clamp(i8::MIN.into(), i8::MAX.into()) as i8
}

/// The same in 16 bits.
///
/// ```
/// use earmark_core::engine::quantise_int16;
/// assert_eq!([0.25, 0.75, -1e9, f32::NAN].map(|value| quantise_int16(value, 0.5)), [0, 2, -32_768, 0]);
/// ```
#[must_use]
pub fn quantise_int16(value: f32, scale: f32) -> i16 {
    rounded(value / scale).clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

/// The nearest whole number, ties to even; far from zero, beyond ±2^22, one that is as far at least.
#[inline(always)]
fn rounded(steps: f32) -> i32 {
    // 1.5 · 2^23: around it floats are whole numbers, one after the other, so that adding it rounds, ties to even, and the bits count on from
    // its own. Far from it, where they count in other steps, they are as far above or below as saturates.
    const WHOLE: f32 = 12_582_912.0;
    let steps = if steps.is_nan() { 0.0 } else { steps };
    (steps + WHOLE).to_bits().cast_signed().saturating_sub(WHOLE.to_bits().cast_signed())
}
