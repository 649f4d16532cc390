//! From a plan for a whole window to one for a step of a stream.
//!
//! Along time a network without padding is the same everywhere: row `j` of a tensor is computed from the same neighbours whatever the
//! window. Neighbouring windows, one *stride* of frames apart, therefore share all rows but the newest. A step computes these and keeps
//! of the older rows what later steps read: a *delay line* a tensor. Means over the whole window become running sums.
//!
//! Rows are counted within the window. A tensor of `rows` rows, of which a step brings `fresh`, holds in its delay line the last `kept`
//! of the window's rows, and an operator that computes the newest rows of its output reads from the line what lies under them. Before the
//! first full window some rows lie before the first frame: they hold nothing sensible, and no row that lies behind it reads them.
//!
//! A recurrent layer begins each window with an empty state, so that a step takes all of its rows anew, from a delay line. A network that was
//! trained to go on may have its state *carried* instead: a step takes the new rows only, what is remembered is cleared by a reset, and the
//! scores are those of one window that begins at the last reset. For that nothing else may see more of a window than its newest row.

#[cfg(test)]
mod tests;

use super::import::printable;
use super::ir::{Graph, Kind, Op, Place, TensorId, Window};

/// A network as it runs step by step.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// The operators of a step. Its tensors are delay lines, and what lives within a step.
    pub graph: Graph,
    /// Frames of a step.
    pub stride: usize,
    /// Delay lines that move, by how many values a step; the features' first.
    pub delays: Vec<(TensorId, usize)>,
}

/// Where a tensor stands in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Timeline {
    /// Row after row, one every `frames` frames.
    Rows { rows: usize, row: usize, frames: usize },
    /// A value for the window as a whole, computed anew each step.
    Whole,
}

/// How a step evaluates an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// The newest rows of the output: row `j` reads rows `first + j · stride` to `… + extent − 1` of its inputs. A row of the operator's
    /// own view is `1 / parts` of a row in time.
    Rows { stride: usize, extent: usize, parts: usize },
    /// All of what it reads in a window.
    Window,
    /// The new rows of what it reads, with what is remembered of those before: a mean over all rows, or the last step of a carried state.
    Fresh,
}

/// What recurrent layers remember of what was before a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing: each window begins anew.
    #[default]
    Empty,
    /// All since the last reset.
    Carried,
}

/// Turns a network into steps.
///
/// # Errors
/// Why it can't stream, in words that name the node.
pub fn stream(graph: &Graph, state: State) -> Result<Stream, String> {
    let analysis = Analysis::new(graph, state)?;
    let stride = analysis.stride;
    if stride > graph.frames {
        return Err(format!("its stride along time, {stride} frames, is longer than its window"));
    }
    if state == State::Carried {
        analysis.check_carried()?;
    }
    Ok(analysis.rewrite())
}

struct Analysis<'a> {
    graph: &'a Graph,
    timelines: Vec<Option<Timeline>>,
    readings: Vec<Reading>,
    stride: usize,
    state: State,
}

impl<'a> Analysis<'a> {
    fn new(graph: &'a Graph, state: State) -> Result<Self, String> {
        let timelines = vec![None; graph.tensors.len()];
        let mut analysis = Self { graph, timelines, readings: Vec::new(), stride: 1, state };
        let features = Timeline::Rows { rows: graph.frames, row: graph.features, frames: 1 };
        analysis.timelines[Graph::FEATURES] = Some(features);
        for op in &graph.ops {
            let (reading, output) = analysis.reading(op).map_err(|why| format!("{} {why}", printable(&op.node)))?;
            let known = analysis.timelines[op.output.tensor].replace(output);
            if known.is_some_and(|known| known != output) {
                return Err(format!("{} joins what has different rows in time", printable(&op.node)));
            }
            analysis.readings.push(reading);
        }
        for timeline in analysis.timelines.iter().flatten() {
            if let Timeline::Rows { frames, .. } = timeline {
                analysis.stride = least_common_multiple(analysis.stride, *frames);
            }
        }
        Ok(analysis)
    }

    /// How an operator is evaluated, and where in time its output stands.
    fn reading(&self, op: &Op) -> Result<(Reading, Timeline), &'static str> {
        let inputs: Vec<Timeline> =
            op.inputs.iter().map(|place| self.timelines[place.tensor].unwrap_or(Timeline::Whole)).collect();
        let Some(Timeline::Rows { frames, .. }) = inputs.iter().find(|input| **input != Timeline::Whole).copied()
        else {
            return Ok((Reading::Window, Timeline::Whole));
        };
        match &op.kind {
            Kind::Convolution(filter) => self.sliding(op, &filter.window, frames, false),
            Kind::MaxPool(window) => self.sliding(op, window, frames, false),
            Kind::AveragePool { window, .. } => self.sliding(op, window, frames, true),
            Kind::Copy { from, to, extent } => {
                let whole_height = from[0] == 0 && to[0] == 0 && extent[0] == op.output.shape[0];
                if !whole_height || op.inputs[0].shape[0] != extent[0] {
                    return Err("joins or cuts along time");
                }
                self.row_by_row(op, frames)
            }
            Kind::Lookup(_) | Kind::Int16Lookup(_) | Kind::Add(_) | Kind::Multiply(_) => {
                if inputs.contains(&Timeline::Whole) {
                    let is_repeated = op.inputs.iter().any(|input| input.length() != op.output.length());
                    return if is_repeated {
                        Err("spreads what is known of a whole window over its frames")
                    } else {
                        Ok((Reading::Window, Timeline::Whole))
                    };
                }
                self.row_by_row(op, frames)
            }
            Kind::Recurrent { .. } if self.state == State::Empty => Ok((Reading::Window, Timeline::Whole)),
            Kind::Recurrent { .. } if op.output.shape[0] == op.inputs[0].shape[0] => self.row_by_row(op, frames),
            Kind::Recurrent { .. } => match self.rows(&op.inputs[0]) {
                Some(rows) if rows == op.inputs[0].shape[0] => Ok((Reading::Fresh, Timeline::Whole)),
                _ => Err("mixes time with another axis"),
            },
            Kind::RunningMean { .. } => Err("is part of a stream already"),
        }
    }

    /// An operator whose window slides over time.
    fn sliding(
        &self,
        op: &Op,
        window: &Window,
        frames: usize,
        is_mean: bool,
    ) -> Result<(Reading, Timeline), &'static str> {
        let input = &op.inputs[0];
        let [height, width, channels] = op.output.shape;
        let Some(rows) = self.rows(input).filter(|&rows| rows == input.shape[0]) else {
            // Flattened, or with time in another place: all of it is read at once.
            return if height * width == 1 {
                Ok((Reading::Window, Timeline::Whole))
            } else {
                Err("mixes time with another axis")
            };
        };
        let extent = (window.kernel[0] - 1) * window.dilation[0] + 1;
        if window.pad[0] > 0 || (height - 1) * window.stride[0] + extent > rows {
            return Err("pads the time axis");
        }
        if height > 1 {
            let reading = Reading::Rows { stride: window.stride[0], extent, parts: 1 };
            let timeline = Timeline::Rows { rows: height, row: width * channels, frames: frames * window.stride[0] };
            return Ok((reading, timeline));
        }
        // A mean over the whole height and either all of the width or each column for itself.
        let across = window.kernel[1] == input.shape[1] && width == 1;
        let each = window.kernel[1] == 1 && window.stride[1] == 1 && width == input.shape[1];
        let is_running =
            is_mean && extent == rows && window.pad[1] == 0 && (across || each) && rows * window.kernel[1] <= 65_536;
        Ok((if is_running { Reading::Fresh } else { Reading::Window }, Timeline::Whole))
    }

    /// Whether an operator's state is carried.
    fn is_carried(&self, op: &Op) -> bool {
        let goes_on = |place: &Place| matches!(self.timelines[place.tensor], Some(Timeline::Rows { .. }));
        self.state == State::Carried && matches!(op.kind, Kind::Recurrent { .. }) && op.inputs.iter().all(goes_on)
    }

    /// Whether each step's scores are those of one window since the last reset: recurrent layers get all of their rows, and nothing else
    /// sees more of a window than its newest row.
    fn check_carried(&self) -> Result<(), String> {
        let is_newest = |place: &Place| match self.timelines[place.tensor] {
            Some(Timeline::Rows { rows, row, .. }) => place.offset >= (rows - 1) * row,
            _ => true,
        };
        for (op, &reading) in self.graph.ops.iter().zip(&self.readings) {
            let node = printable(&op.node);
            if self.is_carried(op) {
                let (fresh, _) = self.fresh_of(op.inputs[0].tensor);
                if let Some(Timeline::Rows { frames, .. }) = self.timelines[op.inputs[0].tensor]
                    && (fresh * frames != self.stride || fresh > op.inputs[0].shape[0])
                {
                    return Err(format!("{node} has fewer rows in a window than a step brings"));
                }
            } else if !matches!(reading, Reading::Rows { .. }) && !op.inputs.iter().all(is_newest) {
                return Err(format!("{node} sees only a window, and so not all that a carried state remembers"));
            }
        }
        if is_newest(&self.graph.output) { Ok(()) } else { Err("its output is more than the newest row".to_owned()) }
    }

    /// Rows that a carried state is not to see: those of the steps up to the first full window that lie before it.
    fn skipped(&self, op: &Op) -> usize {
        let (fresh, _) = self.fresh_of(op.inputs[0].tensor);
        let rows = self.rows(&op.inputs[0]).unwrap_or(0);
        (fresh * self.graph.frames.div_ceil(self.stride)).saturating_sub(rows)
    }

    /// An operator that works row by row: its output and its inputs have the same rows.
    fn row_by_row(&self, op: &Op, frames: usize) -> Result<(Reading, Timeline), &'static str> {
        let rows: Option<Vec<usize>> = op.inputs.iter().map(|input| self.rows(input)).collect();
        let Some(rows) = rows.filter(|rows| rows.iter().all(|&other| other == rows[0])) else {
            return Err("mixes time with another axis");
        };
        let rows = rows[0];
        let same_frames = op.inputs.iter().all(|input| {
            matches!(self.timelines[input.tensor], Some(Timeline::Rows { frames: other, .. }) if other == frames)
        });
        let parts = op.output.shape[0] / rows;
        let by_height =
            op.output.shape[0] == parts * rows && op.inputs.iter().all(|input| input.shape[0] == op.output.shape[0]);
        if !same_frames || !by_height {
            return Err("mixes time with another axis");
        }
        let row = op.output.length() / rows;
        let reading = Reading::Rows { stride: 1, extent: 1, parts };
        Ok((reading, Timeline::Rows { rows, row, frames }))
    }

    /// The rows in time that a place covers; `None` unless it is whole rows.
    fn rows(&self, place: &Place) -> Option<usize> {
        let Some(Timeline::Rows { row, .. }) = self.timelines[place.tensor] else { return None };
        (place.offset.is_multiple_of(row) && place.length().is_multiple_of(row)).then(|| place.length() / row)
    }

    /// Rows of a tensor that a step brings, and those that a window has; 1 and 1 for values of the window as a whole.
    fn fresh_of(&self, tensor: TensorId) -> (usize, usize) {
        match self.timelines[tensor] {
            Some(Timeline::Rows { rows, frames, .. }) => (rows.min(self.stride / frames), rows),
            _ => (1, 1),
        }
    }

    fn row_length(&self, tensor: TensorId) -> usize {
        match self.timelines[tensor] {
            Some(Timeline::Rows { row, .. }) => row,
            _ => self.graph.tensors[tensor],
        }
    }

    /// The rows of the window that an operator reads of an input in a step: the first, and how many.
    fn read(&self, op: &Op, reading: Reading, input: &Place) -> (usize, usize) {
        if !matches!(self.timelines[input.tensor], Some(Timeline::Rows { .. })) {
            return (0, 1);
        }
        let row = self.row_length(input.tensor);
        let first = input.offset / row;
        let end = (input.offset + input.length()).div_ceil(row);
        match reading {
            Reading::Window => (first, end - first),
            Reading::Fresh => {
                let (fresh, _) = self.fresh_of(input.tensor);
                let fresh = fresh.min(end - first);
                (end - fresh, fresh)
            }
            Reading::Rows { stride, extent, .. } => {
                let (fresh, rows) = self.fresh_of(op.output.tensor);
                (first + (rows - fresh) * stride, (fresh - 1) * stride + extent)
            }
        }
    }

    /// For each tensor the rows at the window's end that its delay line keeps.
    fn kept(&self) -> Vec<usize> {
        let mut kept: Vec<usize> = (0..self.graph.tensors.len()).map(|tensor| self.fresh_of(tensor).0).collect();
        let mut need = |tensor: TensorId, first: usize| {
            let (_, rows) = self.fresh_of(tensor);
            kept[tensor] = kept[tensor].max(rows - first);
        };
        for (op, &reading) in self.graph.ops.iter().zip(&self.readings) {
            for input in &op.inputs {
                need(input.tensor, self.read(op, reading, input).0);
            }
        }
        let output = &self.graph.output;
        need(output.tensor, output.offset / self.row_length(output.tensor));
        kept
    }

    fn rewrite(&self) -> Stream {
        let kept = self.kept();
        let mut tensors: Vec<usize> =
            kept.iter().enumerate().map(|(tensor, &rows)| rows * self.row_length(tensor)).collect();
        let mut delays = Vec::new();
        for (tensor, &rows) in kept.iter().enumerate() {
            // Where older rows are kept, a step brings fewer than a window has: all of its rows are fresh ones.
            let (fresh, _) = self.fresh_of(tensor);
            if tensor == Graph::FEATURES || rows > fresh {
                delays.push((tensor, fresh * self.row_length(tensor)));
            }
        }
        // Where in a tensor's line a row of the window stands.
        let place =
            |tensor: TensorId, row: usize| (row + kept[tensor] - self.fresh_of(tensor).1) * self.row_length(tensor);
        let mut states = Vec::new();
        let mut ops = Vec::new();
        for (op, &reading) in self.graph.ops.iter().zip(&self.readings) {
            let mut step = op.clone();
            for (input, place_in_step) in op.inputs.iter().zip(&mut step.inputs) {
                let (first, count) = self.read(op, reading, input);
                let row = self.row_length(input.tensor);
                place_in_step.offset = match self.timelines[input.tensor] {
                    Some(Timeline::Rows { .. }) => place(input.tensor, first) + input.offset % row,
                    _ => input.offset,
                };
                match reading {
                    Reading::Rows { parts, .. } => place_in_step.shape[0] = count * parts,
                    Reading::Fresh => place_in_step.shape[0] = count,
                    Reading::Window => {}
                }
            }
            if let Reading::Rows { parts, .. } = reading {
                let (fresh, rows) = self.fresh_of(op.output.tensor);
                step.output.offset = place(op.output.tensor, rows - fresh);
                step.output.shape[0] = fresh * parts;
                if let Kind::Copy { extent, .. } = &mut step.kind {
                    extent[0] = fresh * parts;
                }
            }
            if let (true, Kind::Recurrent { state, carried, .. }) = (self.is_carried(op), &mut step.kind) {
                *carried = Some(self.skipped(op));
                // The number of rows that were left out.
                tensors[*state] += 4;
                states.push(*state);
            }
            if let (Reading::Fresh, Kind::AveragePool { window, ratio, .. }) = (reading, &op.kind) {
                let input = &mut step.inputs[0];
                // Columns that are not averaged over are so many channels more.
                if window.kernel[1] == 1 {
                    input.shape = [input.shape[0], 1, input.shape[1] * input.shape[2]];
                    step.output.shape = [1, 1, input.shape[2]];
                }
                let channels = input.shape[2];
                let rows = window.kernel[0];
                let row = input.shape[1] * channels * self.graph.element(input.tensor).bytes();
                let state = rows * row + 4 + 4 * channels;
                states.push(tensors.len());
                step.kind = Kind::RunningMean { state: tensors.len(), rows, ratio: *ratio };
                tensors.push(state);
            }
            ops.push(step);
        }
        let mut output = self.graph.output;
        if let Some(Timeline::Rows { row, .. }) = self.timelines[output.tensor] {
            output.offset = place(output.tensor, output.offset / row) + output.offset % row;
        }
        let lasting = delays.iter().map(|&(tensor, _)| tensor).chain(states).collect();
        let graph = Graph { tensors, ops, lasting, output, ..self.graph.clone() };
        Stream { graph, stride: self.stride, delays }
    }
}

fn least_common_multiple(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    a / x.max(1) * b
}
