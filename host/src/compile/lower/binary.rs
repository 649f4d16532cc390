//! Sums, products, means and concatenations of terms, with the Relu or Clip that may follow them.

use earmark_core::model::Element;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::TypedConcat;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::cnn::SumPool;
use tract_onnx::tract_core::ops::math::{Add, Div, Max, Min, Mul, Sub};
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer};
use tract_onnx::tract_core::ops::source::TypedSource;

use super::affine::scaled_input;
use super::moved::axes_in_memory;
use super::pool::Pool;
use super::real::Term;
use super::{Lowering, Operand};
use crate::Error;
use crate::compile::ir::{Kind, Place, Quant};
use crate::compile::layout::Layout;

/// Bounds that Relu, Clip, Max and Min set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) low: f32,
    pub(super) high: f32,
}

impl Lowering<'_> {
    /// What stands before a QuantizeLinear and is neither a term nor a function of one.
    pub(super) fn combined(&mut self, quantize: &TypedNode, outlet: OutletId, quant: Quant) -> Result<Operand, Error> {
        let model = self.model;
        let mut node = model.node(outlet.node);
        let mut bounds = Bounds { low: f32::NEG_INFINITY, high: f32::INFINITY };
        let mut views = Vec::new();
        loop {
            if let Some(op) = node.op.downcast_ref::<AxisOp>() {
                views.push((node, op));
                node = model.node(node.inputs[0].node);
            } else if let Some((inner, tighter)) = self.bounded(node, bounds) {
                bounds = tighter;
                node = model.node(inner.node);
            } else {
                break;
            }
        }
        let mut operand = self.combination(quantize, node, quant)?;
        operand = self.clamped(quantize, operand, bounds, quant);
        for (view, op) in views.into_iter().rev() {
            operand = self.changed_axes(view, op, &operand)?;
        }
        Ok(operand)
    }

    /// A Max or Min with a constant: what it bounds, and the bounds of both it and what follows it.
    fn bounded(&self, node: &TypedNode, after: Bounds) -> Option<(OutletId, Bounds)> {
        let op = node.op.downcast_ref::<TypedBinOp>()?;
        let number = |inlet: usize| {
            let constant = self.model.outlet_fact(node.inputs[inlet]).ok()?.konst.as_ref()?.as_uniform()?;
            constant.cast_to_scalar::<f32>().ok()
        };
        let (inner, bound) = match (number(0), number(1)) {
            (None, Some(bound)) => (node.inputs[0], bound),
            (Some(bound), None) => (node.inputs[1], bound),
            _ => return None,
        };
        let bound = bound.max(after.low).min(after.high);
        if op.0.is::<Max>() {
            Some((inner, Bounds { low: bound, ..after }))
        } else if op.0.is::<Min>() {
            Some((inner, Bounds { high: bound, ..after }))
        } else {
            None
        }
    }

    fn combination(&mut self, quantize: &TypedNode, node: &TypedNode, quant: Quant) -> Result<Operand, Error> {
        if let Some(scaled) = self.scaled(node, quant)? {
            return Ok(scaled);
        }
        if let Some(parts) = self.parted_at_zero(node, quant)? {
            return Ok(parts);
        }
        if let Some(op) = node.op.downcast_ref::<TypedBinOp>() {
            if op.0.is::<Add>() || op.0.is::<Sub>() || op.0.is::<Mul>() {
                return self.pairwise(node, op, quant);
            }
            if op.0.is::<Div>() {
                return self.mean(node, quant);
            }
        }
        if let Some(reduce) = node.op.downcast_ref::<Reduce>().filter(|reduce| reduce.reducer == Reducer::Sum) {
            return self.total(node, reduce, 1.0, quant);
        }
        if let Some(op) = node.op.downcast_ref::<SumPool>() {
            let term = self.needed_term(node, node.inputs[0])?;
            let pool = self.average_window(node, op, &term.operand)?;
            return Ok(self.average(node, &term, pool, quant));
        }
        if let Some(op) = node.op.downcast_ref::<TypedConcat>() {
            let terms =
                node.inputs.iter().map(|&input| self.needed_term(node, input)).collect::<Result<Vec<_>, _>>()?;
            let operands: Vec<Operand> = terms.iter().map(|term| self.requantised(quantize, term, quant)).collect();
            return self.concatenated(node, op.axis, &operands);
        }
        if node.op.is::<TypedSource>() {
            return Err(self.unsupported(
                quantize,
                "it reads what is computed from the features before they are quantised: put QuantizeLinear and \
                 DequantizeLinear right behind the input",
            ));
        }
        Err(self.unsupported(node, "it is not supported on real numbers between DequantizeLinear and QuantizeLinear"))
    }

    /// What a term is above zero and, by a slope that differs from place to place, below: `max(x, 0) + slope · min(x, 0)`. One of the two is
    /// nothing everywhere, so that their sum is rounded once.
    fn parted_at_zero(&mut self, node: &TypedNode, quant: Quant) -> Result<Option<Operand>, Error> {
        let model = self.model;
        if !node.op.downcast_ref::<TypedBinOp>().is_some_and(|op| op.0.is::<Add>()) {
            return Ok(None);
        }
        let unbounded = Bounds { low: f32::NEG_INFINITY, high: f32::INFINITY };
        for (above, below) in [(0, 1), (1, 0)] {
            let sloped = model.node(node.inputs[below].node);
            let Some(variable) = scaled_input(model, sloped).filter(|_| is_product(sloped)) else { continue };
            let found = [node.inputs[above], sloped.inputs[variable]].map(|outlet| {
                let node = model.node(outlet.node);
                self.bounded(node, unbounded)
            });
            let [Some((x, Bounds { low: 0.0, high: f32::INFINITY })), Some((same, bounds))] = found else { continue };
            if x != same || bounds.low != f32::NEG_INFINITY || bounds.high != 0.0 {
                continue;
            }
            let Some(above) = self.term(node.inputs[above])? else { continue };
            let Some(operand) = self.scaled(sloped, quant)? else { continue };
            let kind = Kind::Add([above.quant.scale / quant.scale, 1.0]);
            return self.of_two(node, [above, Term { operand, quant }], kind, quant).map(Some);
        }
        Ok(None)
    }

    fn needed_term(&mut self, node: &TypedNode, outlet: OutletId) -> Result<Term, Error> {
        match self.term(outlet)? {
            Some(term) => Ok(term),
            None => Err(self.unsupported(
                node,
                "its operands must be int8 tensors: put QuantizeLinear and DequantizeLinear between it and the \
                 operator before it",
            )),
        }
    }

    fn pairwise(&mut self, node: &TypedNode, op: &TypedBinOp, quant: Quant) -> Result<Operand, Error> {
        let a = self.needed_term(node, node.inputs[0])?;
        let b = self.needed_term(node, node.inputs[1])?;
        let kind = if op.0.is::<Mul>() {
            Kind::Multiply(a.quant.scale * b.quant.scale / quant.scale)
        } else {
            let sign = if op.0.is::<Sub>() { -1.0 } else { 1.0 };
            Kind::Add([a.quant.scale / quant.scale, sign * (b.quant.scale / quant.scale)])
        };
        self.of_two(node, [a, b], kind, quant)
    }

    /// An operator on two terms, of which one may be repeated.
    fn of_two(
        &mut self,
        node: &TypedNode,
        [mut a, mut b]: [Term; 2],
        kind: Kind,
        quant: Quant,
    ) -> Result<Operand, Error> {
        let shape = self.output_shape(node)?;
        if aligned(&a.operand.layout, &b.operand.layout, &shape).is_none() {
            // Both in the order of the one that is not repeated.
            let whole = if a.operand.layout.shape() == shape { &a } else { &b };
            let order = axes_in_memory(&whole.operand.layout);
            for term in [&mut a, &mut b] {
                term.operand = self.ordered(node, &term.operand, &order)?;
            }
        }
        let (shapes, layout) =
            aligned(&a.operand.layout, &b.operand.layout, &shape).ok_or_else(|| self.must_move(node))?;
        let inputs: Vec<Place> =
            vec![a.operand.place(shapes[0], a.quant.zero_point), b.operand.place(shapes[1], b.quant.zero_point)];
        let tensor = self.push(node, kind, inputs, shapes[2], quant);
        Ok(Operand { tensor, offset: 0, layout, quant: Some(quant) })
    }

    /// A sum over whole axes, divided by a number: by their extent in a mean.
    fn mean(&mut self, node: &TypedNode, quant: Quant) -> Result<Operand, Error> {
        let sum = self.model.node(node.inputs[0].node);
        let reduce = sum.op.downcast_ref::<Reduce>().filter(|reduce| reduce.reducer == Reducer::Sum);
        let divisor = self.constants::<f32>(node, 1)?;
        let (Some(reduce), Some(&first)) = (reduce, divisor.first()) else {
            return Err(self.unsupported(node, "it is supported only as part of a mean, or with one variable"));
        };
        if divisor.iter().any(|&other| other != first) || !first.is_normal() || first < 0.0 {
            return Err(self.unsupported(node, "a sum over axes may be divided only by one number above 0"));
        }
        self.total(sum, reduce, first, quant)
    }

    /// A sum over whole axes over `divisor`, as a multiple of the mean.
    fn total(&mut self, node: &TypedNode, reduce: &Reduce, divisor: f32, quant: Quant) -> Result<Operand, Error> {
        let mut term = self.needed_term(node, node.inputs[0])?;
        let pool = self.reduction(node, &reduce.axes, &term.operand)?;
        let count = (pool.window.kernel[0] * pool.window.kernel[1]) as f32;
        term.quant.scale *= count / divisor;
        Ok(self.average(node, &term, pool, quant))
    }

    fn average(&mut self, node: &TypedNode, term: &Term, pool: Pool, quant: Quant) -> Operand {
        let input = pool.operand.place(pool.input, term.quant.zero_point);
        let ratio = term.quant.scale / quant.scale;
        let kind = Kind::AveragePool { window: pool.window, count_padding: pool.count_padding, ratio };
        let tensor = self.push(node, kind, vec![input], pool.output, quant);
        Operand { tensor, offset: 0, layout: pool.layout, quant: Some(quant) }
    }

    /// Lets the operator that has just given an operand of int16 bound it, if it can: by whole upper bytes.
    fn clamps(&mut self, operand: &Operand, [low, high]: [i16; 2]) -> bool {
        let [low_byte, high_byte] = [low, high].map(|step| (step >> 8) as i8);
        let is_exact = low & 0xFF == 0 && high & 0xFF == 0xFF && low <= high;
        match self.graph.ops.last_mut() {
            Some(op) if is_exact && op.kind.can_clamp() && op.output.tensor == operand.tensor => {
                op.clamp = [low_byte, high_byte];
                true
            }
            _ => false,
        }
    }

    /// Applies bounds to an operand: QuantizeLinear never falls, so bounding before and after it is the same.
    pub(super) fn clamped(&mut self, node: &TypedNode, operand: Operand, bounds: Bounds, quant: Quant) -> Operand {
        let steps = [quant.step(bounds.low), quant.step(bounds.high)];
        if quant.element == Element::Int16 && self.clamps(&operand, steps) {
            return operand;
        }
        let values: Vec<f32> = quant.points().iter().map(|value| value.max(bounds.low).min(bounds.high)).collect();
        self.lookup(node, &Term { operand, quant }, &values, quant)
    }
}

fn is_product(node: &TypedNode) -> bool {
    node.op.downcast_ref::<TypedBinOp>().is_some_and(|op| op.0.is::<Mul>())
}

/// Height, width and channels of two operands and of their combination, in which an operand is repeated along axes of
/// extent 1.
fn aligned(a: &Layout, b: &Layout, shape: &[usize]) -> Option<([[usize; 3]; 3], Layout)> {
    if a.merged() == b.merged() {
        let merged = a.merged();
        return Some(([merged.natural(); 3], merged));
    }
    let (whole, part, part_is_a) = if a.shape() == shape { (a, b, false) } else { (b, a, true) };
    if whole.shape() != shape || part.rank() != whole.rank() {
        return None;
    }
    let repeated: Vec<usize> = (0..whole.rank())
        .filter(|&axis| part.extent(axis) == 1)
        .flat_map(|axis| whole.factors(axis))
        .copied()
        .collect();
    let mut expected = whole.clone();
    let mut falling = repeated.clone();
    falling.sort_unstable_by(|x, y| y.cmp(x));
    falling.iter().for_each(|&factor| expected.drop_factor(factor));
    if expected.merged() != part.merged() {
        return None;
    }
    // Runs of neighbouring factors that the part repeats, or has.
    let mut runs: Vec<(bool, usize)> = Vec::new();
    for (factor, &extent) in whole.memory().iter().enumerate() {
        let is_repeated = repeated.contains(&factor);
        match runs.last_mut() {
            Some((last, product)) if *last == is_repeated => *product *= extent,
            _ => runs.push((is_repeated, extent)),
        }
    }
    let runs = match *runs.as_slice() {
        [only] => [(false, 1), (false, 1), only],
        [first, last] => [first, (false, 1), last],
        [first, middle, last] => [first, middle, last],
        _ => return None,
    };
    let whole_shape = runs.map(|(_, extent)| extent);
    let part_shape = runs.map(|(is_repeated, extent)| if is_repeated { 1 } else { extent });
    let shapes =
        if part_is_a { [part_shape, whole_shape, whole_shape] } else { [whole_shape, part_shape, whole_shape] };
    Some((shapes, whole.clone()))
}

#[cfg(test)]
mod tests {
    use super::{Layout, aligned};

    #[test]
    fn equal_operands_keep_their_shape() {
        let a = Layout::new(&[1, 8, 5], &[0, 2, 1]);
        assert_eq!(aligned(&a, &a, &[1, 8, 5]).unwrap().0, [[5, 1, 8]; 3]);
        let moved = Layout::new(&[1, 8, 5], &[0, 1, 2]);
        assert!(aligned(&a, &moved, &[1, 8, 5]).is_none());
    }

    #[test]
    fn a_value_a_channel_is_repeated_over_time() {
        let whole = Layout::new(&[1, 8, 5], &[0, 2, 1]);
        let part = Layout::new(&[1, 8, 1], &[0, 2, 1]);
        assert_eq!(aligned(&part, &whole, &[1, 8, 5]).unwrap().0, [[1, 1, 8], [5, 1, 8], [5, 1, 8]]);
    }

    #[test]
    fn a_value_a_column_is_repeated_over_time_and_channels() {
        let whole = Layout::new(&[1, 8, 5, 4], &[0, 2, 3, 1]);
        let part = Layout::new(&[1, 1, 1, 4], &[0, 2, 3, 1]);
        assert_eq!(aligned(&whole, &part, &[1, 8, 5, 4]).unwrap().0, [[5, 4, 8], [1, 4, 1], [5, 4, 8]]);
    }
}
