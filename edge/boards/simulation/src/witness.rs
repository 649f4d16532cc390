//! A network that remembers what it was shown.

use earmark_core::Error;
use earmark_core::engine::{Network, PlanEngine};
use earmark_core::frontend::conformance::Fingerprint;
use embedded_io::{Write, WriteFmtError};

/// The plan's engine, with the fingerprint of all features since the last [`write_to`](Self::write_to).
#[derive(Debug)]
pub struct Witness<'m, 'b> {
    engine: PlanEngine<'m, 'b>,
    features: Fingerprint,
}

impl<'m, 'b> Witness<'m, 'b> {
    /// Watches what `engine` is shown.
    pub fn new(engine: PlanEngine<'m, 'b>) -> Self {
        Self { engine, features: Fingerprint::default() }
    }

    /// Writes a line: fingerprints of the features and of the window's quantised features, the outputs' bytes, and whether the LED is
    /// lit.
    pub fn write_to<W: Write>(&mut self, output: &mut W, lit: bool) -> Result<(), WriteFmtError<W::Error>> {
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
}

impl Network for Witness<'_, '_> {
    fn reset(&mut self) {
        self.features = Fingerprint::default();
        self.engine.reset();
    }

    fn push_frame(&mut self, features: &[f32]) -> Result<(), Error> {
        self.features.update(features);
        self.engine.push_frame(features)
    }

    fn outputs(&mut self, outputs: &mut [f32]) -> Result<bool, Error> {
        self.engine.outputs(outputs)
    }
}
