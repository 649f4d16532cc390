//! onnxruntime's own operators on bytes as the standard's on real numbers.

use tract_onnx::pb::{GraphProto, NodeProto};

use super::{Wiring, input, node};

/// The operators that are expanded, and the one that is read as it is.
pub const OWN_OPERATORS: &[&str] = &[
    "QGemm",
    "QLinearAdd",
    "QLinearAveragePool",
    "QLinearConcat",
    "QLinearGlobalAveragePool",
    "QLinearLeakyRelu",
    "QLinearMul",
    "QLinearReduceMean",
    "QLinearSigmoid",
    "QLinearSoftmax",
];

/// Puts the standard's operators in the place of onnxruntime's own, and takes away a rounding behind a last Softmax or Sigmoid: the
/// recogniser applies these itself, to logits that are rounded already.
pub fn expand(graph: &mut GraphProto) {
    let mut expanded = Vec::new();
    for node in std::mem::take(&mut graph.node) {
        match standard(&node) {
            Some(nodes) => expanded.extend(nodes),
            None => expanded.push(node),
        }
    }
    graph.node = expanded;
    let wiring = Wiring::new(graph);
    if let [output] = graph.output.as_slice()
        && let Some(activation) = rounded_activation(graph, &wiring, &output.name)
    {
        let dequantize = wiring.makers[&output.name];
        graph.node.remove(dequantize);
        if let Some(maker) = graph.node.iter_mut().find(|node| node.output.first() == Some(&activation)) {
            // The readers of the old name were QuantizeLinear alone, which nothing reads any more.
            maker.output = vec![graph.output[0].name.clone()];
        }
        graph.node.retain(|node| node.input.first() != Some(&activation));
    }
}

/// The output of a Softmax or Sigmoid that is only rounded before it is the graph's output.
fn rounded_activation(graph: &GraphProto, wiring: &Wiring, output: &str) -> Option<String> {
    let dequantize = wiring.maker(graph, output).filter(|node| node.op_type == "DequantizeLinear")?;
    let quantised = input(dequantize, 0).filter(|name| wiring.is_read_once(name))?;
    let quantize = wiring.maker(graph, quantised).filter(|node| node.op_type == "QuantizeLinear")?;
    let real = input(quantize, 0).filter(|name| wiring.is_read_once(name))?;
    let activation = wiring.maker(graph, real)?;
    matches!(activation.op_type.as_str(), "Softmax" | "Sigmoid").then(|| real.to_owned())
}

/// The standard's operator, the places of tensor, scale and zero point of its inputs, and those of the output's scale and zero point.
fn parts(node: &NodeProto) -> Option<(&'static str, Vec<usize>, usize)> {
    Some(match node.op_type.as_str() {
        "QLinearAdd" => ("Add", vec![0, 3], 6),
        "QLinearMul" => ("Mul", vec![0, 3], 6),
        "QLinearSigmoid" => ("Sigmoid", vec![0], 3),
        "QLinearLeakyRelu" => ("LeakyRelu", vec![0], 3),
        "QLinearSoftmax" => ("Softmax", vec![0], 3),
        "QLinearGlobalAveragePool" => ("GlobalAveragePool", vec![0], 3),
        "QLinearAveragePool" => ("AveragePool", vec![0], 3),
        "QLinearReduceMean" => ("ReduceMean", vec![0], 3),
        "QLinearConcat" => ("Concat", (2..node.input.len()).step_by(3).collect(), 0),
        _ => return None,
    })
}

/// DequantizeLinear, an operator of the standard and QuantizeLinear; `None` for other nodes.
fn standard(old: &NodeProto) -> Option<Vec<NodeProto>> {
    let (operator, inputs, quantisation) = parts(old)?;
    let is_channels_last = |name: &str, value: i64| name == "channels_last" && value != 0;
    if old.attribute.iter().any(|attribute| is_channels_last(&attribute.name, attribute.i)) {
        return None;
    }
    let output = old.output.first()?;
    let mut nodes = Vec::new();
    let mut reals = Vec::new();
    for place in inputs {
        let quantised: Option<Vec<String>> =
            (place..place + 3).map(|index| input(old, index).map(str::to_owned)).collect();
        let real = format!("{output}.real{place}");
        nodes.push(node("DequantizeLinear", format!("{}.real{place}", old.name), quantised?, real.clone()));
        reals.push(real);
    }
    let result = format!("{output}.real");
    let mut computed = node(operator, old.name.clone(), reals, result.clone());
    computed.attribute = old
        .attribute
        .iter()
        .filter(|attribute| !matches!(attribute.name.as_str(), "channels_last" | "opset"))
        .cloned()
        .collect();
    nodes.push(computed);
    let rounding = vec![result, input(old, quantisation)?.to_owned(), input(old, quantisation + 1)?.to_owned()];
    nodes.push(node("QuantizeLinear", format!("{}.quantised", old.name), rounding, output.clone()));
    Some(nodes)
}
