//! Operators that others can say: what changes nothing is left out, and PRelu becomes what it is above zero and what below.

use std::collections::HashMap;

use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

use super::{data_type, input, node};

/// Leaves out Identity and Dropout, and writes PRelu as `max(x, 0) + slope · min(x, 0)`, whose slopes may differ from channel to channel.
pub fn plain(graph: &mut GraphProto) {
    let mut same: HashMap<String, String> = HashMap::new();
    let mut nodes = Vec::new();
    for mut node in std::mem::take(&mut graph.node) {
        for name in &mut node.input {
            if let Some(source) = same.get(name) {
                name.clone_from(source);
            }
        }
        match (node.op_type.as_str(), node.input.as_slice(), node.output.as_slice()) {
            ("Identity" | "Dropout", [source, ..], [output]) if input(&node, 2).is_none() => {
                same.insert(output.clone(), source.clone());
            }
            ("PRelu", [_, _], [_]) => {
                let (parts, zero) = parted(&node);
                nodes.extend(parts);
                graph.initializer.push(zero);
            }
            _ => nodes.push(node),
        }
    }
    for output in &mut graph.output {
        if let Some(source) = same.get(&output.name) {
            output.name.clone_from(source);
        }
    }
    graph.node = nodes;
}

/// A PRelu's parts and the zero that they need.
fn parted(relu: &NodeProto) -> (Vec<NodeProto>, TensorProto) {
    let (x, slope, output) = (&relu.input[0], &relu.input[1], &relu.output[0]);
    let name = |part: &str| format!("{output}.{part}");
    let make = |operator: &str, part: &str, inputs: [&String; 2]| {
        node(operator, format!("{}.{part}", relu.name), inputs.map(String::clone).to_vec(), name(part))
    };
    let zero =
        TensorProto { name: name("zero"), data_type: data_type::FLOAT, raw_data: vec![0; 4], ..TensorProto::default() };
    let above = node("Relu", format!("{}.above", relu.name), vec![x.clone()], name("above"));
    let below = make("Min", "below", [x, &zero.name]);
    let sloped = make("Mul", "sloped", [&name("below"), slope]);
    let sum = node("Add", relu.name.clone(), vec![name("above"), name("sloped")], output.clone());
    (vec![above, below, sloped, sum], zero)
}
