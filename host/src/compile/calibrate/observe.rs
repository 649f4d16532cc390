//! Running a graph on windows of features and looking at tensors within it.

use std::collections::HashMap;

use tract_onnx::prelude::*;

use super::range::{Histogram, Ranges};
use crate::Error;
use crate::compile::import::{describe, printable, runnable};
use crate::guard::shielded;

/// Most values that all tensors of a window may have together.
const MAX_VALUES: usize = 1 << 26;

/// How many windows a number of values allows, of which a graph's tensors have some each.
pub(super) fn affordable(graph: &TypedModel, values: usize) -> usize {
    let lengths = graph.nodes().iter().flat_map(|node| &node.outputs).map(|output| {
        let shape = output.fact.shape.as_concrete().filter(|_| output.fact.konst.is_none());
        shape.map_or(0, |shape| shape.iter().product::<usize>())
    });
    values / lengths.fold(1, usize::saturating_add)
}

/// Parts that windows are divided into, to be worked on at the same time.
const PARTS: usize = 4;
/// A range that nothing is in.
const NOTHING: [f32; 2] = [f32::INFINITY, f32::NEG_INFINITY];

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

/// What is found of a tensor before its histogram.
#[derive(Clone)]
struct Extent {
    /// The sum of each of its values.
    sums: Vec<f64>,
    range: Vec<[f32; 2]>,
}

impl Extent {
    fn of(
        graph: &TypedModel,
        outlets: &[OutletId],
        observer: &Observer,
        windows: &[Tensor],
    ) -> Result<Vec<Self>, Error> {
        let none = Self { sums: Vec::new(), range: Vec::new() };
        let mut extents = vec![none; outlets.len()];
        for window in windows {
            for ((extent, outlet), values) in extents.iter_mut().zip(outlets).zip(observer.run(window)?) {
                if !values.iter().all(|value| value.is_finite()) {
                    let name = printable(&graph.node(outlet.node).name);
                    return Err(Error::Onnx { what: format!("node {name} gives infinite numbers, or none") });
                }
                extent.take_in(&values);
            }
        }
        Ok(extents)
    }

    fn take_in(&mut self, values: &[f32]) {
        self.sums.resize(values.len(), 0.0);
        self.range.resize(values.len(), NOTHING);
        for ((sum, range), &value) in self.sums.iter_mut().zip(&mut self.range).zip(values) {
            *sum += f64::from(value);
            *range = wider(*range, [value; 2]);
        }
    }

    /// The least and the greatest value.
    fn bounds(&self) -> [f32; 2] {
        self.range.iter().fold(NOTHING, |bounds, &range| wider(bounds, range))
    }

    fn widen(&mut self, other: &Self) {
        self.sums.resize(other.sums.len(), 0.0);
        self.sums.iter_mut().zip(&other.sums).for_each(|(sum, other)| *sum += other);
        self.range.resize(other.range.len(), NOTHING);
        self.range.iter_mut().zip(&other.range).for_each(|(range, &other)| *range = wider(*range, other));
    }
}

/// Works on all windows, part by part and at the same time. The parts are always the same, so that their sums are.
///
/// # Errors
/// Those of `work`.
pub(super) fn in_parts<T: Send>(
    windows: &[Tensor],
    work: impl Fn(&[Tensor]) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    let work = &work;
    std::thread::scope(|scope| {
        let parts = windows.chunks(windows.len().div_ceil(PARTS).max(1));
        let running: Vec<_> = parts.map(|part| scope.spawn(move || work(part))).collect();
        let failed = || Error::Onnx { what: "tract cannot run it".to_owned() };
        running.into_iter().map(|part| part.join().unwrap_or_else(|_| Err(failed()))).collect()
    })
}

/// Runs a graph on all windows: for the bounds of each tensor of real numbers and, once more, for what lies between them if `ranges` go by
/// that.
///
/// # Errors
/// [`Error::Onnx`] if tract fails or a tensor holds something that is no number.
pub(super) fn observe(
    graph: &TypedModel,
    windows: &[Tensor],
    ranges: Ranges,
) -> Result<HashMap<OutletId, Observed>, Error> {
    let outlets: Vec<OutletId> = (graph.nodes().iter())
        .flat_map(|node| node.outputs.iter().enumerate().map(|(slot, output)| (OutletId::new(node.id, slot), output)))
        .filter(|(_, output)| output.fact.datum_type == DatumType::F32 && output.fact.konst.is_none())
        .map(|(outlet, _)| outlet)
        .collect();
    let observer = Observer::new(graph, &outlets)?;
    let parts = in_parts(windows, |windows| Extent::of(graph, &outlets, &observer, windows))?;
    let mut parts = parts.into_iter();
    let Some(mut extents) = parts.next() else { return Ok(HashMap::new()) };
    parts.for_each(|part| extents.iter_mut().zip(part).for_each(|(extent, other)| extent.widen(&other)));
    let empty: Vec<Histogram> = extents.iter().map(|extent| Histogram::new(extent.bounds())).collect();
    let counted = if ranges == Ranges::MinMax { &[] } else { windows };
    let parts = in_parts(counted, |windows| {
        let mut histograms = empty.clone();
        for window in windows {
            for (histogram, values) in histograms.iter_mut().zip(observer.run(window)?) {
                values.into_iter().for_each(|value| histogram.add(value));
            }
        }
        Ok(histograms)
    })?;
    let mut histograms = empty;
    for part in parts {
        histograms.iter_mut().zip(&part).for_each(|(histogram, other)| histogram.join(other));
    }
    let mean = |sums: Vec<f64>| sums.into_iter().map(|sum| (sum / windows.len() as f64) as f32).collect();
    let values = histograms.into_iter().zip(extents);
    let observed =
        values.map(|(histogram, Extent { sums, range, .. })| Observed { histogram, mean: mean(sums), range });
    Ok(outlets.into_iter().zip(observed).collect())
}
