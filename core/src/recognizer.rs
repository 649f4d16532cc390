//! The whole chain: samples in, the network's outputs out.

use crate::Error;
use crate::engine::{Network, PlanEngine};
use crate::frontend::{Framer, FrontEnd};
use crate::model::Model;

/// Turns samples into one raw output a label, in memory that the caller supplies.
///
/// Raw outputs become scores by [`FunctionToApply`](crate::api::FunctionToApply).
///
/// ```
/// use earmark_core::{Error, model::Model, recognizer::Recognizer};
///
/// fn outputs(artifact: &[u8], samples: &[i16]) -> Result<Vec<f32>, Error> {
///     let model = Model::new(artifact)?;
///     let mut memory = vec![0; model.sizes().recognizer]; // on a device: a static `Memory<{ SIZES.recognizer }>`
///     let mut recognizer = Recognizer::new(model, &mut memory)?;
///     Ok(recognizer.classify(samples)?.to_vec())
/// }
/// # assert!(outputs(b"no model", &[]).is_err());
/// ```
#[derive(Debug)]
pub struct Recognizer<'m, 'b, N> {
    model: Model<'m>,
    network: N,
    front_end: FrontEnd<'m>,
    framer: Framer<'b>,
    scratch: &'b mut [f32],
    frame: &'b mut [f32],
    outputs: &'b mut [f32],
    /// Frames shown to the network since the last reset.
    frames: u64,
}

impl<'m, 'b> Recognizer<'m, 'b, PlanEngine<'m, 'b>> {
    /// Takes [`Sizes::recognizer`](crate::model::Sizes::recognizer) bytes of memory, whatever is in them, that start at a multiple
    /// of 4: [`Memory`](crate::model::Memory) does.
    ///
    /// # Errors
    /// [`Error::MemoryTooSmall`] with the number of bytes needed; [`Error::MisalignedMemory`].
    pub fn new(model: Model<'m>, memory: &'b mut [u8]) -> Result<Self, Error> {
        Self::over(model, model.sizes().engine, PlanEngine::new, memory)
    }

    /// The same on the model's streaming plan, if it has one: what a stream costs is only what is new in it. Takes
    /// [`Sizes::streaming_recognizer`](crate::model::Sizes::streaming_recognizer) bytes of memory.
    ///
    /// [`classify`](Self::classify) works as well, and costs somewhat more than on whole windows.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn streaming(model: Model<'m>, memory: &'b mut [u8]) -> Result<Self, Error> {
        Self::over(model, model.sizes().streaming_engine, PlanEngine::streaming, memory)
    }

    fn over(
        model: Model<'m>,
        engine_length: usize,
        engine: impl FnOnce(Model<'m>, &'b mut [u8]) -> Result<PlanEngine<'m, 'b>, Error>,
        memory: &'b mut [u8],
    ) -> Result<Self, Error> {
        let sizes = model.sizes();
        let needed = engine_length + (sizes.recognizer - sizes.engine);
        let too_small = Error::MemoryTooSmall { needed, given: memory.len() };
        let (first, rest) = memory.split_at_mut_checked(engine_length).ok_or(too_small)?;
        Self::with_network(model, engine(model, first)?, rest).map_err(|error| match error {
            Error::MemoryTooSmall { .. } => too_small,
            other => other,
        })
    }
}

impl<'m, 'b, N: Network> Recognizer<'m, 'b, N> {
    /// Runs another network behind the model's front end; `memory` as in [`new`](Recognizer::new), but only
    /// `sizes.recognizer − sizes.engine` bytes of it.
    ///
    /// # Errors
    /// As [`new`](Recognizer::new).
    pub fn with_network(model: Model<'m>, network: N, memory: &'b mut [u8]) -> Result<Self, Error> {
        let front_end = FrontEnd::new(model.front_end())?;
        let sizes = model.sizes();
        let (needed, given) = (sizes.recognizer - sizes.engine, memory.len());
        let too_small = Error::MemoryTooSmall { needed, given };
        if given < needed {
            return Err(too_small);
        }
        let floats = front_end.scratch_len() + front_end.features() + sizes.labels;
        let (floats, rest) = memory.split_at_mut_checked(4 * floats).ok_or(too_small)?;
        let floats = bytemuck::try_cast_slice_mut::<u8, f32>(floats).map_err(|_| Error::MisalignedMemory)?;
        let samples = rest.get_mut(..2 * front_end.spec().window_length).ok_or(too_small)?;
        let samples = bytemuck::try_cast_slice_mut::<u8, i16>(samples).map_err(|_| Error::MisalignedMemory)?;
        let (scratch, floats) = floats.split_at_mut(front_end.scratch_len());
        let (frame, outputs) = floats.split_at_mut(front_end.features());
        Ok(Self {
            model,
            network,
            framer: Framer::new(samples, front_end.spec().hop_length)?,
            front_end,
            scratch,
            frame,
            outputs,
            frames: 0,
        })
    }

    /// Classifies one window: exactly [`Model::window_samples`] samples at the model's sample rate.
    ///
    /// It forgets what was heard before. A front end for [clips only](crate::frontend::ClipSettings) takes the window for the clip. The outputs are raw: before softmax or sigmoid.
    ///
    /// # Errors
    /// [`Error::BufferLength`] with the number of samples needed; what the network says, and [`Error::NetworkFailed`] if it has no
    /// outputs for a whole window: neither from [`PlanEngine`].
    pub fn classify(&mut self, samples: &[i16]) -> Result<&[f32], Error> {
        let needed = self.model.window_samples();
        if samples.len() != needed {
            return Err(Error::BufferLength { buffer: "samples", needed, given: samples.len() });
        }
        self.reset();
        if self.front_end.spec().clip.refusal().is_some() {
            let network = &mut self.network;
            let memory = (&mut *self.scratch, &mut *self.frame);
            self.front_end.clip(samples, &mut self.framer, memory, |features| network.push_frame(features))?;
        } else {
            let mut rest = samples;
            while self.next_frame(&mut rest)? {}
        }
        if self.network.outputs(self.outputs)? { Ok(self.outputs) } else { Err(Error::NetworkFailed) }
    }

    /// Takes samples from the front of `samples` until the next frame is complete, and shows its features to the network.
    ///
    /// For sound that goes on: frames of neighbouring windows are computed once. `false` means that all samples were taken and the
    /// next frame needs more of them; call it until then.
    ///
    /// # Errors
    /// [`Error::ClipsOnly`] for a front end that no stream can have; what the network says of the frame, none from [`PlanEngine`].
    pub fn next_frame(&mut self, samples: &mut &[i16]) -> Result<bool, Error> {
        if let Some(why) = self.front_end.spec().clip.refusal() {
            return Err(Error::ClipsOnly { why });
        }
        let Some(frame) = self.framer.next_frame(samples) else { return Ok(false) };
        // A quantised feature takes a fourth of the room.
        let places = bytemuck::cast_slice_mut::<f32, i8>(self.frame);
        let quantised = places.get_mut(..self.front_end.features()).unwrap_or_default();
        if self.front_end.quantised_frame(frame, self.scratch, quantised)? {
            self.network.push_quantised(quantised)?;
        } else {
            self.front_end.frame(frame, self.scratch, self.frame)?;
            self.network.push_frame(self.frame)?;
        }
        self.frames += 1;
        Ok(true)
    }

    /// The raw outputs for the window that ends with the last frame, the same as [`classify`](Self::classify) gives for its
    /// samples; `None` before the first full window. They can be made into scores where they stand.
    ///
    /// # Errors
    /// What the network says; none from [`PlanEngine`].
    pub fn outputs(&mut self) -> Result<Option<&mut [f32]>, Error> {
        let ready = self.network.outputs(self.outputs)?;
        Ok(ready.then_some(&mut *self.outputs))
    }

    /// Hears any number of samples of a stream, and calls `on_step` for each window that they complete.
    ///
    /// Windows end on a grid of [`Model::step_samples`] that begins with the first full window after [`new`](Recognizer::new) or
    /// [`reset`](Self::reset); how the samples are cut into calls makes no difference. `on_step` gets the number of samples from there
    /// to the end of the window's last frame, and the raw outputs, which are those of [`classify`](Self::classify) bit for bit and may
    /// be made into scores where they stand.
    ///
    /// The work is in proportion to the samples: a frame's features a hop, an evaluation a step.
    ///
    /// # Errors
    /// As [`next_frame`](Self::next_frame). The samples up to the frame at fault were heard.
    pub fn push(&mut self, samples: &[i16], mut on_step: impl FnMut(u64, &mut [f32])) -> Result<(), Error> {
        let spec = self.front_end.spec();
        let (hop, frame) = (spec.hop_length as u64, spec.window_length as u64);
        let mut rest = samples;
        while self.next_frame(&mut rest)? {
            if self.network.outputs(self.outputs)? {
                on_step((self.frames - 1) * hop + frame, self.outputs);
            }
        }
        Ok(())
    }

    /// Forgets everything heard.
    pub fn reset(&mut self) {
        self.framer.reset();
        self.network.reset();
        self.frames = 0;
    }

    /// The model.
    #[must_use]
    pub const fn model(&self) -> &Model<'m> {
        &self.model
    }

    /// The network, for a look at its quantised values.
    pub fn network(&mut self) -> &mut N {
        &mut self.network
    }
}
