//! Making the network smaller without changing any value.

use super::ir::{Graph, Kind, Op};

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
    use super::bounds;

    #[test]
    fn tables_that_clamp_are_known() {
        let table = |function: fn(i8) -> i8| std::array::from_fn(|index| function((index as u8 ^ 0x80).cast_signed()));
        assert_eq!(bounds(&table(|byte| byte.max(-3))), Some([-3, 127]));
        assert_eq!(bounds(&table(|byte| byte.clamp(-3, 40))), Some([-3, 40]));
        assert_eq!(bounds(&table(|byte| byte / 2)), None);
        assert_eq!(bounds(&table(|byte| byte.saturating_neg())), None);
    }
}
