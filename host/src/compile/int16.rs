//! Convolutions and matrix products that read or give int16, for tract, which has none.
//!
//! It takes the inputs that tract's quantised operators take, so that it is lowered as they are, and computes in real numbers.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::Conv;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::math::{Add, Max, Min};
use tract_onnx::tract_core::ops::quant::DequantizeLinearF32;

use super::ir::Quant;
use super::quantize::{QuantizeExact, Steps};

/// What is computed, as tract's quantised operator.
#[derive(Debug, Clone)]
pub enum Form {
    Convolution(Box<Conv>),
    Matrix(Box<EinSum>),
}

/// The numbers of a product.
pub struct Numbers {
    pub input: Quant,
    pub output: Quant,
    /// Real weights, already rounded to their steps.
    pub weights: Tensor,
    /// One an output channel.
    pub biases: Vec<f32>,
    /// The axis of the output channels.
    pub axis: usize,
    /// Least and greatest output.
    pub bounds: [f32; 2],
}

/// A product of which input or output is int16.
#[derive(Debug, Clone)]
pub struct Int16Product {
    pub form: Form,
    /// Least and greatest output.
    pub bounds: [f32; 2],
    output: TypedFact,
    runnable: Arc<TypedRunnableModel>,
}

impl Int16Product {
    /// `real` is the same operator on real numbers, `input` what the product reads.
    pub fn new(form: Form, real: Box<dyn TypedOp>, input: &TypedFact, numbers: Numbers) -> TractResult<Self> {
        let mut model = TypedModel::default();
        let source = model.add_source("input", input.without_value())?;
        let dequantize =
            DequantizeLinearF32 { scale: numbers.input.scale, zero_point: numbers.input.zero_point.into() };
        let mut wire = model.wire_node("real", dequantize, &[source])?;
        wire.push(model.add_const("weights", numbers.weights)?);
        let biases = tensor1(&numbers.biases);
        if matches!(form, Form::Convolution(_)) {
            wire.push(model.add_const("biases", biases)?);
            wire = model.wire_node("product", real, &wire)?;
        } else {
            wire = model.wire_node("product", real, &wire)?;
            let mut shape = vec![1; model.outlet_fact(wire[0])?.rank()];
            shape[numbers.axis] = numbers.biases.len();
            wire.push(model.add_const("biases", biases.into_shape(&shape)?)?);
            wire = model.wire_node("sum", TypedBinOp(Box::new(Add), None), &wire)?;
        }
        let rank = model.outlet_fact(wire[0])?.rank();
        let [least, most] = numbers.bounds.map(|bound| tensor0(bound).into_shape(&vec![1; rank]));
        wire.push(model.add_const("least", least?)?);
        wire = model.wire_node("bounded below", TypedBinOp(Box::new(Max), None), &wire)?;
        wire.push(model.add_const("most", most?)?);
        wire = model.wire_node("bounded", TypedBinOp(Box::new(Min), None), &wire)?;
        let Quant { scale, zero_point, element } = numbers.output;
        let quantize = QuantizeExact { scale, zero_point: zero_point.into(), to: Steps::of(element) };
        let output = model.wire_node("steps", ElementWiseOp(Box::new(quantize), None), &wire)?;
        model.select_output_outlets(&output)?;
        let fact = model.outlet_fact(output[0])?.without_value();
        let runnable = model.into_optimized()?.into_runnable()?;
        Ok(Self { form, bounds: numbers.bounds, output: fact, runnable })
    }
}

impl PartialEq for Int16Product {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.runnable, &other.runnable)
    }
}

impl Eq for Int16Product {}

impl Op for Int16Product {
    fn name(&self) -> StaticName {
        "Int16Product".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Int16Product {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        self.runnable.run(tvec!(inputs[0].clone()))
    }
}

impl TypedOp for Int16Product {
    fn output_facts(&self, _inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(self.output.clone()))
    }

    as_op!();
}
