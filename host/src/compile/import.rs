//! ONNX bytes to tract's typed graph.
//!
//! The lowering reads the graph as tract's `into_typed` gives it, with constants folded: one node an ONNX operator,
//! axes as in the file. The rest of tract's decluttering prepares graphs for running on tract: it turns 1×1
//! convolutions into EinSum, moves axes about and evaluates quantised functions into tables by reciprocal scales, none
//! of which can be undone.

use std::collections::HashMap;

use tract_onnx::Onnx;
use tract_onnx::pb::{ModelProto, NodeProto, ValueInfoProto, tensor_shape_proto, type_proto};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::cnn::Conv;
use tract_onnx::tract_core::optim::Optimizer;

use super::screen::{self, Numbers, SUPPORTED};
use super::{qlinear, quantize, recurrent, wire};
use crate::Error;
use crate::guard::shielded;

/// Largest ONNX file that is read, in bytes.
pub const MAX_FILE: usize = 256 << 20;
/// Most values that one input window may have.
const MAX_INPUT: usize = 1 << 24;
/// Most values of all tensors of a graph together: half a gigabyte of floats.
const MAX_VALUES: usize = 1 << 27;

/// An ONNX file that tract has read.
#[derive(Debug)]
pub struct Imported {
    /// The graph, typed, constants folded.
    pub graph: TypedModel,
    /// The shape of its one input.
    pub input_shape: Vec<usize>,
    /// `metadata_props`.
    pub metadata: Vec<(String, String)>,
    /// The ONNX operator of each node, by the node's name.
    operators: HashMap<String, String>,
}

impl Imported {
    /// The ONNX operator that a node of the graph comes from. tract makes several nodes of some operators, named after
    /// theirs with a suffix each.
    pub fn operator(&self, node: &TypedNode) -> String {
        let mut name = node.name.as_str();
        loop {
            match (self.operators.get(name), name.rfind('.')) {
                (Some(operator), _) => return operator.clone(),
                (None, Some(end)) => name = &name[..end],
                (None, None) => return node.op.name().into_owned(),
            }
        }
    }

    /// The same file with another graph in its place.
    pub fn with_graph(&self, graph: TypedModel) -> Self {
        let Self { input_shape, metadata, operators, .. } = self;
        Self { graph, input_shape: input_shape.clone(), metadata: metadata.clone(), operators: operators.clone() }
    }

    /// The error for a node of the graph that is not supported, with the shapes that it reads.
    pub fn unsupported(&self, node: &TypedNode, why: &str) -> Error {
        let shapes = node.inputs.iter().filter_map(|&outlet| self.graph.outlet_fact(outlet).ok());
        let shape = shapes
            .map(|fact| format!("[{}]", fact.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")));
        Error::UnsupportedOperator {
            node: printable(&node.name),
            operator: printable(&self.operator(node)),
            shape: shape.take(2).collect::<Vec<_>>().join(" and "),
            why: why.to_owned(),
            supported: SUPPORTED,
        }
    }
}

/// tract's ONNX reader, with QuantizeLinear as the standard has it.
pub fn reader(numbers: Numbers) -> Onnx {
    without_amx();
    let mut reader = tract_onnx::onnx();
    reader.op_register.insert("QuantizeLinear", quantize::parse);
    reader.op_register.insert("QGemm", qlinear::parse_gemm);
    if numbers == Numbers::Real {
        for operator in recurrent::OPERATORS {
            reader.op_register.insert(operator, recurrent::parse);
        }
    }
    // Shapes are computed anew; those in the file may be wrong.
    reader.with_ignore_value_info(true)
}

/// Keeps tract from Intel's AMX instructions, for which it has kernels in bytes (`avx512amx_mmm_i32_8x8` and `_16x16` of tract-linalg
/// 0.23.9): these take the depth of a product by 64, but the right-hand side is packed for as many as there are. What lies behind it is
/// read, multiplied by zero, and where no memory lies there the program ends. Other kernels give the same numbers.
fn without_amx() {
    #[cfg(target_arch = "x86_64")]
    {
        use tract_onnx::tract_core::tract_linalg::knobs::TRACT_CPU_ISA;
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            let asked = TRACT_CPU_ISA.get().map_or(String::new(), |asked| format!("{asked},"));
            TRACT_CPU_ISA.set(Some(format!("{asked}-amx-int8")));
        });
    }
}

/// Reads an ONNX file whose weights are `numbers`.
///
/// # Errors
/// [`Error::Onnx`] and [`Error::UnsupportedOperator`]. Hostile files give errors as well: never a panic.
pub fn import(bytes: &[u8], numbers: Numbers) -> Result<Imported, Error> {
    if bytes.len() > MAX_FILE {
        return Err(Error::Onnx { what: format!("it has {} bytes; at most {MAX_FILE} are read", bytes.len()) });
    }
    wire::check(bytes)?;
    let mut proto = shielded(|| reader(numbers).proto_model_for_read(&mut &*bytes))
        .and_then(Result::ok)
        .ok_or_else(|| Error::Onnx { what: "it is damaged or not an ONNX file".to_owned() })?;
    if let (Some(graph), true) = (&mut proto.graph, numbers != Numbers::Foreign) {
        recurrent::tidy(graph);
    }
    // Rewriting may quantise what is real.
    let before = if numbers == Numbers::Quantised { Numbers::Any } else { numbers };
    screen::check(&proto, bytes.len(), before)?;
    let nodes = proto.graph.iter().flat_map(|graph| &graph.node);
    let operators = nodes.map(|node| (screen::name(node).to_owned(), node.op_type.clone())).collect();
    let rewrite = || {
        if let Some(graph) = &mut proto.graph {
            if numbers != Numbers::Foreign {
                qlinear::plain(graph);
            }
            qlinear::fold(graph);
            qlinear::expand(graph);
            if numbers == Numbers::Quantised {
                qlinear::merge(graph);
            }
        }
    };
    shielded(rewrite).ok_or_else(|| Error::Onnx { what: "it is inconsistent".to_owned() })?;
    screen::check(&proto, bytes.len(), numbers)?;
    if let Some(graph) = &mut proto.graph {
        graph.input.iter_mut().for_each(fix_batch);
    }
    let graph = typed(&proto, numbers)?;
    let input_shape = input_shape(&graph)?;
    check_sizes(&graph)?;
    let metadata = proto.metadata_props.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
    Ok(Imported { graph, input_shape, metadata, operators })
}

/// A graph that is ready to run up to `outlets`, and gives them first.
///
/// # Errors
/// What tract says.
pub fn runnable(mut graph: TypedModel, outlets: &[OutletId]) -> TractResult<Arc<TypedRunnableModel>> {
    let outlets = [outlets, &strided_inputs(&mut graph)?].concat();
    graph.select_output_outlets(&outlets)?;
    graph.into_optimized()?.into_runnable()
}

/// Gives what strided convolutions read a second reader, whose outlets these are.
///
/// tract 0.23.9 lets a convolution before a Slice skip what one behind it strides over, and forgets where the Slice begins: the results
/// are wrong. It leaves alone what is read twice.
fn strided_inputs(graph: &mut TypedModel) -> TractResult<Vec<OutletId>> {
    let is_strided = |op: &Conv| op.pool_spec.strides().iter().any(|&stride| stride > 1);
    let strided = graph.nodes().iter().filter(|node| node.op_as::<Conv>().is_some_and(is_strided));
    let inputs: Vec<(String, OutletId)> = strided.map(|node| (node.name.clone(), node.inputs[0])).collect();
    let second = |(name, input): (String, OutletId)| {
        Ok(graph.wire_node(format!("{name}.second_reader"), AxisOp::Add(0), &[input])?[0])
    };
    inputs.into_iter().map(second).collect()
}

/// The input's shape: concrete, not empty, not huge.
fn input_shape(graph: &TypedModel) -> Result<Vec<usize>, Error> {
    let fact = graph.input_fact(0).map_err(|error| Error::Onnx { what: describe(&error) })?;
    let shape = fact.shape.as_concrete().ok_or_else(|| Error::Onnx {
        what: format!("its input has the shape {:?}, which leaves sizes open: export it with fixed sizes", fact.shape),
    })?;
    let values = shape.iter().try_fold(1usize, |product, &extent| product.checked_mul(extent));
    match values {
        Some(values) if (1..=MAX_INPUT).contains(&values) => Ok(shape.to_vec()),
        _ => Err(Error::Onnx { what: format!("its input has the unusable shape {shape:?}") }),
    }
}

/// Refuses a graph whose tensors, small as the file may be, take more memory than there may be.
fn check_sizes(graph: &TypedModel) -> Result<(), Error> {
    let mut total = 0usize;
    for node in graph.nodes() {
        for output in &node.outputs {
            let shape = output.fact.shape.as_concrete();
            let values =
                shape.map_or(Some(0), |shape| shape.iter().try_fold(1usize, |all, &extent| all.checked_mul(extent)));
            total = total.saturating_add(values.unwrap_or(usize::MAX));
            if total > MAX_VALUES {
                let what =
                    format!("its tensors up to node {} have more than {MAX_VALUES} values", printable(&node.name));
                return Err(Error::Onnx { what });
            }
        }
    }
    Ok(())
}

/// The axes of time and of features in an input of this shape, for frames of `features` features; an axis beyond the
/// last stands for an extent of 1. `None` if no axis has that extent or there are more axes than these two.
///
/// If both have the same extent, features come before time in three axes or fewer, as one-dimensional convolutions have
/// them, and after time in more.
pub fn feature_axes(shape: &[usize], features: usize) -> Option<(usize, usize)> {
    let long: Vec<usize> = (0..shape.len()).filter(|&axis| shape[axis] > 1).collect();
    let none = shape.len();
    match *long.as_slice() {
        [] if features == 1 => Some((none, none)),
        [one] if shape[one] == features => Some((none, one)),
        [one] if features == 1 => Some((one, none)),
        [first, second] if shape[first] == features && (shape[second] != features || shape.len() <= 3) => {
            Some((second, first))
        }
        [first, second] if shape[second] == features => Some((first, second)),
        _ => None,
    }
}

fn typed(proto: &ModelProto, numbers: Numbers) -> Result<TypedModel, Error> {
    let build = || -> TractResult<TypedModel> {
        let mut graph = reader(numbers).model_for_proto_model(proto)?.into_typed()?;
        Optimizer::prop_consts().optimize(&mut graph)?;
        if numbers == Numbers::Real {
            recurrent::see_through(&mut graph)?;
        }
        Ok(graph)
    };
    match shielded(build) {
        Some(Ok(graph)) => Ok(graph),
        Some(Err(error)) => Err(Error::Onnx { what: describe(&error) }),
        None => Err(Error::Onnx { what: "it is inconsistent".to_owned() }),
    }
}

/// An error of tract's and its causes, in one line.
pub fn describe(error: &TractError) -> String {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    printable(&causes.join(": ").split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Text from a file as a part of one line: control characters escaped, cut off where it gets long.
pub fn printable(text: &str) -> String {
    const LONGEST: usize = 400;
    let mut line = String::new();
    for character in text.chars().take(LONGEST) {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// A batch of open size becomes a batch of one.
fn fix_batch(input: &mut ValueInfoProto) {
    use tensor_shape_proto::dimension::Value::DimValue;
    let Some(type_proto::Value::TensorType(tensor)) = input.r#type.as_mut().and_then(|kind| kind.value.as_mut()) else {
        return;
    };
    if let Some(batch) = tensor.shape.as_mut().and_then(|shape| shape.dim.first_mut())
        && !matches!(batch.value, Some(DimValue(extent)) if extent > 0)
    {
        batch.value = Some(DimValue(1));
    }
}

/// The shape that the file states for an input of the graph.
fn declared_shape(input: &ValueInfoProto) -> Option<String> {
    use tensor_shape_proto::dimension::Value;
    let Some(type_proto::Value::TensorType(tensor)) = &input.r#type.as_ref()?.value else { return None };
    let extents = tensor.shape.as_ref()?.dim.iter().map(|dimension| match &dimension.value {
        Some(Value::DimValue(extent)) => extent.to_string(),
        Some(Value::DimParam(name)) => printable(name),
        None => "?".to_owned(),
    });
    Some(format!("[{}]", extents.collect::<Vec<_>>().join(",")))
}

/// The shape of a tensor that `node` reads, for an error message: found by typing the graph up to there.
pub fn shape_before(model: &ModelProto, node: &NodeProto, tensor: &str) -> String {
    let Some(graph) = &model.graph else { return "unknown".to_owned() };
    let mut head = graph.clone();
    head.node = graph.node.iter().take_while(|&other| !std::ptr::eq(other, node)).cloned().collect();
    head.output = vec![ValueInfoProto { name: tensor.to_owned(), ..ValueInfoProto::default() }];
    head.input.iter_mut().for_each(fix_batch);
    // tract makes no graph without a node.
    if let Some(input) = head.input.iter().find(|input| input.name == tensor) {
        return declared_shape(input).unwrap_or_else(|| "unknown".to_owned());
    }
    let known = head.node.iter().flat_map(|node| &node.output);
    if !known.chain(head.initializer.iter().map(|constant| &constant.name)).any(|name| name == tensor) {
        return "unknown".to_owned();
    }
    let proto = ModelProto { graph: Some(head), opset_import: model.opset_import.clone(), ..ModelProto::default() };
    typed(&proto, Numbers::Any)
        .ok()
        .and_then(|graph| graph.output_fact(0).ok().map(|fact| format!("[{:?}]", fact.shape)))
        .unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use tract_onnx::tract_core::tract_linalg::isa::{Isa, native};

    /// Whatever was read before: every file goes through the one reader.
    #[test]
    fn tract_makes_no_use_of_amx() {
        super::reader(super::Numbers::Any);
        assert!(!native().has(Isa::X86_64AmxInt8));
    }
}
