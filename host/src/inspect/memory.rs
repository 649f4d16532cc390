//! Which bytes of the arena hold what, operator by operator.

use std::ops::Range;

use earmark_core::engine::layout;
use earmark_core::model::{Model, Op};

/// A value in the arena, from the operator that writes it to the last one that reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    /// The operator that writes it, from 0.
    pub from: usize,
    /// The last operator that needs it; the plan's last one for the network's outputs.
    pub to: usize,
    /// The bytes of the arena that it takes.
    pub bytes: Range<usize>,
}

/// The memory of a plan over the time that it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// The operators.
    pub ops: Vec<Op>,
    /// Bytes of the arena.
    pub arena: usize,
    /// What is kept from one run to the next: the features, of a stream all that it remembers.
    pub lasting: Vec<Range<usize>>,
    /// What operators write, in the order in which they do.
    pub lives: Vec<Life>,
}

impl Timeline {
    /// Of the plan for whole windows.
    #[must_use]
    pub fn window(model: &Model<'_>) -> Self {
        let features = 0..model.frames() * model.features() * model.input_element().bytes();
        Self::new(model.plan().collect(), model.arena_length(), vec![features], model.output_range())
    }

    /// Of the plan for a step of a stream; `None` if the network can't stream.
    #[must_use]
    pub fn stream(model: &Model<'_>) -> Option<Self> {
        let plan = model.streaming()?;
        let ops: Vec<Op> = plan.ops().collect();
        let states = ops.iter().filter_map(|op| match op {
            Op::RunningMean(mean) => Some(mean.state_range()),
            Op::Recurrent(layer) if layer.carried => Some(layer.state_range()),
            _ => None,
        });
        let lasting = plan.delays().map(|delay| delay.range()).chain(states).collect();
        Some(Self::new(ops, plan.arena_length(), lasting, plan.output_range()))
    }

    fn new(ops: Vec<Op>, arena: usize, lasting: Vec<Range<usize>>, output: Range<usize>) -> Self {
        let last = ops.len().saturating_sub(1);
        let mut lives: Vec<Life> = Vec::new();
        for (from, op) in ops.iter().enumerate() {
            let bytes = op.output().range();
            // Parts that are put together one after the other are one value.
            let is_part = |life: &Life| {
                let is_copy = |index: usize| matches!(ops[index], Op::Copy(_));
                life.bytes == bytes && life.to >= from && is_copy(life.from) && is_copy(from)
            };
            if lives.iter().any(is_part) {
                continue;
            }
            let mut life = Life { from, to: from, bytes };
            for (index, later) in ops.iter().enumerate().skip(from + 1) {
                if reads(later, &life.bytes) {
                    life.to = index;
                }
                let is_next_part =
                    matches!((op, later), (Op::Copy(_), Op::Copy(_))) && later.output().range() == life.bytes;
                if is_next_part {
                    life.to = index;
                } else if overlap(&later.output().range(), &life.bytes) {
                    break;
                }
                // What stands where the outputs are in the end is the outputs.
                if index == last && overlap(&output, &life.bytes) {
                    life.to = last;
                }
            }
            lives.push(life);
            if let Op::Recurrent(layer) = op
                && !layer.carried
            {
                lives.push(Life { from, to: from, bytes: layer.state_range() });
            }
        }
        Self { ops, arena, lasting, lives }
    }

    /// Bytes in use while operator `index` runs, its scratch memory included.
    #[must_use]
    pub fn in_use(&self, index: usize) -> usize {
        let alive = self.lives.iter().filter(|life| (life.from..=life.to).contains(&index)).map(|life| &life.bytes);
        let mut runs: Vec<&Range<usize>> = alive.chain(&self.lasting).collect();
        runs.sort_unstable_by_key(|run| run.start);
        let (mut total, mut end) = (0, 0);
        for run in runs {
            total += run.end.saturating_sub(run.start.max(end));
            end = end.max(run.end);
        }
        total + self.scratch(index)
    }

    /// Bytes of scratch memory that operator `index` takes.
    #[must_use]
    pub fn scratch(&self, index: usize) -> usize {
        self.ops.get(index).map_or(0, |op| layout::scratch_length(op) as usize)
    }

    /// The operators whose outputs operator `index` reads.
    #[must_use]
    pub fn sources(&self, index: usize) -> Vec<usize> {
        let Some(op) = self.ops.get(index) else { return Vec::new() };
        let is_source = |life: &&Life| life.from < index && index <= life.to && reads(op, &life.bytes);
        self.lives.iter().filter(is_source).map(|life| life.from).collect()
    }
}

fn reads(op: &Op, bytes: &Range<usize>) -> bool {
    let (first, second) = op.inputs();
    [Some(first), second].into_iter().flatten().any(|tensor| overlap(&tensor.range(), bytes))
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

#[cfg(test)]
mod tests {
    use super::Timeline;
    use crate::model::LoadedModel;

    #[test]
    fn memory_in_use_is_the_arena_at_its_fullest() {
        let built_in = LoadedModel::built_in();
        let model = built_in.model().unwrap();
        let stream = Timeline::stream(&model).unwrap();
        for (timeline, scratch) in
            [(Timeline::window(&model), model.scratch_length()), (stream, model.streaming().unwrap().scratch_length())]
        {
            let most = (0..timeline.ops.len()).map(|index| timeline.in_use(index) - timeline.scratch(index)).max();
            assert!(
                most <= Some(timeline.arena) && most >= Some(timeline.arena * 9 / 10),
                "{most:?} of {}",
                timeline.arena
            );
            assert_eq!((0..timeline.ops.len()).map(|index| timeline.scratch(index)).max(), Some(scratch));
            // A chain: each but the first reads what another wrote.
            assert!((1..timeline.ops.len()).all(|index| !timeline.sources(index).is_empty()));
            assert!(timeline.lives.iter().all(|life| life.bytes.end <= timeline.arena));
        }
    }
}
