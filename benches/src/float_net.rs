//! The float form of a quantised ONNX network, for a fair comparison with a float runtime: the same layers and sizes.

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};
use tract_onnx::prelude::*;

/// Rewrites the QLinearConv nodes of a quantised ONNX file as float Conv (and Relu where an output zero point of −128 stood for
/// it), drops the quantising nodes, and prepares the network for tract.
///
/// # Errors
/// The file is no ONNX, or has operators that tract cannot run.
pub fn float_network(onnx: &[u8]) -> TractResult<Arc<TypedRunnableModel>> {
    let loader = tract_onnx::onnx();
    let mut proto: ModelProto = loader.proto_model_for_read(&mut &onnx[..])?;
    if let Some(graph) = proto.graph.as_mut() {
        let nodes = std::mem::take(&mut graph.node);
        graph.node = nodes.into_iter().flat_map(|node| float_nodes(node, &mut graph.initializer)).collect();
        drop_unused_initializers(graph);
    }
    loader.model_for_proto_model(&proto)?.into_optimized()?.into_runnable()
}

fn float_nodes(node: NodeProto, initializers: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    match node.op_type.as_str() {
        "QuantizeLinear" | "DequantizeLinear" => {
            let input = node.input.into_iter().take(1).collect();
            vec![NodeProto { op_type: "Identity".to_owned(), input, attribute: vec![], ..node }]
        }
        "QLinearConv" => float_convolution(node, initializers),
        _ => vec![node],
    }
}

/// QLinearConv's inputs: x, its scale and zero point, w, its scales and zero points, the output's scale and zero point, bias.
fn float_convolution(node: NodeProto, initializers: &mut Vec<TensorProto>) -> Vec<NodeProto> {
    let named = |name: &str| initializers.iter().find(|tensor| tensor.name == name);
    let shape = |name: &str| named(name).map(|tensor| tensor.dims.clone()).unwrap_or_default();
    let rectified = named(&node.input[7]).and_then(|tensor| tensor.raw_data.first()).copied() == Some(0x80);
    let mut tensors = Vec::new();
    let mut input = vec![node.input[0].clone()];
    for (quantised, amplitude) in [(3, 0.05), (8, 0.0)] {
        let Some(name) = node.input.get(quantised) else { continue };
        let dims = shape(name);
        // Speed does not depend on the values; these keep activations in a normal range.
        let count = dims.iter().product::<i64>() as usize;
        let values = (0..count).flat_map(|index| (amplitude * ((index % 7) as f32 - 3.0)).to_le_bytes()).collect();
        let name = format!("{name}.float");
        input.push(name.clone());
        tensors.push(TensorProto {
            name,
            dims,
            data_type: DataType::Float as i32,
            raw_data: values,
            ..TensorProto::default()
        });
    }
    initializers.extend(tensors);
    let convolution = NodeProto { op_type: "Conv".to_owned(), input, ..node };
    if !rectified {
        return vec![convolution];
    }
    let sums = format!("{}.sums", convolution.output[0]);
    let rectifier = NodeProto {
        op_type: "Relu".to_owned(),
        name: format!("{}.relu", convolution.name),
        input: vec![sums.clone()],
        output: convolution.output.clone(),
        ..NodeProto::default()
    };
    vec![NodeProto { output: vec![sums], ..convolution }, rectifier]
}

fn drop_unused_initializers(graph: &mut GraphProto) {
    let used: std::collections::HashSet<&String> = graph.node.iter().flat_map(|node| &node.input).collect();
    let keep: Vec<bool> = graph.initializer.iter().map(|tensor| used.contains(&tensor.name)).collect();
    let mut keep = keep.into_iter();
    graph.initializer.retain(|_| keep.next().unwrap_or(true));
}
