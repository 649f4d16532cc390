//! Weights that a graph rounds itself, as PyTorch's fake quantisation leaves them.

use std::collections::HashMap;

use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

use super::{constants, data_type, floats, input};

/// Makes a constant of each QuantizeLinear that reads one.
pub fn fold(graph: &mut GraphProto) {
    let constants = constants(graph);
    let rounded: Vec<Option<TensorProto>> = graph.node.iter().map(|node| rounded(&constants, node)).collect();
    let mut nodes = Vec::new();
    for (node, tensor) in std::mem::take(&mut graph.node).into_iter().zip(rounded) {
        match tensor {
            Some(tensor) => graph.initializer.push(tensor),
            None => nodes.push(node),
        }
    }
    graph.node = nodes;
}

fn rounded(constants: &HashMap<&str, &TensorProto>, node: &NodeProto) -> Option<TensorProto> {
    if node.op_type != "QuantizeLinear" {
        return None;
    }
    let tensor = constants.get(input(node, 0)?)?;
    let (values, scales) = (floats(tensor)?, floats(constants.get(input(node, 1)?)?)?);
    let zero_points = input(node, 2).map(|name| constants.get(name).copied());
    let (kind, offsets) = match zero_points {
        None => (data_type::UINT8, vec![0]),
        Some(zero_point) => (zero_point?.data_type, bytes(zero_point?)?),
    };
    let (low, high) = if kind == data_type::INT8 { (-128, 127) } else { (0, 255) };
    let axis = node.attribute.iter().find(|attribute| attribute.name == "axis").map_or(1, |attribute| attribute.i);
    let rank = tensor.dims.len() as i64;
    let axis = usize::try_from(if axis < 0 { axis + rank } else { axis }).ok()?;
    let extents: Vec<usize> = tensor.dims.iter().map(|&extent| usize::try_from(extent).ok()).collect::<Option<_>>()?;
    let inner: usize = extents.get(axis + 1..).map_or(1, |rest| rest.iter().product());
    let has_axis = extents.get(axis) == Some(&scales.len()) && inner > 0;
    if !(scales.len() == 1 || has_axis) || !(offsets.len() == 1 || offsets.len() == scales.len()) {
        return None;
    }
    let raw_data = values.iter().enumerate().map(|(index, value)| {
        let channel = if scales.len() == 1 { 0 } else { index / inner % scales.len() };
        let offset = offsets[if offsets.len() == 1 { 0 } else { channel }];
        let steps = (value / scales[channel]).round_ties_even() as i32;
        steps.saturating_add(offset).clamp(low, high) as u8
    });
    Some(TensorProto {
        name: node.output.first()?.clone(),
        data_type: kind,
        dims: tensor.dims.clone(),
        raw_data: raw_data.collect(),
        ..TensorProto::default()
    })
}

/// A tensor of `int8` or `uint8`.
fn bytes(tensor: &TensorProto) -> Option<Vec<i32>> {
    let of = |byte: &u8| match tensor.data_type {
        data_type::INT8 => Some(i32::from(byte.cast_signed())),
        data_type::UINT8 => Some(i32::from(*byte)),
        _ => None,
    };
    if tensor.raw_data.is_empty() {
        matches!(tensor.data_type, data_type::INT8 | data_type::UINT8).then(|| tensor.int32_data.clone())
    } else {
        tensor.raw_data.iter().map(of).collect()
    }
}
