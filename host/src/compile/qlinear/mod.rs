//! The forms in which quantised ONNX files come, made one before tract reads them.
//!
//! *QOperator* files compute with bytes: `QLinearConv`, `QLinearMatMul`, and onnxruntime's own `QGemm`, `QLinearAdd` and others. Those that
//! the standard does not have become the standard's operator between DequantizeLinear and QuantizeLinear ([`expand`]), which is how they
//! are defined. *QDQ* files compute with real numbers everywhere between DequantizeLinear and QuantizeLinear, convolutions and products
//! too; these become QLinearConv and QGemm ([`merge`]), and weights that are rounded in the graph are rounded now ([`fold`]). Weights, scales
//! and zero points stay the numbers that they are. Some operators are said by others, in float files too ([`plain`]).

mod expand;
mod fold;
mod gemm;
mod merge;
mod plain;

use std::collections::{HashMap, HashSet};

use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

pub use expand::{OWN_OPERATORS, expand};
pub use fold::fold;
pub use gemm::parse as parse_gemm;
pub use merge::merge;
pub use plain::plain;

/// ONNX's numbers for types of tensors.
mod data_type {
    pub(super) const FLOAT: i32 = 1;
    pub(super) const UINT8: i32 = 2;
    pub(super) const INT8: i32 = 3;
    pub(super) const INT32: i32 = 6;
}

/// A node with inputs and one output.
fn node(operator: &str, name: String, input: Vec<String>, output: String) -> NodeProto {
    NodeProto { op_type: operator.to_owned(), name, input, output: vec![output], ..NodeProto::default() }
}

/// An input's name; `None` if it is left out.
fn input(node: &NodeProto, index: usize) -> Option<&str> {
    node.input.get(index).map(String::as_str).filter(|name| !name.is_empty())
}

/// Takes away nodes that nothing reads, the readers before what they read.
pub fn remove_unread(graph: &mut GraphProto) {
    let mut needed: HashSet<String> = graph.output.iter().map(|output| output.name.clone()).collect();
    let mut kept = Vec::new();
    for node in std::mem::take(&mut graph.node).into_iter().rev() {
        if node.output.iter().any(|output| needed.contains(output)) {
            needed.extend(node.input.iter().cloned());
            kept.push(node);
        }
    }
    kept.reverse();
    graph.node = kept;
}

/// The constants of a graph by name: initialisers, and what Constant nodes hold.
pub fn constants(graph: &GraphProto) -> HashMap<&str, &TensorProto> {
    let held = graph.node.iter().filter(|node| node.op_type == "Constant").filter_map(|node| {
        let value = node.attribute.iter().find(|attribute| attribute.name == "value")?.t.as_ref()?;
        Some((node.output.first()?.as_str(), value))
    });
    graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).chain(held).collect()
}

/// A tensor of `float`.
fn floats(tensor: &TensorProto) -> Option<Vec<f32>> {
    if tensor.data_type != data_type::FLOAT {
        return None;
    }
    if tensor.raw_data.is_empty() {
        return Some(tensor.float_data.clone());
    }
    let words = tensor.raw_data.as_chunks::<4>().0;
    Some(words.iter().map(|&word| f32::from_le_bytes(word)).collect())
}

/// A tensor of `int32`.
fn integers(tensor: &TensorProto) -> Option<Vec<i32>> {
    if tensor.data_type != data_type::INT32 {
        return None;
    }
    if tensor.raw_data.is_empty() {
        return Some(tensor.int32_data.clone());
    }
    let words = tensor.raw_data.as_chunks::<4>().0;
    Some(words.iter().map(|&word| i32::from_le_bytes(word)).collect())
}

/// Reads past the numbers of a graph's tensors: which node makes a tensor, and how often it is read.
struct Wiring {
    makers: HashMap<String, usize>,
    readers: HashMap<String, Vec<usize>>,
}

impl Wiring {
    fn new(graph: &GraphProto) -> Self {
        let mut wiring = Self { makers: HashMap::new(), readers: HashMap::new() };
        for (index, node) in graph.node.iter().enumerate() {
            for output in &node.output {
                wiring.makers.insert(output.clone(), index);
            }
            for input in &node.input {
                wiring.readers.entry(input.clone()).or_default().push(index);
            }
        }
        for output in &graph.output {
            // Read by the caller, which is no node.
            wiring.readers.entry(output.name.clone()).or_default().push(usize::MAX);
        }
        wiring
    }

    fn maker<'g>(&self, graph: &'g GraphProto, tensor: &str) -> Option<&'g NodeProto> {
        graph.node.get(*self.makers.get(tensor)?)
    }

    fn is_read_once(&self, tensor: &str) -> bool {
        self.readers.get(tensor).is_some_and(|readers| readers.len() == 1)
    }
}
