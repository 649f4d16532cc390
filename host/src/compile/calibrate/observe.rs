//! Running a graph on windows of features and looking at tensors within it.

use std::collections::HashMap;

use tract_onnx::prelude::*;

use super::range::Histogram;
use crate::Error;
use crate::compile::import::{describe, printable, runnable};
use crate::guard::shielded;

/// Most values that all tensors of a window may have together.
const MAX_VALUES: usize = 1 << 26;

/// A graph of which some tensors are looked at.
pub(super) struct Observer {
    runnable: Arc<TypedRunnableModel>,
    count: usize,
}

impl Observer {
    /// # Errors
    /// [`Error::Onnx`] if tract cannot run the graph, or it is too large.
    pub(super) fn new(graph: &TypedModel, outlets: &[OutletId]) -> Result<Self, Error> {
        let volumes = graph.nodes().iter().flat_map(|node| &node.outputs).map(|output| {
            output.fact.shape.as_concrete().and_then(|shape| shape.iter().try_fold(1usize, |a, &b| a.checked_mul(b)))
        });
        let total = volumes.sum::<Option<usize>>();
        if total.is_none_or(|total| total > MAX_VALUES) {
            return Err(Error::Onnx { what: "its tensors are too large, or have open sizes".to_owned() });
        }
        Ok(Self { runnable: run_shielded(|| runnable(graph.clone(), outlets))?, count: outlets.len() })
    }

    /// The tensors' values for one window, as real numbers.
    ///
    /// # Errors
    /// [`Error::Onnx`] if tract fails.
    pub(super) fn run(&self, window: &Tensor) -> Result<Vec<Vec<f32>>, Error> {
        run_shielded(|| {
            let outputs = self.runnable.run(tvec!(window.clone().into()))?;
            let values = |output: &TValue| -> TractResult<Vec<f32>> {
                Ok(output.cast_to::<f32>()?.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
            };
            outputs.iter().take(self.count).map(values).collect()
        })
    }
}

fn run_shielded<T>(work: impl FnOnce() -> TractResult<T>) -> Result<T, Error> {
    let outcome = shielded(work).unwrap_or_else(|| Err(TractError::msg("tract cannot run it")));
    outcome.map_err(|error| Error::Onnx { what: describe(&error) })
}

/// What a tensor holds over all windows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Observed {
    pub(super) histogram: Histogram,
    /// The mean of each of its values.
    pub(super) mean: Vec<f32>,
    /// The least and the greatest that each of its values was.
    pub(super) range: Vec<[f32; 2]>,
}

/// A range that holds two.
pub(super) fn wider([low, high]: [f32; 2], other: [f32; 2]) -> [f32; 2] {
    [low.min(other[0]), high.max(other[1])]
}

/// Runs a graph on all windows, twice: for the bounds of each tensor of real numbers and for what lies between them.
///
/// # Errors
/// [`Error::Onnx`] if tract fails or a tensor holds something that is no number.
pub(super) fn observe(graph: &TypedModel, windows: &[Tensor]) -> Result<HashMap<OutletId, Observed>, Error> {
    let outlets: Vec<OutletId> = (graph.nodes().iter())
        .flat_map(|node| node.outputs.iter().enumerate().map(|(slot, output)| (OutletId::new(node.id, slot), output)))
        .filter(|(_, output)| output.fact.datum_type == DatumType::F32 && output.fact.konst.is_none())
        .map(|(outlet, _)| outlet)
        .collect();
    let observer = Observer::new(graph, &outlets)?;
    let mut bounds = vec![[f32::INFINITY, f32::NEG_INFINITY]; outlets.len()];
    let mut means: Vec<Vec<f64>> = vec![Vec::new(); outlets.len()];
    let mut ranges: Vec<Vec<[f32; 2]>> = vec![Vec::new(); outlets.len()];
    for window in windows {
        for (index, values) in observer.run(window)?.iter().enumerate() {
            if !values.iter().all(|value| value.is_finite()) {
                let name = printable(&graph.node(outlets[index].node).name);
                return Err(Error::Onnx { what: format!("node {name} gives infinite numbers, or none") });
            }
            bounds[index] = values.iter().fold(bounds[index], |bounds, &value| wider(bounds, [value; 2]));
            means[index].resize(values.len(), 0.0);
            means[index].iter_mut().zip(values).for_each(|(mean, &value)| *mean += f64::from(value));
            ranges[index].resize(values.len(), [f32::INFINITY, f32::NEG_INFINITY]);
            ranges[index].iter_mut().zip(values).for_each(|(range, &value)| *range = wider(*range, [value; 2]));
        }
    }
    let mut histograms: Vec<Histogram> = bounds.into_iter().map(Histogram::new).collect();
    for window in windows {
        for (histogram, values) in histograms.iter_mut().zip(observer.run(window)?) {
            values.into_iter().for_each(|value| histogram.add(value));
        }
    }
    let mean = |sums: Vec<f64>| sums.into_iter().map(|sum| (sum / windows.len() as f64) as f32).collect();
    let values = histograms.into_iter().zip(means).zip(ranges);
    let observed = values.map(|((histogram, sums), range)| Observed { histogram, mean: mean(sums), range });
    Ok(outlets.into_iter().zip(observed).collect())
}
