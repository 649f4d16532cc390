//! A network that remembers what it was shown and what it said.

use earmark_core::Error;
use earmark_core::engine::{Network, PlanEngine};
use earmark_core::frontend::conformance::Fingerprint;
use embedded_io::{Write, WriteFmtError};

/// What is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// Nothing: everything is only passed on.
    Nothing,
    /// Features. (To look at the outputs of a window is to compute them again.)
    Features,
    /// Features and outputs.
    Everything,
}

/// The plan's engine, with the fingerprints of all features and of all int8 outputs so far.
#[derive(Debug)]
pub struct Witness<'m, 'b> {
    engine: PlanEngine<'m, 'b>,
    watch: Watch,
    features: Fingerprint,
    outputs: Fingerprint,
}

impl<'m, 'b> Witness<'m, 'b> {
    /// Watches `engine`.
    pub fn new(engine: PlanEngine<'m, 'b>, watch: Watch) -> Self {
        Self { engine, watch, features: Fingerprint::default(), outputs: Fingerprint::default() }
    }

    /// Writes a line on a window: fingerprints of the features shown since the last one and of the window's quantised features, the
    /// outputs' bytes, and whether the LED is lit.
    pub fn write_window<W: Write>(&mut self, output: &mut W, lit: bool) -> Result<(), WriteFmtError<W::Error>> {
        let features = core::mem::take(&mut self.features).value();
        let mut quantised = Fingerprint::default();
        quantised.update_bytes(self.engine.quantised_features().iter().map(|value| value.cast_unsigned()));
        let quantised = quantised.value();
        write!(output, "{{\"features\":\"{features:016x}\",\"quantised\":\"{quantised:016x}\",\"outputs\":\"")?;
        for value in self.engine.quantised_outputs().unwrap_or_default() {
            write!(output, "{:02x}", value.cast_unsigned())?;
        }
        writeln!(output, "\",\"led\":{lit}}}")
    }

    /// Writes a line on a stream: fingerprints of all features, all int8 outputs and all scores, of which there were this many windows.
    pub fn write_stream<W: Write>(
        &self,
        output: &mut W,
        (windows, scores): (u32, Fingerprint),
    ) -> Result<(), WriteFmtError<W::Error>> {
        let [features, outputs, scores] = [self.features, self.outputs, scores].map(|fingerprint| fingerprint.value());
        writeln!(
            output,
            "{{\"windows\":{windows},\"features\":\"{features:016x}\",\"outputs\":\"{outputs:016x}\",\"scores\":\"{scores:016x}\"}}"
        )
    }
}

impl Network for Witness<'_, '_> {
    fn reset(&mut self) {
        self.engine.reset();
    }

    fn push_frame(&mut self, features: &[f32]) -> Result<(), Error> {
        if self.watch != Watch::Nothing {
            self.features.update(features);
        }
        self.engine.push_frame(features)
    }

    fn push_quantised(&mut self, features: &[i8]) -> Result<(), Error> {
        if self.watch != Watch::Nothing {
            self.features.update_bytes(features.iter().map(|value| value.cast_unsigned()));
        }
        self.engine.push_quantised(features)
    }

    fn outputs(&mut self, outputs: &mut [f32]) -> Result<bool, Error> {
        let is_ready = self.engine.outputs(outputs)?;
        if self.watch == Watch::Everything && is_ready {
            let values = self.engine.quantised_outputs().unwrap_or_default();
            self.outputs.update_bytes(values.iter().map(|value| value.cast_unsigned()));
        }
        Ok(is_ready)
    }
}
