//! Which of several layers' last states is taken: exporters join them all, and pick one.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::{Gather, TypedConcat};

/// Lets a node that picks one place of a concatenation pick it where it came from.
pub fn see_through(graph: &mut TypedModel) -> TractResult<()> {
    for node in 0..graph.nodes().len() {
        if let Some((source, place)) = picked(graph, node) {
            let name = format!("{}.place", graph.node(node).name);
            let place = graph.add_const(name, place)?;
            graph.add_edge(source, InletId::new(node, 0))?;
            graph.add_edge(place, InletId::new(node, 1))?;
        }
    }
    graph.compact()
}

/// What a node picks of a concatenation: the joined tensor, and the place in it.
fn picked(graph: &TypedModel, node: usize) -> Option<(OutletId, Tensor)> {
    let node = graph.node(node);
    let axis = node.op.downcast_ref::<Gather>()?.axis;
    let concat = graph.node(node.inputs[0].node);
    if concat.op.downcast_ref::<TypedConcat>()?.axis != axis {
        return None;
    }
    let extent = |outlet: OutletId| graph.outlet_fact(outlet).ok()?.shape.as_concrete()?.get(axis).copied();
    let index = graph.outlet_fact(node.inputs[1]).ok()?.konst.clone()?;
    let place = index.cast_to_scalar::<i64>().ok().filter(|_| index.len() == 1)?;
    let whole = i64::try_from(extent(node.inputs[0])?).ok()?;
    let mut place = usize::try_from(if place < 0 { place + whole } else { place }).ok()?;
    for &input in &concat.inputs {
        let joined = extent(input)?;
        if place < joined {
            let place = tensor0(i64::try_from(place).ok()?).into_shape(index.shape()).ok()?;
            return Some((input, place));
        }
        place -= joined;
    }
    None
}
