//! Factors and summands that differ from place to place: batch norm that follows no convolution, or one for each band of frequency,
//! or a constant that is added to each channel.
//!
//! They become a convolution of one tap, each channel for itself. Its channels are the innermost part of memory that they differ over.

use earmark_core::engine::arithmetic::{finish, requantise};
use earmark_core::engine::layout::pack_scale;
use earmark_core::model::Element;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::math::{Add, Div, Mul, Sub};

use super::real::{Term, byte_at};
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

/// A factor and a summand as the engine computes them: `round((weight · (x − zero point) + bias) · scale)`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Weighed {
    weight: i8,
    bias: i32,
    scale: f32,
}

impl Weighed {
    /// With the scale that gives `expected`, as near as can be to the present one; `None` if none does.
    fn fitted(self, input: Quant, output: Quant, expected: &[i8; 256]) -> Option<Self> {
        let (mut least, mut most) = (0.0f64, f64::INFINITY);
        for (index, &byte) in expected.iter().enumerate() {
            let sum = f64::from(self.sum(index, input));
            let value = f64::from(byte) - f64::from(output.zero_point);
            // What the outermost bytes stand for has no end.
            let low = if byte == i8::MIN { f64::NEG_INFINITY } else { value - 0.5 };
            let high = if byte == i8::MAX { f64::INFINITY } else { value + 0.5 };
            if sum > 0.0 {
                (least, most) = (least.max(low / sum), most.min(high / sum));
            } else if sum < 0.0 {
                (least, most) = (least.max(high / sum), most.min(low / sum));
            }
        }
        let middle = if most.is_finite() { (least + most) / 2.0 } else { least * 2.0 };
        let scale = if (least..most).contains(&f64::from(self.scale)) { self.scale } else { middle as f32 };
        let fitted = Self { scale, ..self };
        (least < most && fitted.misses(input, output, expected) == 0).then_some(fitted)
    }

    /// The sum for the byte of a table's entry.
    fn sum(&self, index: usize, input: Quant) -> i32 {
        i32::from(self.weight) * (i32::from(byte_at(index)) - i32::from(input.zero_point)) + self.bias
    }

    /// Of how many bytes of `input` it makes something else than `expected`, which starts with that of -128.
    fn misses(&self, input: Quant, output: Quant, expected: &[i8; 256]) -> usize {
        let Some(scale) = pack_scale(f64::from(self.scale)) else { return expected.len() };
        let made =
            |index: usize| finish(requantise(self.sum(index, input), scale), output.zero_point, [i8::MIN, i8::MAX]);
        expected.iter().enumerate().filter(|&(index, &byte)| made(index) != byte).count()
    }
}

/// `gain · x + summand`, in steps of the input, as the engine computes it, that gives `expected` for as many bytes as can be; without it,
/// beside int16, such that the summand is nearly a whole number of the weight's steps.
///
/// The summand becomes a whole number of the weight's steps. What then is a little off matters where a sum is nearly half-way between two
/// steps of the output: it may be rounded the wrong way for each second byte, or for the one that occurs most, and that stays in a mean.
/// So weights, summands beside the nearest, and scales near the true one are tried until all bytes are right.
fn weighed(gain: f64, summand: f64, [input, output]: [Quant; 2], expected: Option<&[i8; 256]>) -> Weighed {
    let least = (summand.abs() / MAX_BIAS).max(f64::from(f32::MIN_POSITIVE));
    let made = |weight: i8, scale: f64| Weighed {
        weight,
        bias: (summand / scale).round_ties_even() as i32,
        scale: (scale * f64::from(input.scale) / f64::from(output.scale)) as f32,
    };
    let candidates: Vec<Weighed> = WEIGHTS
        .rev()
        .map(|weight| (weight, gain.abs() / f64::from(weight)))
        .filter(|(_, scale)| *scale >= least)
        .map(|(weight, scale)| made(if gain < 0.0 { -weight } else { weight }, scale))
        .collect();
    let shifted = |by: i32| candidates.iter().map(move |one| Weighed { bias: one.bias + by, ..*one });
    let tried = || [0, -1, 1].into_iter().flat_map(shifted);
    let exact = expected.and_then(|expected| tried().find_map(|one| one.fitted(input, output, expected)));
    exact.unwrap_or_else(|| {
        let off = |one: &Weighed| {
            let step = f64::from(one.scale) * f64::from(output.scale) / f64::from(input.scale);
            (f64::from(one.bias) * step - summand).abs()
        };
        let nearest = match expected {
            Some(expected) => candidates.iter().min_by_key(|one| one.misses(input, output, expected)),
            None => candidates.iter().min_by(|one, other| off(one).total_cmp(&off(other))),
        };
        let nearest = nearest.copied();
        // The summand may be so large beside the factor that there is only room for a smaller weight.
        nearest.unwrap_or_else(|| made((gain / least).round_ties_even() as i8, least))
    })
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
        let reals: [f32; 256] = std::array::from_fn(|index| term.quant.real(byte_at(index).into()));
        let in_bytes = [term.quant, quant].iter().all(|quant| quant.element == Element::Int8);
        for place in &places {
            let (mut gain, mut offset, mut values) = (1.0, 0.0, reals);
            for (step, (shape, constants)) in steps.iter().zip(&constants) {
                let at = shape.iter().zip(place).fold(0, |at, (&extent, &index)| at * extent + index % extent);
                let constant = f64::from(constants[at]);
                let effect =
                    effect(step.node, step.variable, constant).filter(|effect| effect.iter().all(|v| v.is_finite()));
                let [factor, summand] = effect
                    .ok_or_else(|| self.unsupported(step.node, "its constants must be finite, and no divisors of 0"))?;
                gain *= factor;
                offset = offset * factor + summand;
                values = values.map(|value| (f64::from(value) * factor + summand) as f32);
            }
            let expected = in_bytes.then(|| values.map(|value| quant.step(value) as i8));
            let Weighed { weight, bias, scale } =
                weighed(gain, offset / f64::from(term.quant.scale), [term.quant, quant], expected.as_ref());
            filter.weights.push(weight);
            filter.biases.push(bias - i32::from(term.quant.zero_point) * i32::from(weight));
            filter.scales.push(scale);
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
    use super::{Quant, Weighed, byte_at, weighed};

    fn tried(gain: f64, summand: f64, [input, output]: [Quant; 2]) -> (Weighed, usize) {
        let real = |index| f64::from(input.real(byte_at(index).into())) * gain + summand * f64::from(input.scale);
        let expected = std::array::from_fn(|index| output.step(real(index) as f32) as i8);
        let made = weighed(gain, summand, [input, output], Some(&expected));
        (made, made.misses(input, output, &expected))
    }

    #[test]
    fn all_bytes_are_right() {
        let quants = [Quant::bytes(0.05, -3), Quant::bytes(0.07, 11)];
        for (gain, summand) in [(0.3, 17.123), (-1.3, -3.3217), (0.01, 0.004), (1.0, 0.45)] {
            let (made, misses) = tried(gain, summand, quants);
            assert_eq!(misses, 0, "{gain} {summand}: {made:?}");
        }
        let (made, _) = tried(1e-12, 100.0, quants);
        assert!(made.weight == 0 && made.bias <= 1 << 30, "{made:?}");
    }

    /// 134 steps of 0.01153573 are 33.498 steps of 0.04614525: as 33.5, which 64/64 holds best, each second byte would be off.
    #[test]
    fn a_summand_that_is_nearly_half_a_step_is_no_half() {
        let quant = |zero_point| Quant::bytes(0.046_145_25, zero_point);
        let (made, misses) = tried(1.0, 134.0 * 0.011_535_73 / 0.046_145_25, [quant(-2), quant(-16)]);
        assert_eq!(misses, 0, "{made:?}");
    }
}
