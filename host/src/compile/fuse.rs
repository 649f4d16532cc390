//! Making the network smaller without changing any value.

use super::ir::{Graph, Kind, Op, Place, TensorId};

/// Lets operators clamp their own output where a lookup table behind them does nothing else: Relu and Clip then cost
/// nothing.
pub fn fuse_clamps(graph: &mut Graph) {
    let mut index = 0;
    while index < graph.ops.len() {
        match clamping_producer(graph, index) {
            Some((producer, [low, high])) => {
                let lookup = graph.ops.remove(index);
                let op = &mut graph.ops[producer];
                op.clamp = [op.clamp[0].max(low).min(high), op.clamp[1].min(high).max(low)];
                op.output.tensor = lookup.output.tensor;
            }
            None => index += 1,
        }
    }
}

/// Leaves out concatenations of which each reader reads one part: it reads what was copied instead. So exporters write which of several
/// layers' last states they take.
pub fn see_through_copies(graph: &mut Graph) {
    for tensor in 0..graph.tensors.len() {
        let is_writer = |op: &Op| op.output.tensor == tensor;
        let is_copied = graph.ops.iter().any(is_writer)
            && graph.ops.iter().filter(|op| is_writer(op)).all(|op| matches!(op.kind, Kind::Copy { .. }));
        let reads = graph.ops.iter().flat_map(|op| &op.inputs).chain([&graph.output]);
        let is_seen = |place: &Place| place.tensor != tensor || copied_from(graph, place).is_some();
        if !is_copied || !reads.into_iter().all(is_seen) {
            continue;
        }
        let before = graph.clone();
        let reads = graph.ops.iter_mut().flat_map(|op| &mut op.inputs).chain([&mut graph.output]);
        for place in reads.filter(|place| place.tensor == tensor) {
            if let Some((tensor, offset)) = copied_from(&before, place) {
                (place.tensor, place.offset) = (tensor, offset);
            }
        }
        graph.ops.retain(|op| !is_writer(op));
    }
}

/// What a place of a tensor was copied from by one operator, value after value: the tensor, and where in it.
fn copied_from(graph: &Graph, place: &Place) -> Option<(TensorId, usize)> {
    graph.ops.iter().filter(|op| op.output.tensor == place.tensor).find_map(|op| {
        let Kind::Copy { from, to, extent } = &op.kind else { return None };
        let (start, source) = (run(&op.output, to, extent)?, run(&op.inputs[0], from, extent)?);
        let length: usize = extent.iter().product();
        let is_inside = start <= place.offset && place.offset + place.length() <= start + length;
        is_inside.then(|| (op.inputs[0].tensor, source + place.offset - start))
    })
}

/// Where a block of a place begins within its tensor, if it is one run of memory.
fn run(place: &Place, at: &[usize; 3], extent: &[usize; 3]) -> Option<usize> {
    let [_, width, channels] = place.shape;
    let is_run = if extent[0] > 1 { extent[1..] == place.shape[1..] } else { extent[1] == 1 || extent[2] == channels };
    is_run.then(|| place.offset + (at[0] * width + at[1]) * channels + at[2])
}

/// Lets recurrent layers give only their last step where nothing reads another one.
pub fn leave_out_steps(graph: &mut Graph) {
    for index in 0..graph.ops.len() {
        let Op { kind: Kind::Recurrent { numbers, .. }, output, .. } = &graph.ops[index] else { continue };
        let (tensor, units) = (output.tensor, numbers.units);
        let before = (output.shape[0] - 1) * units;
        let reads = graph.ops.iter().flat_map(|op| &op.inputs).chain([&graph.output]);
        if reads.filter(|place| place.tensor == tensor).any(|place| place.offset < before) {
            continue;
        }
        graph.tensors[tensor] = units;
        graph.ops[index].output.shape[0] = 1;
        let reads = graph.ops.iter_mut().flat_map(|op| &mut op.inputs).chain([&mut graph.output]);
        reads.filter(|place| place.tensor == tensor).for_each(|place| place.offset -= before);
    }
}

/// The operator that can do what the lookup table at `index` does, and its bounds.
fn clamping_producer(graph: &Graph, index: usize) -> Option<(usize, [i8; 2])> {
    let Op { kind: Kind::Lookup(table), inputs, output, .. } = &graph.ops[index] else { return None };
    let bounds = bounds(table)?;
    let input = inputs[0];
    let same_zero = input.zero_point == output.zero_point;
    if !same_zero || graph.readers(input.tensor) != 1 || input.length() != graph.tensors[input.tensor] {
        return None;
    }
    let mut writers = graph.ops[..index].iter().enumerate().filter(|(_, op)| op.output.tensor == input.tensor);
    let (producer, op) = writers.next()?;
    (writers.next().is_none() && op.kind.can_clamp() && op.output.zero_point == output.zero_point)
        .then_some((producer, bounds))
}

/// Least and greatest entry, if the table only clamps.
fn bounds(table: &[i8; 256]) -> Option<[i8; 2]> {
    let [low, high] = [table[0], table[255]];
    let clamps = (i8::MIN..=i8::MAX).zip(table).all(|(byte, &entry)| low <= high && entry == byte.clamp(low, high));
    clamps.then_some([low, high])
}

#[cfg(test)]
mod tests {
    use super::super::ir::{Graph, Kind, Op, Place, Quant};
    use super::{bounds, see_through_copies};

    /// Two tensors of three values side by side along an axis, and one value read of the whole.
    fn joined(axis: usize, read: usize) -> Graph {
        let place = |tensor, offset, shape| Place { tensor, offset, shape, zero_point: 0 };
        let mut whole = [1, 1, 3];
        whole[axis] *= 2;
        let part = |half: usize| {
            let (mut to, source) = ([0; 3], place(1, 3 * half, [1, 1, 3]));
            to[axis] = half * [1, 1, 3][axis];
            let kind = Kind::Copy { from: [0; 3], to, extent: [1, 1, 3] };
            Op { node: String::new(), kind, inputs: vec![source], output: place(2, 0, whole), clamp: [-128, 127] }
        };
        let quant = Quant { scale: 1.0, zero_point: 0 };
        Graph {
            tensors: vec![6, 6, 6],
            ops: vec![part(0), part(1)],
            frames: 1,
            features: 6,
            lasting: vec![Graph::FEATURES],
            input: quant,
            output: place(2, read, [1, 1, 3]),
            output_quant: quant,
        }
    }

    #[test]
    fn a_part_of_a_concatenation_is_what_was_joined() {
        for axis in 0..3 {
            let mut graph = joined(axis, 3);
            see_through_copies(&mut graph);
            assert_eq!((graph.ops.len(), graph.output.tensor, graph.output.offset), (0, 1, 3), "axis {axis}");
            // What lies across both parts is left as it is.
            let mut graph = joined(axis, 2);
            see_through_copies(&mut graph);
            assert_eq!(graph, joined(axis, 2));
        }
    }

    #[test]
    fn tables_that_clamp_are_known() {
        let table = |function: fn(i8) -> i8| std::array::from_fn(|index| function((index as u8 ^ 0x80).cast_signed()));
        assert_eq!(bounds(&table(|byte| byte.max(-3))), Some([-3, 127]));
        assert_eq!(bounds(&table(|byte| byte.clamp(-3, 40))), Some([-3, 40]));
        assert_eq!(bounds(&table(|byte| byte / 2)), None);
        assert_eq!(bounds(&table(|byte| byte.saturating_neg())), None);
    }
}
