//! Functions of one variable, evaluated by tract for every value that a byte can have.

use std::collections::{HashMap, HashSet};

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::logic::Iff;
use tract_onnx::tract_core::ops::quant::DequantizeLinearF32;

use super::real::{Term, byte_at};
use super::{Lowering, Operand};
use crate::Error;
use crate::compile::import::describe;
use crate::compile::ir::Quant;
use crate::compile::quantize::QuantizeExact;

/// A stretch of operators that work value by value.
#[derive(Default)]
struct Stretch {
    /// Its operators, each after those that it reads.
    nodes: Vec<usize>,
    seen: HashSet<usize>,
    /// What it reads that is neither part of it nor constant.
    leaves: Vec<OutletId>,
}

impl Lowering<'_> {
    /// The one term that an outlet is a function of, value by value, and the function's values at [the term's points](Quant::points).
    pub(super) fn function_of_term(&mut self, outlet: OutletId) -> Result<Option<(Term, Vec<f32>)>, Error> {
        let mut stretch = Stretch::default();
        if !works_by_value(self.model.node(outlet.node)) || !self.collect(outlet, &mut stretch) {
            return Ok(None);
        }
        let [leaf] = *stretch.leaves.as_slice() else { return Ok(None) };
        let Some(term) = self.term(leaf)? else { return Ok(None) };
        let node = self.model.node(outlet.node);
        if term.operand.layout.shape() != self.output_shape(node)? {
            return Ok(None);
        }
        let values = self
            .evaluate(&stretch, leaf, outlet, tensor1(&term.quant.points()))
            .and_then(|values| Ok(values.try_as_plain_ram()?.as_slice::<f32>()?.to_vec()));
        let values = values.map_err(|error| self.unsupported(node, &describe(&error)))?;
        Ok(Some((term, values)))
    }

    /// An operator that works on bytes as they are, such as Clip on int8.
    pub(super) fn quantised_unary(&mut self, node: &TypedNode) -> Result<(), Error> {
        let outlet = OutletId::from(node.id);
        let mut stretch = Stretch::default();
        let collected = works_by_value(node) && self.collect_one(node, &mut stretch);
        let ([leaf], true) = (stretch.leaves.as_slice(), collected) else {
            return Err(self.unsupported(node, "it is not supported on int8 tensors"));
        };
        let leaf = *leaf;
        let Some(operand) = self.operands.get(&leaf).cloned() else {
            return Err(self.unsupported(node, "it is not supported on int8 tensors"));
        };
        let signed: Vec<i8> = (0..256).map(byte_at).collect();
        let unsigned: Vec<u8> = (0..=255).collect();
        let is_unsigned = self.model.outlet_fact(leaf).is_ok_and(|fact| fact.datum_type == DatumType::U8);
        let input = if is_unsigned { tensor1(&unsigned) } else { tensor1(&signed) };
        let values = self.evaluate(&stretch, leaf, outlet, input).and_then(|values| {
            let values = values.cast_to::<i32>()?;
            let bytes = values.try_as_plain_ram()?.as_slice::<i32>()?.iter().map(|&value| self.byte(outlet, value));
            let bytes: Vec<i8> = bytes.collect::<Result<_, _>>().map_err(TractError::msg)?;
            Ok(<[i8; 256]>::try_from(bytes.as_slice())?)
        });
        let table = values.map_err(|error| self.unsupported(node, &describe(&error)))?;
        let quant = operand.quant;
        let zero_point = quant.map_or(0, |quant| quant.zero_point);
        let term = Term { operand, quant: Quant::bytes(1.0, zero_point) };
        let output = self.byte_lookup(node, &term, &table, term.quant);
        self.operands.insert(outlet, Operand { quant, ..output });
        Ok(())
    }

    /// Follows a stretch back to its leaves; `false` if a constant in it has different values at different places.
    fn collect(&self, outlet: OutletId, stretch: &mut Stretch) -> bool {
        let node = self.model.node(outlet.node);
        if self.model.outlet_fact(outlet).is_ok_and(|fact| fact.konst.is_some()) {
            return self.uniform(outlet).is_some();
        }
        if !works_by_value(node) {
            let leaf = self.same_leaf(outlet, &stretch.leaves);
            if !stretch.leaves.contains(&leaf) {
                stretch.leaves.push(leaf);
            }
            return true;
        }
        if !stretch.seen.insert(node.id) {
            return true;
        }
        let whole = node.inputs.iter().all(|&input| self.collect(input, stretch));
        stretch.nodes.push(node.id);
        whole
    }

    /// A stretch of a single operator.
    fn collect_one(&self, node: &TypedNode, stretch: &mut Stretch) -> bool {
        stretch.nodes.push(node.id);
        for &input in &node.inputs {
            if self.model.outlet_fact(input).is_ok_and(|fact| fact.konst.is_some()) {
                if self.uniform(input).is_none() {
                    return false;
                }
            } else if !stretch.leaves.contains(&input) {
                stretch.leaves.push(input);
            }
        }
        true
    }

    /// An equal DequantizeLinear of the same tensor among the leaves, or the outlet itself.
    fn same_leaf(&self, outlet: OutletId, leaves: &[OutletId]) -> OutletId {
        let dequantised = |outlet: OutletId| {
            let node = self.model.node(outlet.node);
            node.op.downcast_ref::<DequantizeLinearF32>().map(|op| (node.inputs[0], op))
        };
        let equal = |leaf: &OutletId| dequantised(*leaf).is_some() && dequantised(*leaf) == dequantised(outlet);
        leaves.iter().copied().find(equal).unwrap_or(outlet)
    }

    /// The value of a constant that has the same everywhere, as a tensor of one axis.
    fn uniform(&self, outlet: OutletId) -> Option<Tensor> {
        let constant = self.model.outlet_fact(outlet).ok()?.konst.as_ref()?;
        constant.as_uniform()?.into_shape(&[1]).ok()
    }

    /// Runs a stretch on values of its leaf.
    fn evaluate(&self, stretch: &Stretch, leaf: OutletId, outlet: OutletId, values: Tensor) -> TractResult<Tensor> {
        let mut model = TypedModel::default();
        let mut wires: HashMap<OutletId, OutletId> = HashMap::new();
        let source = model.add_source("values", values.datum_type().fact(values.shape()))?;
        wires.insert(leaf, source);
        for &id in &stretch.nodes {
            let node = self.model.node(id);
            let mut inputs = TVec::new();
            for (inlet, &input) in node.inputs.iter().enumerate() {
                let wire = match (wires.get(&self.same_leaf(input, &[leaf])), self.uniform(input)) {
                    (Some(&wire), _) => wire,
                    (None, Some(value)) => model.add_const(format!("{}.{inlet}", node.name), value)?,
                    (None, None) => return Err(TractError::msg("it has an input that can't be evaluated")),
                };
                inputs.push(wire);
            }
            let outputs = model.wire_node(&node.name, node.op.clone(), &inputs)?;
            wires.insert(id.into(), outputs[0]);
        }
        let output = wires.get(&outlet).copied().unwrap_or(source);
        model.select_output_outlets(&[output])?;
        let outputs = model.into_runnable()?.run(tvec!(values.into()))?;
        Ok(outputs[0].clone().into_tensor())
    }
}

/// Whether each output value of a node depends on the input values at its own place alone.
pub fn works_by_value(node: &TypedNode) -> bool {
    let quantises = |op: &ElementWiseOp| op.0.is::<QuantizeExact>();
    node.op.downcast_ref::<ElementWiseOp>().is_some_and(|op| !quantises(op))
        || node.op.is::<TypedBinOp>()
        || node.op.is::<Iff>()
        || node.op.is::<Cast>()
}
