//! Factors and summands that differ from place to place: batch norm that follows no convolution, or one for each band of frequency,
//! or a constant that is added to each channel.
//!
//! They become a convolution of one tap, each channel for itself. Its channels are the innermost part of memory that they differ over.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::math::{Add, Div, Mul, Sub};

use super::real::Term;
use super::{Lowering, Operand};
use crate::Error;
use crate::compile::ir::{Filter, Kind, Quant, Window};

/// Weights that a factor may become: large ones, because summands are rounded to its share of one.
const WEIGHTS: std::ops::RangeInclusive<i8> = 64..=127;
/// Greatest bias, which leaves room for the product.
const MAX_BIAS: f64 = (1u32 << 30) as f64;

/// One operator of a chain.
struct Step<'m> {
    node: &'m TypedNode,
    /// Which of its inputs is not constant.
    variable: usize,
}

/// What a node that works value by value with a constant does to its variable: `gain · x + offset`, from the constant's value.
fn effect(node: &TypedNode, variable: usize, constant: f64) -> Option<[f64; 2]> {
    let op = node.op.downcast_ref::<TypedBinOp>()?;
    let is_first = variable == 0;
    if op.0.is::<Add>() {
        Some([1.0, constant])
    } else if op.0.is::<Mul>() {
        Some([constant, 0.0])
    } else if op.0.is::<Sub>() {
        Some(if is_first { [1.0, -constant] } else { [-1.0, constant] })
    } else if op.0.is::<Div>() && is_first {
        Some([1.0 / constant, 0.0])
    } else {
        None
    }
}

/// A factor as a weight and what one of its steps stands for, such that the summand, in steps of the input, is nearly a whole number.
fn weighed(gain: f64, summand: f64) -> (i8, f64) {
    let least = (summand.abs() / MAX_BIAS).max(f64::from(f32::MIN_POSITIVE));
    let error = |scale: f64| {
        let bias = summand / scale;
        (bias - bias.round_ties_even()).abs() * scale
    };
    let candidates =
        WEIGHTS.map(|weight| (weight, gain.abs() / f64::from(weight))).filter(|(_, scale)| *scale >= least);
    match candidates.min_by(|(_, a), (_, b)| error(*a).total_cmp(&error(*b))) {
        Some((weight, scale)) => (if gain < 0.0 { -weight } else { weight }, scale),
        // The summand is so large beside the factor that there is only room for a smaller weight.
        None => ((gain / least).round_ties_even() as i8, least),
    }
}

/// The input of a node that is not constant, if the node scales or shifts it by a constant and keeps its shape.
pub fn scaled_input(model: &TypedModel, node: &TypedNode) -> Option<usize> {
    let &[a, b] = node.inputs.as_slice() else { return None };
    let is_constant = |outlet: OutletId| model.outlet_fact(outlet).is_ok_and(|fact| fact.konst.is_some());
    let variable = match (is_constant(a), is_constant(b)) {
        (false, true) => 0,
        (true, false) => 1,
        _ => return None,
    };
    effect(node, variable, 1.0)?;
    let keeps_shape = model.outlet_fact(node.inputs[variable]).ok()?.shape == node.outputs[0].fact.shape;
    keeps_shape.then_some(variable)
}

impl<'m> Lowering<'m> {
    /// What a chain of factors and summands makes of a term, quantised; `None` if the node ends no such chain.
    pub(super) fn scaled(&mut self, node: &TypedNode, quant: Quant) -> Result<Option<Operand>, Error> {
        let Some((term, steps)) = self.chain(node)? else { return Ok(None) };
        let layout = &term.operand.layout;
        let mut constants: Vec<(Vec<usize>, Vec<f32>)> = Vec::new();
        for step in &steps {
            let inlet = 1 - step.variable;
            constants.push((self.constant(step.node, inlet)?.shape().to_vec(), self.constants(step.node, inlet)?));
        }
        let varies = |axis: usize| constants.iter().any(|(shape, _)| shape[axis] > 1);
        let factors = (0..layout.rank()).filter(|&axis| varies(axis)).flat_map(|axis| layout.factors(axis));
        let first = factors.min().copied().unwrap_or(layout.memory().len());
        let places = layout.indices(first);
        let mut filter =
            Filter { window: Window::POINT, groups: places.len(), weights: vec![], biases: vec![], scales: vec![] };
        for place in &places {
            let (mut gain, mut offset) = (1.0, 0.0);
            for (step, (shape, values)) in steps.iter().zip(&constants) {
                let at = shape.iter().zip(place).fold(0, |at, (&extent, &index)| at * extent + index % extent);
                let value = f64::from(values[at]);
                let effect =
                    effect(step.node, step.variable, value).filter(|effect| effect.iter().all(|v| v.is_finite()));
                let [factor, summand] = effect
                    .ok_or_else(|| self.unsupported(step.node, "its constants must be finite, and no divisors of 0"))?;
                gain *= factor;
                offset = offset * factor + summand;
            }
            let input_scale = f64::from(term.quant.scale);
            let (weight, scale) = weighed(gain, offset / input_scale);
            let bias = (offset / (scale * input_scale)).round_ties_even() as i32;
            filter.weights.push(weight);
            filter.biases.push(bias - i32::from(term.quant.zero_point) * i32::from(weight));
            filter.scales.push((scale * input_scale / f64::from(quant.scale)) as f32);
        }
        let [rows, columns, channels] = if first == 0 { [1, 1, layout.length()] } else { layout.cut(1, first) };
        let (input, layout) = (term.operand.place([rows, columns, channels], term.quant.zero_point), layout.clone());
        let tensor = self.push(node, Kind::Convolution(filter), vec![input], input.shape, quant);
        Ok(Some(Operand { tensor, offset: 0, layout, quant: Some(quant) }))
    }

    /// The term that a chain begins with, and its operators in the order in which they work.
    fn chain(&mut self, end: &TypedNode) -> Result<Option<(Term, Vec<Step<'m>>)>, Error> {
        let model = self.model;
        let mut steps = Vec::new();
        let mut node = model.node(end.id);
        while let Some(variable) = scaled_input(model, node) {
            steps.push(Step { node, variable });
            let input = node.inputs[variable];
            if let Some(term) = self.term(input)? {
                steps.reverse();
                let is_whole = term.operand.layout.shape() == self.output_shape(end)?;
                return Ok(is_whole.then_some((term, steps)));
            }
            node = model.node(input.node);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::weighed;

    #[test]
    fn summands_are_nearly_whole_numbers_of_steps() {
        for (gain, summand) in [(0.3, 17.123), (-1.7, -3.3217), (0.01, 0.004), (1.0, 0.5)] {
            let (weight, scale) = weighed(gain, summand);
            assert!((f64::from(weight) * scale - gain).abs() < 1e-12, "{weight} {scale}");
            let bias = summand / scale;
            assert!((bias - bias.round()).abs() < 0.05, "{gain} {summand}: {bias}");
        }
        let (weight, scale) = weighed(1e-12, 100.0);
        assert!(weight == 0 && 100.0 / scale <= f64::from(1u32 << 30), "{weight} {scale}");
    }
}
