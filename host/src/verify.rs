//! The engine and the reference runtime side by side.

use earmark_core::engine::{Network, PlanEngine};
use earmark_core::model::Model;
use earmark_core::recognizer::Recognizer;

use crate::Error;
use crate::random::SplitMix;
use crate::reference::ReferenceNetwork;

/// How well the two agree.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Agreement {
    /// Windows that both evaluated.
    pub windows: usize,
    /// Outputs compared.
    pub values: usize,
    /// Outputs that differ.
    pub differing: usize,
    /// Where they differ most.
    pub worst: Option<Disagreement>,
}

/// One output on which they differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Disagreement {
    /// What was heard.
    pub source: String,
    /// Which of its windows, from 0.
    pub window: usize,
    /// Which output, from 0.
    pub output: usize,
    /// The engine's value.
    pub core: f32,
    /// The reference's value.
    pub reference: f32,
    /// How far apart they are, in steps of the quantised output.
    pub steps: u32,
}

/// Shows the same sound or features to both and keeps count.
pub struct Verifier<'m> {
    model: Model<'m>,
    reference: ReferenceNetwork,
    /// Memory for the engine and the front end, in words because it must start at a multiple of 4 bytes.
    memory: Vec<u32>,
    agreement: Agreement,
}

impl<'m> Verifier<'m> {
    /// Prepares both: the engine runs `model`, the reference the ONNX file `onnx`.
    ///
    /// # Errors
    /// [`Error::Onnx`] if the reference cannot run the file in the model's place.
    pub fn new(model: Model<'m>, onnx: &[u8]) -> Result<Self, Error> {
        let reference = ReferenceNetwork::new(onnx, &model)?;
        let memory = vec![0; model.sizes().recognizer.div_ceil(size_of::<u32>())];
        Ok(Self { model, reference, memory, agreement: Agreement::default() })
    }

    /// How well both have agreed so far.
    #[must_use]
    pub fn agreement(&self) -> &Agreement {
        &self.agreement
    }

    /// Compares both on every window of a clip, a frame apart; a clip that is shorter than a window ends in silence. Where features
    /// depend on the whole window, windows follow each other instead.
    ///
    /// # Errors
    /// What the reference says when it fails.
    pub fn hear(&mut self, source: &str, clip: &[i16]) -> Result<(), Error> {
        let mut clip = clip.to_vec();
        clip.resize(clip.len().max(self.model.window_samples()), 0);
        let sizes = self.model.sizes();
        let (engine, rest) = bytemuck::cast_slice_mut(&mut self.memory).split_at_mut(sizes.engine);
        let mut both = SideBySide {
            core: PlanEngine::new(self.model, engine)?,
            reference: &mut self.reference,
            agreement: &mut self.agreement,
            step: self.model.output().scale,
            source,
            window: 0,
        };
        both.reset();
        let mut recognizer = Recognizer::with_network(self.model, both, rest)?;
        if self.model.front_end().clip.refusal().is_some() {
            for window in clip.chunks_exact(self.model.window_samples()) {
                recognizer.classify(window)?;
            }
            return Ok(());
        }
        let mut samples = clip.as_slice();
        while recognizer.next_frame(&mut samples)? {
            recognizer.outputs()?;
        }
        Ok(())
    }

    /// Compares both on windows of random features that use the whole range of the quantised input and go a little
    /// beyond it.
    ///
    /// # Errors
    /// What the reference says when it fails.
    pub fn imagine(&mut self, seed: u64, windows: usize) -> Result<(), Error> {
        const REACH: f32 = 1.05;
        let (input, features) = (self.model.input(), self.model.features());
        let engine = bytemuck::cast_slice_mut(&mut self.memory);
        let mut both = SideBySide {
            core: PlanEngine::new(self.model, engine)?,
            reference: &mut self.reference,
            agreement: &mut self.agreement,
            step: self.model.output().scale,
            source: "random features",
            window: 0,
        };
        let mut random = SplitMix(seed);
        let mut outputs = vec![0.0; self.model.label_count()];
        for _ in 0..windows {
            both.reset();
            for _ in 0..self.model.frames() {
                let mut feature = || {
                    let byte = (random.unit() - 0.5) * 256.0 * REACH - 0.5;
                    (byte - f32::from(input.zero_point)) * input.scale
                };
                let frame: Vec<f32> = (0..features).map(|_| feature()).collect();
                both.push_frame(&frame)?;
            }
            both.outputs(&mut outputs)?;
        }
        Ok(())
    }
}

/// Two networks as one, which gives the engine's outputs and counts where the reference's differ.
struct SideBySide<'a, 'm> {
    core: PlanEngine<'m, 'a>,
    reference: &'a mut ReferenceNetwork,
    agreement: &'a mut Agreement,
    /// Size of one step of the quantised outputs.
    step: f32,
    source: &'a str,
    window: usize,
}

impl Network for SideBySide<'_, '_> {
    fn reset(&mut self) {
        self.core.reset();
        self.reference.reset();
    }

    fn push_frame(&mut self, features: &[f32]) -> Result<(), earmark_core::Error> {
        self.core.push_frame(features)?;
        self.reference.push_frame(features)
    }

    fn push_quantised(&mut self, features: &[i8]) -> Result<(), earmark_core::Error> {
        self.core.push_quantised(features)?;
        self.reference.push_quantised(features)
    }

    fn outputs(&mut self, outputs: &mut [f32]) -> Result<bool, earmark_core::Error> {
        let mut expected = vec![0.0; outputs.len()];
        let ready = self.core.outputs(outputs)?;
        if self.reference.outputs(&mut expected)? && ready {
            self.compare(outputs, &expected);
        }
        Ok(ready)
    }
}

impl SideBySide<'_, '_> {
    fn compare(&mut self, core: &[f32], reference: &[f32]) {
        let agreement = &mut *self.agreement;
        for (output, (&core, &reference)) in core.iter().zip(reference).enumerate() {
            // Both are multiples of the step, up to rounding.
            let steps = ((core - reference).abs() / self.step).round() as u32;
            agreement.values += 1;
            agreement.differing += usize::from(steps > 0);
            if steps > agreement.worst.as_ref().map_or(0, |worst| worst.steps) {
                let source = self.source.to_owned();
                agreement.worst = Some(Disagreement { source, window: self.window, output, core, reference, steps });
            }
        }
        agreement.windows += 1;
        self.window += 1;
    }
}
