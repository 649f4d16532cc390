//! A first look at an ONNX file: only operators that the compiler knows, and sizes that the file can hold, reach tract.
//!
//! A file may come from anywhere. tract folds constants while it reads, so an operator that makes large tensors from a
//! few bytes (`Expand`, `ConstantOfShape`, a padded convolution of constants) could fill the memory before anything is
//! checked.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};

use super::import::{printable, shape_before};
use super::qlinear::OWN_OPERATORS;
use super::recurrent;
use crate::Error;

/// Most nodes that a graph may have.
const MAX_NODES: usize = 1024;
/// Greatest number in an attribute (strides, padding, kernel shapes …).
const MAX_ATTRIBUTE: i64 = 65_535;
/// Most values that may be computed of constants, unless the file itself has more: each tensor, and all together four times as many.
const MAX_FOLDED: u64 = 1 << 24;
/// Most axes of a tensor.
const MAX_AXES: u64 = 16;

/// Operators with weights, which must have an input that depends on the features.
const QUANTISED: &[&str] = &["QLinearConv", "QLinearMatMul"];
/// The same on real numbers, which are quantised with the help of audio.
const REAL: &[&str] = &["Conv", "Gemm", "MatMul"];
/// Operators over windows and whole tensors, likewise.
const WINDOWED: &[&str] = &[
    "AveragePool",
    "BatchNormalization",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "MaxPool",
    "Pad",
    "ReduceMax",
    "ReduceMean",
    "ReduceSum",
];
/// Functions of one variable that become lookup tables, likewise.
const UNARY: &[&str] = &[
    "Abs",
    "Ceil",
    "Celu",
    "Clip",
    "Cos",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "LeakyRelu",
    "Log",
    "Mish",
    "Neg",
    "PRelu",
    "Pow",
    "Reciprocal",
    "Relu",
    "Round",
    "Selu",
    "Sigmoid",
    "Sign",
    "Sin",
    "Softmax",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Swish",
    "Tanh",
    "ThresholdedRelu",
];
/// Operators that may work on constants alone as long as what they make is small.
const ARITHMETIC: &[&str] = &["Add", "Div", "Max", "Mean", "Min", "Mul", "Sub", "Sum"];
/// Others that work value by value or make one of many, of which tract folds constants.
const FOLDING: &[&str] = &[
    "And",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "Mod",
    "Not",
    "Or",
    "ReduceProd",
    "ReduceSum",
    "Size",
    "Where",
];
/// Operators that make as many values as their last input says.
const MAKING: &[&str] = &["ConstantOfShape", "Expand", "Tile"];
/// Operators that compute nothing.
const MOVING: &[&str] = &[
    "Cast",
    "Concat",
    "Constant",
    "DequantizeLinear",
    "Dropout",
    "Flatten",
    "Gather",
    "Identity",
    "QuantizeLinear",
    "Reshape",
    "Shape",
    "Slice",
    "Split",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
];

/// What is supported, for error messages.
pub const SUPPORTED: &str = "Conv, Gemm and MatMul with int8 weights, as QLinearConv, QGemm and QLinearMatMul or between DequantizeLinear and \
    QuantizeLinear, or with --calibrate in real numbers; \
    between DequantizeLinear and QuantizeLinear BatchNormalization, Add, Sub, Mul, Concat, Split, Slice, Pad, average and max pooling (global and ReduceMean/ReduceMax too), Relu, \
    Clip and any other function of one variable; Reshape, Flatten, Squeeze, Unsqueeze and Transpose; Softmax or Sigmoid at the end; \
    with --calibrate GRU and LSTM of one direction";

/// What the weights of a model may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Quantised: what the compiler lowers.
    Quantised,
    /// Quantised or real: what tract runs.
    Any,
    /// Real: what calibration quantises. GRU and LSTM are one operator each.
    Real,
    /// Whatever tract can run, by any operator.
    Foreign,
}

/// Checks a model before tract sees it.
///
/// # Errors
/// [`Error::UnsupportedOperator`] or [`Error::Onnx`], with the node's name.
pub fn check(model: &ModelProto, file_length: usize, numbers: Numbers) -> Result<(), Error> {
    let graph = model.graph.as_ref().ok_or_else(|| refused("it holds no graph"))?;
    if !graph.sparse_initializer.is_empty() {
        return Err(refused("it holds sparse tensors, which are not supported"));
    }
    if graph.node.len() > MAX_NODES {
        return Err(refused(format!("it has {} nodes; at most {MAX_NODES} are supported", graph.node.len())));
    }
    let file_length = file_length as u64;
    let mut constants = constants(graph, file_length)?;
    let mut folded = 0;
    let mut live: HashSet<&str> =
        graph.input.iter().map(|input| input.name.as_str()).filter(|name| !constants.contains_key(name)).collect();
    if live.len() != 1 {
        return Err(refused(format!("it has {} inputs instead of one, the features", live.len())));
    }
    for node in &graph.node {
        check_node(node, file_length)?;
        let known = |groups: &[&[&str]]| groups.iter().any(|group| group.contains(&node.op_type.as_str()));
        let inputs = || node.input.iter().filter(|name| !name.is_empty());
        // Whatever comes first is given by a node that comes later: the graph goes in a circle, or its order is not that of ONNX.
        let is_known = |name: &&String| live.contains(name.as_str()) || constants.contains_key(name.as_str());
        if let Some(unknown) = inputs().find(|name| !is_known(name)) {
            let what = format!("node {} ({}) reads {unknown}, which no node before it gives", name(node), node.op_type);
            return Err(refused(what));
        }
        // The shape of a tensor is a constant.
        let is_live = node.op_type != "Shape" && inputs().any(|name| live.contains(name.as_str()));
        let is_allowed = known(&[QUANTISED, OWN_OPERATORS, WINDOWED, UNARY, ARITHMETIC, MOVING])
            || known(&[REAL, recurrent::OPERATORS]) && numbers != Numbers::Quantised
            || numbers == Numbers::Foreign;
        if !is_allowed {
            return Err(unsupported(model, node, None));
        }
        if numbers == Numbers::Real
            && known(&[recurrent::OPERATORS])
            && let Some(why) = recurrent::refusal(graph, node)
        {
            return Err(unsupported(model, node, Some(why)));
        }
        if is_live {
            live.extend(node.output.iter().map(String::as_str));
            continue;
        }
        let is_small = numbers == Numbers::Foreign && known(&[UNARY, FOLDING]);
        if !is_small && known(&[REAL, QUANTISED, OWN_OPERATORS, WINDOWED, UNARY, recurrent::OPERATORS]) {
            return Err(refused(format!("node {} ({}) does not depend on the features", name(node), node.op_type)));
        }
        let values = values(graph, node, &constants);
        folded = values.saturating_add(folded);
        if values > MAX_FOLDED.max(file_length) || folded > 4 * MAX_FOLDED.max(file_length) {
            return Err(refused(format!("node {} ({}) computes a large constant", name(node), node.op_type)));
        }
        constants.extend(node.output.iter().map(|output| (output.as_str(), values)));
    }
    Ok(())
}

/// Most values that a node may make of constants, of which the numbers of values are known.
fn values(graph: &GraphProto, node: &NodeProto, constants: &HashMap<&str, u64>) -> u64 {
    let inputs = || node.input.iter().filter_map(|name| constants.get(name.as_str()).copied());
    let product = || inputs().fold(1, u64::saturating_mul);
    let tensors = node.attribute.iter().filter_map(|attribute| attribute.t.as_ref());
    match node.op_type.as_str() {
        "Constant" => {
            let lists = node.attribute.iter().map(|attribute| attribute.ints.len() + attribute.floats.len());
            tensors.map(length).fold(lists.sum::<usize>() as u64 + 1, u64::saturating_add)
        }
        "Shape" => MAX_AXES,
        "Identity" | "Cast" | "Reshape" | "Transpose" | "Flatten" | "Squeeze" | "Unsqueeze" | "Slice" | "Concat"
        | "Split" | "DequantizeLinear" | "QuantizeLinear" | "Dropout" => inputs().fold(0, u64::saturating_add),
        // What each value of one meets each of the others.
        name if [ARITHMETIC, UNARY, FOLDING, &["Gather"]].iter().any(|group| group.contains(&name)) => product(),
        // It may make as many as it says: that must be there to be read.
        name if MAKING.contains(&name) => {
            let shape = graph.initializer.iter().find(|tensor| Some(&tensor.name) == node.input.last());
            shape.map_or(u64::MAX, |shape| integers(shape).fold(product(), u64::saturating_mul))
        }
        _ => u64::MAX,
    }
}

/// The node's name, or that of its first output.
pub fn name(node: &NodeProto) -> &str {
    if node.name.is_empty() { node.output.first().map_or("without a name", String::as_str) } else { &node.name }
}

fn refused(what: impl Into<String>) -> Error {
    Error::Onnx { what: printable(&what.into()) }
}

/// The initialisers and their numbers of values, each at most as many as the file has bytes.
fn constants(graph: &GraphProto, file_length: u64) -> Result<HashMap<&str, u64>, Error> {
    let named = |tensor| check_tensor(tensor, file_length).map(|values| (tensor.name.as_str(), values));
    graph.initializer.iter().map(named).collect()
}

/// The values of a tensor of 64-bit integers, negative ones as very large ones.
fn integers(tensor: &TensorProto) -> impl Iterator<Item = u64> {
    let raw = tensor.raw_data.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes));
    tensor.int64_data.iter().copied().chain(raw).map(|value| u64::try_from(value).unwrap_or(u64::MAX))
}

/// Number of values that a tensor says that it has; the most there are if it says nonsense.
fn length(tensor: &TensorProto) -> u64 {
    let extents = || tensor.dims.iter().map(|&extent| u64::try_from(extent).ok());
    let product = extents().try_fold(1u64, |product, extent| product.checked_mul(extent?));
    product.unwrap_or(u64::MAX)
}

fn check_tensor(tensor: &TensorProto, file_length: u64) -> Result<u64, Error> {
    if tensor.data_location.is_some_and(|location| location != 0) || !tensor.external_data.is_empty() {
        return Err(refused(format!("tensor {} is stored in another file: save the model as one file", tensor.name)));
    }
    match length(tensor) {
        values if values <= file_length => Ok(values),
        _ => Err(refused(format!("tensor {} is larger than the file", tensor.name))),
    }
}

fn check_node(node: &NodeProto, file_length: u64) -> Result<(), Error> {
    for attribute in &node.attribute {
        let numbers = attribute.ints.iter().chain([&attribute.i]);
        let is_value = node.op_type == "Constant";
        if !is_value && numbers.into_iter().any(|number| number.unsigned_abs() > MAX_ATTRIBUTE.unsigned_abs()) {
            return Err(refused(format!("node {}: attribute {} is out of range", name(node), attribute.name)));
        }
        if let Some(tensor) = &attribute.t {
            check_tensor(tensor, file_length)?;
        }
        let sparse = attribute.sparse_tensor.is_some() || !attribute.sparse_tensors.is_empty();
        if sparse || !attribute.tensors.is_empty() {
            return Err(refused(format!(
                "node {} ({}) holds sparse tensors or lists of them",
                name(node),
                node.op_type
            )));
        }
        if attribute.g.is_some() || !attribute.graphs.is_empty() {
            return Err(refused(format!("node {} ({}) holds a graph of its own", name(node), node.op_type)));
        }
    }
    Ok(())
}

/// The error for a node that is not supported, with the shape that its first input has; without a reason it is of an unknown kind.
fn unsupported(model: &ModelProto, node: &NodeProto, why: Option<&str>) -> Error {
    let input = node.input.first().map_or("", String::as_str);
    let is_rounded = model.graph.iter().flat_map(|graph| &graph.node).any(|node| node.op_type == "QuantizeLinear");
    let why = why.unwrap_or(match node.op_type.as_str() {
        "Conv" | "Gemm" | "MatMul" if is_rounded => {
            "it is not supported here: it must stand between DequantizeLinear, of its input and of its int8 weights, and QuantizeLinear, with Relu \
             or Clip before that at most, and not be read elsewhere; or compile the network as it was before it was quantised, with \
             --calibrate DIR"
        }
        "GRU" | "LSTM" if is_rounded => {
            "it is not supported in a quantised network: compile the network as it was before it was quantised, with --calibrate DIR"
        }
        "Conv" | "Gemm" | "MatMul" | "GRU" | "LSTM" => {
            "its real numbers are not supported as they are: quantise them by `earmark compile --calibrate DIR`, with \
             audio in DIR"
        }
        _ => "it is not supported",
    });
    Error::UnsupportedOperator {
        node: printable(name(node)),
        operator: printable(&node.op_type),
        shape: shape_before(model, node, input),
        why: why.to_owned(),
        supported: SUPPORTED,
    }
}
