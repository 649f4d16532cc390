//! tract's typed graph to the quantised network: one file a family of operators.
//!
//! Operators on int8 tensors are lowered one by one. Between DequantizeLinear and QuantizeLinear a graph computes with
//! real numbers: such a stretch is recognised as a whole, at its QuantizeLinear, and becomes integer operators
//! ([`real`]).

mod affine;
mod axes;
mod binary;
mod concat;
mod convolution;
mod logits;
mod moved;
mod pad;
mod pool;
mod product;
mod real;
mod recurrent;
mod slice;
mod unary;
mod window;

use std::collections::{BTreeSet, HashMap};

use earmark_core::model::Element;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::{Gather, Pad, TypedConcat};
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::cnn::{Conv, MaxPool};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::ops::nn::Reduce;
use tract_onnx::tract_core::ops::source::TypedSource;

use super::import::{Imported, describe, feature_axes};
use super::int16::{Form, Int16Product};
use super::ir::{Graph, Kind, Op, Place, Quant, TensorId};
use super::layout::Layout;
use super::quantize::{QuantizeExact, Steps};
use super::recurrent::ByteLayer;
use crate::Error;
use binary::Bounds;

pub use affine::scaled_input;
pub use logits::{Activation, before_activation};
pub use real::is_part;
pub use unary::works_by_value;

/// A quantised tensor of the ONNX graph: where its values stand and how its axes run over them.
#[derive(Debug, Clone)]
struct Operand {
    tensor: TensorId,
    /// First value within the tensor.
    offset: usize,
    layout: Layout,
    /// What the bytes stand for, where the operator that makes them says so.
    quant: Option<Quant>,
}

impl Operand {
    fn place(&self, shape: [usize; 3], zero_point: i8) -> Place {
        Place { tensor: self.tensor, offset: self.offset, shape, zero_point }
    }

    /// The whole operand, for operators to which height, width and channels are the same.
    fn natural(&self, zero_point: i8) -> Place {
        self.place(self.layout.natural(), zero_point)
    }
}

/// What a lowering gives.
#[derive(Debug)]
pub struct Lowered {
    /// The network up to its int8 logits.
    pub graph: Graph,
    /// The activation that followed the logits in the file.
    pub activation: Option<Activation>,
}

/// Lowers a graph whose frames have `features` features.
///
/// # Errors
/// [`Error::UnsupportedOperator`] with the node's name, operator and shape; [`Error::Onnx`] if the input or the output
/// has an unusable shape.
pub fn lower(imported: &Imported, features: usize) -> Result<Lowered, Error> {
    let model = &imported.graph;
    let mut lowering = Lowering {
        model,
        imported,
        graph: Graph {
            tensors: Vec::new(),
            int16: BTreeSet::new(),
            ops: Vec::new(),
            frames: 0,
            features,
            lasting: vec![Graph::FEATURES],
            input: Quant::bytes(1.0, 0),
            output: Place { tensor: 0, offset: 0, shape: [1, 1, 1], zero_point: 0 },
            output_quant: Quant::bytes(1.0, 0),
        },
        operands: HashMap::new(),
        pads: HashMap::new(),
        terms: HashMap::new(),
        has_input: false,
    };
    let order = model.eval_order().map_err(|error| Error::Onnx { what: describe(&error) })?;
    for id in order {
        lowering.node(model.node(id))?;
    }
    let activation = lowering.logits()?;
    Ok(Lowered { graph: lowering.graph, activation })
}

struct Lowering<'m> {
    model: &'m TypedModel,
    imported: &'m Imported,
    graph: Graph,
    operands: HashMap<OutletId, Operand>,
    /// Padded tensors, which convolutions take as they are: what was padded, and by how much on each axis.
    pads: HashMap<OutletId, (OutletId, Pad)>,
    /// For each real tensor that was looked at the int8 one that holds it exactly, if there is one.
    terms: HashMap<OutletId, Option<real::Term>>,
    has_input: bool,
}

impl Lowering<'_> {
    fn node(&mut self, node: &TypedNode) -> Result<(), Error> {
        let op = &node.op;
        if let Some(quantize) = op.downcast_ref::<ElementWiseOp>().and_then(|op| op.0.downcast_ref::<QuantizeExact>()) {
            return self.quantize(node, quantize);
        }
        if op.is::<Const>() {
            return Ok(());
        }
        // Real numbers, and comparisons of them, wait for their QuantizeLinear. Parts of terms are terms at once, so that a
        // long chain of them needs no deep recursion.
        if let Some(product) = op.downcast_ref::<Int16Product>() {
            return self.int16_product(node, product);
        }
        if !self.is_quantised(node) {
            return if real::is_part(node) { self.term(node.id.into()).map(|_| ()) } else { Ok(()) };
        }
        if op.is::<TypedSource>() {
            return self.source(node);
        }
        if let Some(op) = op.downcast_ref::<Conv>() {
            self.convolution(node, op)
        } else if let Some(op) = op.downcast_ref::<EinSum>() {
            self.matrix_product(node, op)
        } else if let Some(op) = op.downcast_ref::<ByteLayer>() {
            self.recurrent(node, op)
        } else if let Some(op) = op.downcast_ref::<Pad>() {
            if self.pads.contains_key(&node.inputs[0]) {
                self.operand(node, 0)?;
            }
            self.pads.insert(node.id.into(), (node.inputs[0], op.clone()));
            Ok(())
        } else if let Some(op) = op.downcast_ref::<TypedConcat>() {
            self.quantised_concat(node, op.axis)
        } else if real::is_part(node) {
            let input = self.operand(node, 0)?;
            let output = self.rearranged(node, &input)?;
            self.operands.insert(node.id.into(), output);
            Ok(())
        } else {
            self.quantised_unary(node)
        }
    }

    /// A product of which input or output is int16.
    fn int16_product(&mut self, node: &TypedNode, product: &Int16Product) -> Result<(), Error> {
        match &product.form {
            Form::Convolution(op) => self.convolution(node, op)?,
            Form::Matrix(op) => self.matrix_product(node, op)?,
        }
        let outlet = OutletId::from(node.id);
        if let Some(operand) = self.operands.remove(&outlet)
            && let Some(quant) = operand.quant
        {
            let [low, high] = product.bounds;
            let bounded = self.clamped(node, operand, Bounds { low, high }, quant);
            self.operands.insert(outlet, bounded);
        }
        Ok(())
    }

    /// Operators that give some of the values that they take, as they are: they work on bytes as they do on real
    /// numbers.
    fn rearranged(&mut self, node: &TypedNode, input: &Operand) -> Result<Operand, Error> {
        if let Some(op) = node.op.downcast_ref::<AxisOp>() {
            self.changed_axes(node, op, input)
        } else if let Some(op) = node.op.downcast_ref::<MaxPool>() {
            self.max_pool(node, op, input)
        } else if let Some(op) = node.op.downcast_ref::<Reduce>() {
            self.reduced_max(node, op, input)
        } else if let Some(op) = node.op.downcast_ref::<Gather>() {
            self.picked(node, op, input)
        } else {
            self.sliced(node, input)
        }
    }

    /// The features, as bytes.
    fn source(&mut self, node: &TypedNode) -> Result<(), Error> {
        let quant = self.declared_quant(node.id.into());
        let operand = self.take_features(node, quant.unwrap_or(Quant::bytes(1.0, 0)))?;
        self.operands.insert(node.id.into(), operand);
        Ok(())
    }

    /// The quantisation that the reader of an int8 tensor states.
    fn declared_quant(&self, outlet: OutletId) -> Option<Quant> {
        use tract_onnx::tract_core::ops::quant::DequantizeLinearF32;
        self.model.node(outlet.node).outputs[outlet.slot].successors.iter().find_map(|reader| {
            let node = self.model.node(reader.node);
            if let Some(op) = node.op.downcast_ref::<DequantizeLinearF32>() {
                return Some(Quant::bytes(op.scale, self.byte(node.inputs[0], op.zero_point).ok()?));
            }
            let is_product = node.op.is::<Conv>() || node.op.is::<EinSum>();
            is_product.then(|| self.quant_of(node, 3, node.inputs[0]).ok()).flatten()
        })
    }

    /// The features, for `node` quantises them: stored frame after frame, as the engine does.
    fn take_features(&mut self, node: &TypedNode, quant: Quant) -> Result<Operand, Error> {
        let shape = self.imported.input_shape.clone();
        let features = self.graph.features;
        let (time, feature) = feature_axes(&shape, features).ok_or_else(|| Error::Onnx {
            what: format!(
                "its input has the shape {shape:?}, but the front end gives {features} features a frame: \
                 one axis must have that extent and one other the number of frames"
            ),
        })?;
        if self.has_input {
            return Err(self.unsupported(node, "the features may be quantised only once"));
        }
        self.has_input = true;
        self.graph.frames = shape.get(time).copied().unwrap_or(1);
        self.graph.input = quant;
        self.graph.add_tensor(self.graph.frames * features, quant.element);
        let mut order: Vec<usize> = (0..shape.len()).filter(|&axis| axis != time && axis != feature).collect();
        order.extend([time, feature].into_iter().filter(|&axis| axis < shape.len()));
        let layout = Layout::new(&shape, &order);
        Ok(Operand { tensor: Graph::FEATURES, offset: 0, layout, quant: Some(quant) })
    }

    fn quantize(&mut self, node: &TypedNode, op: &QuantizeExact) -> Result<(), Error> {
        let zero_point = op.zero_point - if op.to == Steps::Uint8 { 128 } else { 0 };
        let zero_point = i8::try_from(zero_point)
            .map_err(|_| self.unsupported(node, "its zero point lies outside the range of its type"))?;
        let element = if op.to == Steps::Int16 { Element::Int16 } else { Element::Int8 };
        let quant = Quant { scale: op.scale, zero_point, element };
        let operand = self.quantised_real(node, quant)?;
        self.operands.insert(node.id.into(), Operand { quant: Some(quant), ..operand });
        Ok(())
    }

    /// A zero point as the engine holds it: tensors of `uint8` are kept 128 lower.
    fn byte(&self, outlet: OutletId, zero_point: i32) -> Result<i8, Error> {
        let unsigned = self.model.outlet_fact(outlet).is_ok_and(|fact| fact.datum_type == DatumType::U8);
        i8::try_from(zero_point - if unsigned { 128 } else { 0 }).map_err(|_| {
            let node = self.model.node(outlet.node);
            self.unsupported(node, "its zero point lies outside the range of its type")
        })
    }

    /// A value of a tensor as the engine holds it.
    fn step(&self, outlet: OutletId, value: i32) -> Result<i16, Error> {
        match self.element(outlet) {
            Element::Int8 => self.byte(outlet, value).map(i16::from),
            Element::Int16 => i16::try_from(value).map_err(|_| {
                self.unsupported(self.model.node(outlet.node), "its value lies outside the range of its type")
            }),
        }
    }

    /// What a quantised tensor is held in.
    fn element(&self, outlet: OutletId) -> Element {
        let is_int16 = self.model.outlet_fact(outlet).is_ok_and(|fact| fact.datum_type == Steps::Int16.datum_type());
        if is_int16 { Element::Int16 } else { Element::Int8 }
    }

    /// Whether a node gives a quantised tensor.
    fn is_quantised(&self, node: &TypedNode) -> bool {
        let given = node.outputs[0].fact.datum_type;
        // Other numbers of 32 bits are made of no quantised tensor of 32 bits.
        let of_int16 = |input: &OutletId| {
            self.element(*input) == Element::Int16
                && (self.operands.contains_key(input) || self.pads.contains_key(input))
        };
        matches!(given, DatumType::I8 | DatumType::U8)
            || (given == Steps::Int16.datum_type() && node.inputs.first().is_some_and(of_int16))
    }

    /// The quantised operand that a node reads.
    fn operand(&mut self, node: &TypedNode, inlet: usize) -> Result<Operand, Error> {
        let outlet = node.inputs[inlet];
        if let Some((source, pad)) = self.pads.get(&outlet).cloned()
            && !self.operands.contains_key(&outlet)
        {
            let padded = self.padded(self.model.node(outlet.node), source, &pad)?;
            self.operands.insert(outlet, padded);
        }
        self.operands.get(&outlet).cloned().ok_or_else(|| {
            self.unsupported(node, "one of its inputs does not depend on the features as an int8 tensor")
        })
    }

    /// A constant that a node reads.
    fn constant(&self, node: &TypedNode, inlet: usize) -> Result<&Tensor, Error> {
        let fact = node.inputs.get(inlet).and_then(|&outlet| self.model.outlet_fact(outlet).ok());
        let value = fact.and_then(|fact| fact.konst.as_deref());
        value.ok_or_else(|| self.unsupported(node, "its weights, scales and zero points must be constants"))
    }

    /// A constant as numbers of another type.
    fn constants<T: tract_onnx::prelude::Datum + Copy>(&self, node: &TypedNode, inlet: usize) -> Result<Vec<T>, Error> {
        let tensor = self.constant(node, inlet)?;
        let values =
            || -> TractResult<Vec<T>> { Ok(tensor.cast_to::<T>()?.try_as_plain_ram()?.as_slice::<T>()?.to_vec()) };
        values().map_err(|error| self.unsupported(node, &describe(&error)))
    }

    /// The quantisation that a node states for one of its tensors: zero point, then scale.
    fn quant_of(&self, node: &TypedNode, zero_point: usize, tensor: OutletId) -> Result<Quant, Error> {
        let one = |values: usize| {
            if values == 1 {
                Ok(())
            } else {
                Err(self.unsupported(node, "its input and output may have one scale each"))
            }
        };
        let zero_points = self.constants::<i32>(node, zero_point)?;
        let scales = self.constants::<f32>(node, zero_point + 1)?;
        one(zero_points.len())?;
        one(scales.len())?;
        if !(scales[0].is_finite() && scales[0] > 0.0) {
            return Err(self.unsupported(node, "its scales must be above 0"));
        }
        Ok(Quant { scale: scales[0], zero_point: self.byte(tensor, zero_points[0])?, element: self.element(tensor) })
    }

    fn concrete(&self, node: &TypedNode, fact: &TypedFact) -> Result<Vec<usize>, Error> {
        let shape = fact.shape.as_concrete().filter(|shape| !shape.contains(&0));
        shape.map(<[usize]>::to_vec).ok_or_else(|| self.unsupported(node, "its shape is empty or left open"))
    }

    /// The shape of a node's output.
    fn output_shape(&self, node: &TypedNode) -> Result<Vec<usize>, Error> {
        self.concrete(node, &node.outputs[0].fact)
    }

    /// Adds an operator that writes a new tensor.
    fn push(&mut self, node: &TypedNode, kind: Kind, inputs: Vec<Place>, shape: [usize; 3], quant: Quant) -> TensorId {
        let tensor = self.graph.add_tensor(shape.iter().product(), quant.element);
        let output = Place { tensor, offset: 0, shape, zero_point: quant.zero_point };
        self.graph.ops.push(Op { node: node.name.clone(), kind, inputs, output, clamp: [i8::MIN, i8::MAX] });
        tensor
    }

    /// Adds a copy of a block to a part of a tensor, of which `shape` is a view.
    fn copy(&mut self, node: &TypedNode, input: Place, (tensor, shape): (TensorId, [usize; 3]), kind: Kind) {
        let output = Place { tensor, offset: 0, shape, zero_point: 0 };
        let clamp = [i8::MIN, i8::MAX];
        self.graph.ops.push(Op { node: node.name.clone(), kind, inputs: vec![input], output, clamp });
    }

    /// How values stay that are only moved: their scale does not matter.
    fn untouched(&self, input: &Operand) -> Quant {
        Quant { scale: 1.0, zero_point: 0, element: self.graph.element(input.tensor) }
    }

    fn unsupported(&self, node: &TypedNode, why: &str) -> Error {
        self.imported.unsupported(node, why)
    }

    /// The error for values that an ONNX graph puts in another order, which the engine does not or only by too many copies.
    fn must_move(&self, node: &TypedNode) -> Error {
        self.unsupported(
            node,
            "it needs its values in another order than they lie in memory (time, frequency, channels), and too many copies for that: \
             remove the Transpose or Reshape before it",
        )
    }
}
