//! A float graph as a quantised one that the lowering takes.
//!
//! Convolutions and matrix products become quantised ones ([`product`](super::product)). All else stays in real numbers, between a
//! DequantizeLinear and a QuantizeLinear that are put only where an operator needs bytes: functions of one variable stay together
//! and become one table, and bounds behind a sum stay with it.

use std::collections::{HashMap, HashSet};

use earmark_core::model::Element;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::{Pad, PadMode, TypedConcat};
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::{Conv, SumPool};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::math::{Add, Div, Mul, Sub};
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer};
use tract_onnx::tract_core::ops::quant::DequantizeLinearF32;
use tract_onnx::tract_core::ops::source::TypedSource;

use super::affine::{bound, only_reader};
use super::int16::Elements;
use super::observe::Observed;
use super::range::{Ranges, quant};
use crate::Error;
use crate::compile::import::{Imported, describe};
use crate::compile::ir::Quant;
use crate::compile::lower::{before_activation, is_part, scaled_input, works_by_value};
use crate::compile::quantize::{QuantizeExact, Steps};
use crate::compile::recurrent::RealLayer;

/// A quantised graph.
pub(super) struct Rewritten {
    pub(super) graph: TypedModel,
    /// The tensors that were quantised, in the order in which they are computed; the last one is the output.
    pub(super) layers: Vec<Layer>,
}

/// A tensor that was quantised.
pub(super) struct Layer {
    /// The node that makes it.
    pub(super) node: String,
    /// In the float graph.
    pub(super) float: OutletId,
    /// In the quantised graph.
    pub(super) bytes: OutletId,
    pub(super) quant: Quant,
}

/// Rewrites the graph of `float`, given what was observed of each of its real tensors.
///
/// # Errors
/// [`Error::UnsupportedOperator`] with the node's name.
pub(super) fn rewrite(
    float: &Imported,
    observed: &HashMap<OutletId, Observed>,
    ranges: Ranges,
    elements: Elements<'_>,
) -> Result<Rewritten, Error> {
    let (activation, logits) = before_activation(&float.graph)?;
    let mut rewriting = Rewriting {
        float,
        observed,
        ranges,
        elements,
        graph: TypedModel::default(),
        layers: Vec::new(),
        values: HashMap::new(),
        reals: HashMap::new(),
        taken_in: HashSet::new(),
    };
    let order = float.graph.eval_order().map_err(|error| Error::Onnx { what: describe(&error) })?;
    let last = float.graph.node(float.graph.outputs[0].node);
    for id in order {
        let is_activation = activation.is_some() && id == last.id;
        if !is_activation && !rewriting.taken_in.contains(&id) {
            rewriting.node(float.graph.node(id))?;
        }
    }
    let node = float.graph.node(logits.node);
    let bytes = rewriting.bytes(node, logits)?;
    let mut output = rewriting.real(node, bytes)?;
    if activation.is_some() {
        output = rewriting.wire(last, &last.name, last.op.clone(), &[output])?;
    }
    let Rewriting { mut graph, layers, .. } = rewriting;
    elements.check(&layers)?;
    graph.select_output_outlets(&[output]).map_err(|error| Error::Onnx { what: describe(&error) })?;
    Ok(Rewritten { graph, layers })
}

/// What became of a real tensor.
#[derive(Debug, Clone, Copy)]
enum Value {
    /// Bytes.
    Bytes(Bytes),
    /// Bytes scaled and shifted by constants that differ from place to place, in real numbers.
    Scaled(OutletId),
    /// A function of bytes, value by value, in real numbers.
    Function { outlet: OutletId, of: Bytes },
    /// A sum, product, mean or concatenation of bytes, with bounds perhaps, in real numbers.
    Combination(OutletId),
}

/// A quantised tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bytes {
    pub(super) outlet: OutletId,
    pub(super) quant: Quant,
}

pub(super) struct Rewriting<'f> {
    pub(super) float: &'f Imported,
    pub(super) observed: &'f HashMap<OutletId, Observed>,
    ranges: Ranges,
    elements: Elements<'f>,
    graph: TypedModel,
    layers: Vec<Layer>,
    /// By outlet of the float graph.
    values: HashMap<OutletId, Value>,
    /// Bytes that are there as real numbers, too.
    reals: HashMap<OutletId, OutletId>,
    /// Nodes of the float graph that are part of a layer before them.
    taken_in: HashSet<usize>,
}

impl Rewriting<'_> {
    fn node(&mut self, node: &TypedNode) -> Result<(), Error> {
        let outlet = OutletId::from(node.id);
        if node.outputs.iter().all(|output| output.fact.konst.is_some()) {
            return Ok(());
        }
        if node.op.is::<TypedSource>() {
            let fact = node.outputs[0].fact.without_value();
            let source = self.graph.add_source(&node.name, fact).map_err(|error| self.failed(node, &error))?;
            let bytes = self.quantised(node, outlet, source)?;
            self.values.insert(outlet, Value::Bytes(bytes));
            return Ok(());
        }
        let value = if let Some(op) = node.op.downcast_ref::<Conv>() {
            return self.convolution(node, op);
        } else if let Some(op) = node.op.downcast_ref::<EinSum>() {
            return self.matrix_product(node, op);
        } else if let Some(op) = node.op.downcast_ref::<RealLayer>() {
            return self.recurrent(node, op);
        } else if let Some(op) = node.op.downcast_ref::<Pad>() {
            self.padded(node, op)?
        } else if is_part(node) {
            let input = self.bytes(node, node.inputs[0])?;
            let outlet = self.copied(node, &[(node.inputs[0], input.outlet)])?;
            Value::Bytes(Bytes { outlet, ..input })
        } else if works_by_value(node) {
            self.by_value(node)?
        } else if node.op.is::<SumPool>() || node.op.is::<TypedConcat>() || is_sum(node) {
            self.combination(node)?
        } else {
            return Err(self.float.unsupported(node, "it is not supported in a float model"));
        };
        self.values.insert(outlet, value);
        Ok(())
    }

    /// Operators that work value by value: functions of one tensor stay real, sums and products of two become combinations.
    fn by_value(&mut self, node: &TypedNode) -> Result<Value, Error> {
        let variables = self.variables(node);
        if let (&[input], Some(Value::Combination(outlet) | Value::Scaled(outlet))) =
            (variables.as_slice(), variables.first().and_then(|input| self.values.get(input)).copied())
            && only_reader(&self.float.graph, input).is_some()
            && (bound(&self.float.graph, node).is_some() || self.is_mean(node))
        {
            return self.copied(node, &[(input, outlet)]).map(Value::Combination);
        }
        if let Some(inlet) = scaled_input(&self.float.graph, node) {
            let input = node.inputs[inlet];
            let known = self.values.get(&input).copied();
            match known {
                Some(Value::Scaled(outlet)) if only_reader(&self.float.graph, input).is_some() => {
                    return self.copied(node, &[(input, outlet)]).map(Value::Scaled);
                }
                _ if self.is_uniform(node.inputs[1 - inlet]) => {}
                _ => {
                    let bytes = self.bytes(node, input)?;
                    let real = self.real(node, bytes)?;
                    return self.copied(node, &[(input, real)]).map(Value::Scaled);
                }
            }
        }
        let mut bases = Vec::new();
        let mut inputs = Vec::new();
        for &input in &variables {
            let (outlet, base) = match self.values.get(&input) {
                Some(&Value::Function { outlet, of }) => (outlet, of),
                _ => {
                    let bytes = self.bytes(node, input)?;
                    (self.real(node, bytes)?, bytes)
                }
            };
            inputs.push((input, outlet));
            if !bases.contains(&base) {
                bases.push(base);
            }
        }
        if let (&[of], true) = (bases.as_slice(), node.inputs.iter().all(|&input| self.is_uniform(input))) {
            return Ok(Value::Function { outlet: self.copied(node, &inputs)?, of });
        }
        let is_pair = node
            .op
            .downcast_ref::<TypedBinOp>()
            .is_some_and(|op| op.0.is::<Add>() || op.0.is::<Sub>() || op.0.is::<Mul>());
        match *variables.as_slice() {
            [_, _] if is_pair => self.combination(node),
            _ => Err(self
                .float
                .unsupported(node, "it is supported only with one variable, or as a sum or product of two")),
        }
    }

    /// Whether an outlet is not constant, or the same number everywhere.
    fn is_uniform(&self, outlet: OutletId) -> bool {
        let fact = self.float.graph.outlet_fact(outlet).ok();
        fact.and_then(|fact| fact.konst.as_ref()).is_none_or(|constant| constant.as_uniform().is_some())
    }

    /// An operator on bytes as real numbers, whose result needs bytes of its own.
    fn combination(&mut self, node: &TypedNode) -> Result<Value, Error> {
        let mut inputs = Vec::new();
        for input in self.variables(node) {
            let bytes = self.bytes(node, input)?;
            inputs.push((input, self.real(node, bytes)?));
        }
        self.copied(node, &inputs).map(Value::Combination)
    }

    /// A Pad with one number.
    fn padded(&mut self, node: &TypedNode, op: &Pad) -> Result<Value, Error> {
        let number = match &op.mode {
            PadMode::Constant(value) => value.cast_to_scalar::<f32>().ok().filter(|value| value.is_finite()),
            _ => None,
        };
        let number = number.ok_or_else(|| self.float.unsupported(node, "padding is supported only by a constant"))?;
        let input = self.bytes(node, node.inputs[0])?;
        let step = input.quant.step(number);
        if (input.quant.real(step) - number).abs() > input.quant.scale {
            // It lies outside the range of what it pads: the whole has one of its own.
            return self.combination(node);
        }
        let step = match input.quant.element {
            Element::Int8 => tensor0(step as i8),
            Element::Int16 => tensor0(i32::from(step)),
        };
        let mode = PadMode::Constant(step.into_arc_tensor());
        let outlet = self.wire(node, &node.name, Pad { mode, ..op.clone() }, &[input.outlet])?;
        Ok(Value::Bytes(Bytes { outlet, ..input }))
    }

    /// Whether a node divides a sum over axes, which makes a mean of it.
    fn is_mean(&self, node: &TypedNode) -> bool {
        let divides = node.op.downcast_ref::<TypedBinOp>().is_some_and(|op| op.0.is::<Div>());
        divides && is_sum(self.float.graph.node(node.inputs[0].node))
    }

    /// What a node reads that is not constant, each once.
    fn variables(&self, node: &TypedNode) -> Vec<OutletId> {
        let is_constant =
            |outlet: OutletId| self.float.graph.outlet_fact(outlet).is_ok_and(|fact| fact.konst.is_some());
        let mut found = Vec::new();
        for &input in &node.inputs {
            if !is_constant(input) && !found.contains(&input) {
                found.push(input);
            }
        }
        found
    }

    /// A tensor as bytes, for `reader`; quantised now if it was not needed as bytes before.
    pub(super) fn bytes(&mut self, reader: &TypedNode, outlet: OutletId) -> Result<Bytes, Error> {
        let real = match self.values.get(&outlet) {
            Some(&Value::Bytes(bytes)) => return Ok(bytes),
            Some(&(Value::Function { outlet, .. } | Value::Combination(outlet) | Value::Scaled(outlet))) => outlet,
            None => {
                return Err(self
                    .float
                    .unsupported(reader, "one of its inputs does not depend on the features as a tensor"));
            }
        };
        let node = self.float.graph.node(outlet.node);
        let bytes = self.quantised(node, outlet, real)?;
        self.values.insert(outlet, Value::Bytes(bytes));
        Ok(bytes)
    }

    /// As [`bytes`](Self::bytes), in int8 whatever the layer gives.
    pub(super) fn int8(&mut self, reader: &TypedNode, outlet: OutletId) -> Result<Bytes, Error> {
        let bytes = self.bytes(reader, outlet)?;
        if bytes.quant.element == Element::Int8 {
            return Ok(bytes);
        }
        let real = self.real(reader, bytes)?;
        let quant = quant(self.range(reader, outlet, None)?, Element::Int8);
        self.rounded(reader, &format!("{}.input", reader.name), real, quant)
    }

    /// Puts a QuantizeLinear behind `real`, which is what became of `outlet`.
    fn quantised(&mut self, node: &TypedNode, outlet: OutletId, real: OutletId) -> Result<Bytes, Error> {
        let quant = self.quant(node, outlet)?;
        let bytes = self.rounded(node, &format!("{}.quantize", node.name), real, quant)?;
        self.layers.push(Layer { node: node.name.clone(), float: outlet, bytes: bytes.outlet, quant });
        Ok(bytes)
    }

    fn rounded(&mut self, node: &TypedNode, name: &str, real: OutletId, quant: Quant) -> Result<Bytes, Error> {
        let op =
            QuantizeExact { scale: quant.scale, zero_point: quant.zero_point.into(), to: Steps::of(quant.element) };
        Ok(Bytes { outlet: self.wire(node, name, ElementWiseOp(Box::new(op), None), &[real])?, quant })
    }

    /// What is known of a tensor of the new graph.
    pub(super) fn fact(&self, node: &TypedNode, outlet: OutletId) -> Result<TypedFact, Error> {
        self.graph.outlet_fact(outlet).cloned().map_err(|error| self.failed(node, &error))
    }

    /// Bytes as real numbers.
    fn real(&mut self, reader: &TypedNode, bytes: Bytes) -> Result<OutletId, Error> {
        if let Some(&real) = self.reals.get(&bytes.outlet) {
            return Ok(real);
        }
        let op = DequantizeLinearF32 { scale: bytes.quant.scale, zero_point: bytes.quant.zero_point.into() };
        let name = format!("{}.dequantize", self.graph.node(bytes.outlet.node).name);
        let real = self.wire(reader, &name, op, &[bytes.outlet])?;
        self.reals.insert(bytes.outlet, real);
        Ok(real)
    }

    /// The range of a tensor of the float graph as a quantisation.
    pub(super) fn quant(&self, node: &TypedNode, outlet: OutletId) -> Result<Quant, Error> {
        let element = self.elements.of(node);
        // 65,536 steps are enough for all values.
        let ranges = (element == Element::Int16).then_some(Ranges::MinMax);
        Ok(quant(self.range(node, outlet, ranges)?, element))
    }

    /// The range of a tensor of the float graph, chosen in the one way or in another.
    pub(super) fn range(&self, node: &TypedNode, outlet: OutletId, ranges: Option<Ranges>) -> Result<[f32; 2], Error> {
        let observed = self.observed.get(&outlet);
        let observed = observed.ok_or_else(|| self.float.unsupported(node, "its output does not hold real numbers"))?;
        Ok(ranges.unwrap_or(self.ranges).choose(&observed.histogram))
    }

    /// The layer that ends at `end`: its bytes are what a product gives.
    pub(super) fn finish(&mut self, node: &TypedNode, end: OutletId, bytes: Bytes, taken_in: &[usize]) {
        self.taken_in.extend(taken_in);
        self.values.insert(end, Value::Bytes(bytes));
        self.layers.push(Layer { node: node.name.clone(), float: end, bytes: bytes.outlet, quant: bytes.quant });
    }

    /// The same operator in the new graph; `variables` tells what its inputs became.
    fn copied(&mut self, node: &TypedNode, variables: &[(OutletId, OutletId)]) -> Result<OutletId, Error> {
        let mut inputs = Vec::new();
        for (inlet, input) in node.inputs.iter().enumerate() {
            let wire = match variables.iter().find(|(variable, _)| variable == input) {
                Some(&(_, wire)) => wire,
                None => {
                    let fact = self.float.graph.outlet_fact(*input).ok();
                    let constant = fact.and_then(|fact| fact.konst.clone());
                    let constant = constant.ok_or_else(|| self.float.unsupported(node, "its inputs must be known"))?;
                    self.constant(node, &inlet.to_string(), constant)?
                }
            };
            inputs.push(wire);
        }
        self.wire(node, &node.name, node.op.clone(), &inputs)
    }

    pub(super) fn constant(
        &mut self,
        node: &TypedNode,
        suffix: &str,
        value: impl IntoArcTensor,
    ) -> Result<OutletId, Error> {
        let outlet = self.graph.add_const(format!("{}.{suffix}", node.name), value);
        outlet.map_err(|error| self.failed(node, &error))
    }

    pub(super) fn wire(
        &mut self,
        node: &TypedNode,
        name: &str,
        op: impl Into<Box<dyn tract_onnx::tract_core::ops::TypedOp>>,
        inputs: &[OutletId],
    ) -> Result<OutletId, Error> {
        let outlets = self.graph.wire_node(name, op, inputs).map_err(|error| self.failed(node, &error))?;
        Ok(outlets[0])
    }

    pub(super) fn failed(&self, node: &TypedNode, error: &TractError) -> Error {
        self.float.unsupported(node, &describe(error))
    }
}

fn is_sum(node: &TypedNode) -> bool {
    matches!(node.op.downcast_ref::<Reduce>(), Some(Reduce { reducer: Reducer::Sum, .. }))
}
