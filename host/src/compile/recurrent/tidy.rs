//! Recurrent layers as PyTorch's older exporter writes them: with a first state that the graph computes, of zeros.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

use super::super::qlinear::{constants, remove_unread};
use super::{OPERATORS, inlet};

/// Operators that repeat their first input.
const REPEATING: &[&str] = &["Expand", "Tile"];

/// Leaves out first states that are zeros in whatever shape the graph gives them, and what computed them.
pub fn tidy(graph: &mut GraphProto) {
    let is_layer = |node: &NodeProto| OPERATORS.contains(&node.op_type.as_str());
    if !graph.node.iter().any(is_layer) {
        return;
    }
    let empty = zeros(graph);
    let mut is_changed = false;
    for node in graph.node.iter_mut().filter(|node| is_layer(node)) {
        for state in node.input.iter_mut().take(inlet::CELL + 1).skip(inlet::OUTPUT) {
            if empty.contains(state) {
                state.clear();
                is_changed = true;
            }
        }
    }
    if is_changed {
        remove_unread(graph);
    }
}

/// The tensors that repeat zeros.
fn zeros(graph: &GraphProto) -> HashSet<String> {
    let constants: HashMap<&str, &TensorProto> = constants(graph);
    let is_zero = |name: &String| {
        constants.get(name.as_str()).is_some_and(|tensor| {
            let is_known = !(tensor.raw_data.is_empty() && tensor.float_data.is_empty());
            let is_zero = tensor.float_data.iter().all(|&value| value == 0.0);
            is_known && is_zero && tensor.raw_data.iter().all(|&byte| byte == 0)
        })
    };
    let repeated = graph.node.iter().filter(|node| REPEATING.contains(&node.op_type.as_str()));
    let repeated = repeated.filter(|node| node.input.first().is_some_and(is_zero));
    repeated.flat_map(|node| node.output.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::{GraphProto, NodeProto, TensorProto, ValueInfoProto};

    use super::tidy;

    fn node(operator: &str, input: &[&str], output: &str) -> NodeProto {
        let input = input.iter().map(|&name| name.to_owned()).collect();
        NodeProto { op_type: operator.to_owned(), input, output: vec![output.to_owned()], ..NodeProto::default() }
    }

    fn layer(first: f32) -> GraphProto {
        let tensor = TensorProto { name: "first".to_owned(), float_data: vec![first], ..TensorProto::default() };
        GraphProto {
            node: vec![
                node("Shape", &["x"], "shape"),
                node("Expand", &["first", "shape"], "state"),
                node("GRU", &["x", "w", "r", "b", "", "state"], "y"),
            ],
            initializer: vec![tensor],
            output: vec![ValueInfoProto { name: "y".to_owned(), ..ValueInfoProto::default() }],
            ..GraphProto::default()
        }
    }

    #[test]
    fn repeated_zeros_are_left_out() {
        let mut graph = layer(0.0);
        tidy(&mut graph);
        assert_eq!(graph.node, [node("GRU", &["x", "w", "r", "b", "", ""], "y")]);
        let mut graph = layer(0.5);
        tidy(&mut graph);
        assert_eq!(graph, layer(0.5));
    }
}
