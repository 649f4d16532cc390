//! Stretches of real numbers between DequantizeLinear and QuantizeLinear, as integer operators.
//!
//! Some real tensors are held exactly by an int8 one: the output of DequantizeLinear, parts and maxima of it, its Relu.
//! They are called *terms* here and need no operator of their own. A QuantizeLinear ends a stretch: what stands before
//! it is a term, a function of one term (then it becomes a lookup table), or a sum, product, mean or concatenation of
//! terms; or the features themselves, at the input.

use earmark_core::model::Element;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::{Gather, Pad, PadMode, Slice, StridedSlice, TypedConcat};
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::cnn::MaxPool;
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer};
use tract_onnx::tract_core::ops::quant::DequantizeLinearF32;
use tract_onnx::tract_core::ops::source::TypedSource;

use super::{Lowering, Operand};
use crate::Error;
use crate::compile::ir::{Kind, Quant};

/// A real tensor that an int8 one holds exactly.
#[derive(Debug, Clone)]
pub(super) struct Term {
    pub(super) operand: Operand,
    pub(super) quant: Quant,
}

impl Lowering<'_> {
    /// The operand that a QuantizeLinear makes.
    pub(super) fn quantised_real(&mut self, node: &TypedNode, quant: Quant) -> Result<Operand, Error> {
        let model = self.model;
        let mut outlet = node.inputs[0];
        // Parts and maxima of rounded numbers are rounded parts and maxima: where they are no terms, rounding comes first.
        let mut parts = Vec::new();
        while (is_part(model.node(outlet.node)) || padding(model.node(outlet.node)).is_some())
            && (model.node(outlet.node).op.is::<AxisOp>() || self.term(outlet)?.is_none())
        {
            parts.push(model.node(outlet.node));
            outlet = model.node(outlet.node).inputs[0];
        }
        let mut operand = if model.node(outlet.node).op.is::<TypedSource>() {
            self.take_features(node, quant)?
        } else if let Some((term, values)) = self.function_of_term(outlet)? {
            self.lookup(node, &term, &values, quant)
        } else if let Some(term) = self.term(outlet)? {
            self.requantised(node, &term, quant)
        } else {
            self.combined(node, outlet, quant)?
        };
        for part in parts.into_iter().rev() {
            operand = match padding(part) {
                Some((pads, number)) => self.surrounded(part, &operand, pads, quant.step(number))?,
                None => self.rearranged(part, &operand)?,
            };
        }
        Ok(operand)
    }

    /// The term that an outlet is, if it is one.
    pub(super) fn term(&mut self, outlet: OutletId) -> Result<Option<Term>, Error> {
        if let Some(known) = self.terms.get(&outlet) {
            return Ok(known.clone());
        }
        let term = self.new_term(outlet)?;
        self.terms.insert(outlet, term.clone());
        Ok(term)
    }

    fn new_term(&mut self, outlet: OutletId) -> Result<Option<Term>, Error> {
        let node = self.model.node(outlet.node);
        if let Some(op) = node.op.downcast_ref::<DequantizeLinearF32>() {
            let (input, zero_point) = (node.inputs[0], self.byte(node.inputs[0], op.zero_point)?);
            let quant = Quant { scale: op.scale, zero_point, element: self.element(input) };
            return Ok(Some(Term { operand: self.operand(node, 0)?, quant }));
        }
        if is_part(node) {
            let Some(term) = self.term(node.inputs[0])? else { return Ok(None) };
            return Ok(Some(Term { operand: self.rearranged(node, &term.operand)?, ..term }));
        }
        if let Some(op) = node.op.downcast_ref::<TypedConcat>() {
            return self.concatenated_term(node, op.axis);
        }
        if let Some((pads, number)) = padding(node) {
            let Some(term) = self.term(node.inputs[0])? else { return Ok(None) };
            let step = term.quant.step(number);
            let is_exact = term.quant.real(step) == number;
            let operand = if is_exact { self.surrounded(node, &term.operand, pads, step)? } else { return Ok(None) };
            return Ok(Some(Term { operand, ..term }));
        }
        let Some((term, values)) = self.function_of_term(outlet)? else { return Ok(None) };
        let is_held = |&value: &f32| term.quant.real(term.quant.step(value)) == value;
        // Of int16 only some values are known.
        let is_exact = term.quant.element == Element::Int8 && values.iter().all(is_held);
        Ok(is_exact.then(|| Term { operand: self.lookup(node, &term, &values, term.quant), quant: term.quant }))
    }

    /// A concatenation of terms is one if all are quantised alike.
    fn concatenated_term(&mut self, node: &TypedNode, axis: usize) -> Result<Option<Term>, Error> {
        let Some(terms) = self.terms_of(node)? else { return Ok(None) };
        let quant = terms[0].quant;
        if terms.iter().any(|term| term.quant != quant) {
            return Ok(None);
        }
        let operands: Vec<Operand> = terms.into_iter().map(|term| term.operand).collect();
        Ok(Some(Term { operand: self.concatenated(node, axis, &operands)?, quant }))
    }

    /// All inputs of a node, if each is a term.
    pub(super) fn terms_of(&mut self, node: &TypedNode) -> Result<Option<Vec<Term>>, Error> {
        node.inputs.iter().map(|&input| self.term(input)).collect()
    }

    /// The same numbers in another quantisation.
    pub(super) fn requantised(&mut self, node: &TypedNode, term: &Term, quant: Quant) -> Operand {
        self.lookup(node, term, &term.quant.points(), quant)
    }

    /// A lookup table over a term, of which the values at [its points](Quant::points) are given; the term itself if the table changes
    /// nothing.
    pub(super) fn lookup(&mut self, node: &TypedNode, term: &Term, values: &[f32], quant: Quant) -> Operand {
        let elements = [term.quant.element, quant.element];
        if let ([Element::Int8, Element::Int8], Some(values)) = (elements, values.first_chunk::<256>()) {
            return self.byte_lookup(node, term, &values.map(|value| quant.step(value) as i8), quant);
        }
        if term.quant == quant && values == term.quant.points() {
            return term.operand.clone();
        }
        // Of a byte there are 256 parts, so that rounding comes after interpolation.
        let parts = if quant.element == Element::Int8 { 256.0 } else { 1.0 };
        let entry = |value: &f32| {
            let steps = (value / quant.scale + f32::from(quant.zero_point)) * parts;
            steps.round_ties_even() as i16
        };
        let kind = Kind::Int16Lookup(values.iter().map(entry).collect());
        let input = term.operand.natural(term.quant.zero_point);
        let tensor = self.push(node, kind, vec![input], input.shape, quant);
        Operand { tensor, offset: 0, layout: term.operand.layout.clone(), quant: Some(quant) }
    }

    /// A table over a term of bytes that gives bytes.
    pub(super) fn byte_lookup(&mut self, node: &TypedNode, term: &Term, table: &[i8; 256], quant: Quant) -> Operand {
        let operand = &term.operand;
        if table.iter().enumerate().all(|(index, &byte)| byte == byte_at(index)) {
            return Operand { quant: Some(quant), ..operand.clone() };
        }
        let input = operand.natural(term.quant.zero_point);
        let kind = Kind::Lookup(Box::new(*table));
        let tensor = self.push(node, kind, vec![input], input.shape, quant);
        Operand { tensor, offset: 0, layout: operand.layout.clone(), quant: Some(quant) }
    }
}

/// Whether a node gives some of the values that it takes, as they are, or another view of them.
pub fn is_part(node: &TypedNode) -> bool {
    node.op.is::<AxisOp>()
        || node.op.is::<Slice>()
        || node.op.is::<StridedSlice>()
        || node.op.is::<Gather>()
        || node.op.is::<MaxPool>()
        || matches!(node.op.downcast_ref::<Reduce>(), Some(Reduce { reducer: Reducer::Max, .. }))
}

/// What a Pad puts before and behind each axis, and the number that it puts there.
fn padding(node: &TypedNode) -> Option<(&[(usize, usize)], f32)> {
    let op = node.op.downcast_ref::<Pad>()?;
    let PadMode::Constant(value) = &op.mode else { return None };
    let number = value.cast_to_scalar::<f32>().ok()?;
    Some((&op.pads, number))
}

/// The byte whose table entry is at `index`.
pub(super) fn byte_at(index: usize) -> i8 {
    (index as u8 ^ 0x80).cast_signed()
}
