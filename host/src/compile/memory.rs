//! Planning the arena: which bytes hold which tensor, and when.
//!
//! A tensor lives from the operator that first writes it to the one that last reads it. Tensors whose lives do not meet
//! may share bytes; an operator that works value by value may write where it reads. The features keep their place at
//! the start of the arena, because the next window needs them again; so does, anywhere, all else that lasts.

use super::ir::{Graph, Kind, Op, Place, TensorId};

/// Alignment of tensors in the arena, in bytes.
pub const ALIGNMENT: usize = 16;

/// Where the tensors lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arena {
    /// First byte of each tensor of the graph.
    pub offsets: Vec<usize>,
    /// Bytes of the arena.
    pub length: usize,
    /// Bytes that are in use at once, at the operator that needs most: no plan can do with less.
    pub lower_bound: usize,
}

/// A run of bytes that one or more tensors occupy in turn.
#[derive(Debug, Clone)]
struct Block {
    length: usize,
    /// First and last operator, both included.
    life: [usize; 2],
    offset: usize,
}

impl Block {
    fn meets(&self, other: &Self) -> bool {
        self.life[0] <= other.life[1] && other.life[0] <= self.life[1]
    }
}

/// Plans the arena of a graph.
pub fn plan(graph: &Graph) -> Arena {
    let homes = homes(graph);
    let mut blocks = blocks(graph, &homes);
    let lower_bound = (0..graph.ops.len().max(1)).map(|step| in_use(&blocks, step)).max().unwrap_or(0);
    let by_size = |block: &Block| (usize::MAX - block.length, block.life[0]);
    let by_birth = |block: &Block| (block.life[0], usize::MAX - block.length);
    let by_death = |block: &Block| (usize::MAX - block.life[1], usize::MAX - block.length);
    let length = [by_size as fn(&Block) -> (usize, usize), by_birth, by_death]
        .into_iter()
        .map(|order| {
            let mut attempt = blocks.clone();
            let length = place(&mut attempt, order);
            (length, attempt)
        })
        .min_by_key(|(length, _)| *length)
        .map_or(0, |(length, best)| {
            blocks = best;
            length
        });
    let offsets = homes.iter().map(|&(home, offset)| blocks[home].offset + offset).collect();
    Arena { offsets, length, lower_bound }
}

fn in_use(blocks: &[Block], step: usize) -> usize {
    blocks.iter().filter(|block| (block.life[0]..=block.life[1]).contains(&step)).map(|block| block.length).sum()
}

/// For each tensor the tensor whose bytes it lives in, which may be its own, and where in there.
fn homes(graph: &Graph) -> Vec<(TensorId, usize)> {
    let mut homes: Vec<(TensorId, usize)> = (0..graph.tensors.len()).map(|tensor| (tensor, 0)).collect();
    for (step, op) in graph.ops.iter().enumerate() {
        if let Some(input) = replaceable_input(graph, &homes, step, op) {
            let (home, offset) = homes[input.tensor];
            homes[op.output.tensor] = (home, offset + graph.byte_offset(&input));
        }
    }
    homes
}

/// The input that an operator can write over.
fn replaceable_input(graph: &Graph, homes: &[(TensorId, usize)], step: usize, op: &Op) -> Option<Place> {
    let whole = op.output.length() == graph.tensors[op.output.tensor];
    if !op.kind.works_in_place() || !whole || graph.lasting.contains(&op.output.tensor) {
        return None;
    }
    let home_of = |place: &Place| homes[place.tensor].0;
    let start_of = |place: &Place| homes[place.tensor].1 + graph.byte_offset(place);
    let end_of = |place: &Place| start_of(place) + place.length() * graph.element(place.tensor).bytes();
    op.inputs.iter().copied().find(|input| {
        let same_shape = input.shape == op.output.shape;
        let read_later = |place: &Place| home_of(place) == home_of(input);
        let dies = !graph.ops[step + 1..].iter().flat_map(|later| &later.inputs).any(read_later)
            && home_of(&graph.output) != home_of(input);
        // The other operand must be the very same values or stand clear of what is overwritten.
        let clear = op.inputs.iter().all(|other| {
            let (a, b) = (start_of(input), start_of(other));
            home_of(other) != home_of(input)
                || (a == b && other.shape == input.shape)
                || end_of(input) <= b
                || end_of(other) <= a
        });
        let is_lookup = matches!(op.kind, Kind::Lookup(_) | Kind::Int16Lookup(_));
        let lookup = is_lookup && input.length() == op.output.length();
        let same_size = graph.element(input.tensor) == graph.element(op.output.tensor);
        !graph.lasting.contains(&home_of(input)) && same_size && (same_shape || lookup) && dies && clear
    })
}

/// The blocks, one a tensor; tensors that live in another's have an empty one.
fn blocks(graph: &Graph, homes: &[(TensorId, usize)]) -> Vec<Block> {
    let end = graph.ops.len();
    let mut blocks: Vec<Block> = (0..graph.tensors.len())
        .map(|tensor| {
            let own = homes[tensor].0 == tensor;
            let length = if own { graph.bytes(tensor).next_multiple_of(ALIGNMENT) } else { 0 };
            Block { length, life: [usize::MAX, 0], offset: 0 }
        })
        .collect();
    let mut touch = |tensor: TensorId, step: usize| {
        let life = &mut blocks[homes[tensor].0].life;
        *life = [life[0].min(step), life[1].max(step)];
    };
    for (step, op) in graph.ops.iter().enumerate() {
        op.inputs.iter().chain([&op.output]).for_each(|place| touch(place.tensor, step));
        op.kind.state().into_iter().for_each(|state| touch(state, step));
    }
    touch(graph.output.tensor, end);
    for &tensor in &graph.lasting {
        touch(tensor, 0);
        touch(tensor, end);
    }
    blocks
}

/// Gives each block, in the given order, the lowest place that is free throughout its life; the features come first of
/// all.
fn place(blocks: &mut [Block], order: fn(&Block) -> (usize, usize)) -> usize {
    let mut queue: Vec<usize> = (0..blocks.len()).filter(|&index| blocks[index].length > 0).collect();
    queue.sort_by_key(|&index| (index != Graph::FEATURES, order(&blocks[index])));
    let mut placed: Vec<usize> = Vec::new();
    for index in queue {
        let mut taken: Vec<[usize; 2]> = placed
            .iter()
            .map(|&other| &blocks[other])
            .filter(|other| other.meets(&blocks[index]))
            .map(|other| [other.offset, other.offset + other.length])
            .collect();
        taken.sort_unstable();
        let mut offset = 0;
        for [start, end] in taken {
            if offset + blocks[index].length <= start {
                break;
            }
            offset = offset.max(end);
        }
        blocks[index].offset = offset;
        placed.push(index);
    }
    blocks.iter().map(|block| block.offset + block.length).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use std::collections::BTreeSet;

    use earmark_core::model::Element;

    use super::super::ir::{Filter, Quant, Window};
    use super::*;

    /// Runs a plan on owners instead of values: each operator must find all bytes that it reads as their tensor left
    /// them.
    fn check(graph: &Graph) {
        let arena = plan(graph);
        assert!(arena.length >= arena.lower_bound);
        assert_eq!(arena.offsets[Graph::FEATURES], 0);
        let bytes = |place: &Place| {
            let start = arena.offsets[place.tensor] + graph.byte_offset(place);
            start..start + place.length() * graph.element(place.tensor).bytes()
        };
        let mut owners: Vec<Option<TensorId>> = vec![None; arena.length];
        owners[..graph.bytes(Graph::FEATURES)].fill(Some(Graph::FEATURES));
        for op in &graph.ops {
            for input in &op.inputs {
                assert!(owners[bytes(input)].iter().all(|&owner| owner == Some(input.tensor)), "{op:?}");
            }
            let output = bytes(&op.output);
            for input in op.inputs.iter().map(bytes) {
                let apart = input.end <= output.start || output.end <= input.start;
                assert!(apart || (op.kind.works_in_place() && input == output), "{op:?}");
            }
            owners[output].fill(Some(op.output.tensor));
        }
        assert!(owners[bytes(&graph.output)].iter().all(|&owner| owner == Some(graph.output.tensor)));
        let features = &owners[..graph.bytes(Graph::FEATURES)];
        assert!(features.iter().all(|&owner| owner == Some(Graph::FEATURES)), "the features must outlive the run");
    }

    /// An operator on earlier tensors, chosen by four numbers.
    fn add_op(graph: &mut Graph, choice: [usize; 4]) {
        let count = graph.tensors.len();
        let whole = |tensor: TensorId, graph: &Graph| Place {
            tensor,
            offset: 0,
            shape: [graph.tensors[tensor], 1, 1],
            zero_point: 0,
        };
        let first = whole(count - 1 - choice[1] % count.min(3), graph);
        let second = whole(count - 1 - choice[2] % count.min(4), graph);
        let (kind, inputs, length) = match choice[0] % 4 {
            0 => (Kind::Lookup(Box::new([0; 256])), vec![first], first.length()),
            1 => {
                // The common length of both, from the end of the first and the start of the second.
                let length = first.length().min(second.length());
                let shape = [length, 1, 1];
                let late = Place { offset: first.length() - length, shape, ..first };
                (Kind::Add([1.0, 1.0]), vec![late, Place { shape, ..second }], length)
            }
            _ => {
                let filter =
                    Filter { window: Window::POINT, groups: 1, weights: vec![], biases: vec![], scales: vec![] };
                (Kind::Convolution(filter), vec![first], 1 + choice[3] % 90)
            }
        };
        let output = Place { tensor: count, offset: 0, shape: [length, 1, 1], zero_point: 0 };
        let element = if choice[3] % 5 == 4 { Element::Int16 } else { Element::Int8 };
        graph.add_tensor(length, element);
        graph.ops.push(Op { node: String::new(), kind, inputs, output, clamp: [-128, 127] });
        graph.output = output;
    }

    fn graph(features: usize, choices: &[[usize; 4]]) -> Graph {
        let quant = Quant::bytes(1.0, 0);
        let output = Place { tensor: Graph::FEATURES, offset: 0, shape: [features, 1, 1], zero_point: 0 };
        let mut graph = Graph {
            tensors: vec![features],
            int16: BTreeSet::new(),
            ops: Vec::new(),
            frames: 1,
            features,
            lasting: vec![Graph::FEATURES],
            input: quant,
            output,
            output_quant: quant,
        };
        choices.iter().for_each(|&choice| add_op(&mut graph, choice));
        graph
    }

    #[test]
    fn two_layers_that_never_meet_share_their_bytes() {
        let chain = graph(16, &[[3, 0, 0, 31], [3, 0, 0, 47], [3, 0, 0, 31]]);
        assert_eq!(plan(&chain).length, 16 + 32 + 48);
        check(&chain);
    }

    #[test]
    fn a_lookup_takes_the_place_of_its_input() {
        let chain = graph(16, &[[3, 0, 0, 31], [0, 0, 0, 0]]);
        assert_eq!(plan(&chain).offsets[1..], [16, 16]);
        check(&chain);
    }

    proptest! {
        #[test]
        fn nothing_is_overwritten_before_it_is_read(
            features in 1usize..60,
            choices in proptest::collection::vec(any::<[u8; 4]>(), 0..14),
        ) {
            let choices: Vec<[usize; 4]> = choices.iter().map(|choice| choice.map(usize::from)).collect();
            check(&graph(features, &choices));
        }
    }
}
