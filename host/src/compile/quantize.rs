//! QuantizeLinear for tract with its exact scale.
//!
//! tract's own operator multiplies by the scale's reciprocal where ONNX divides by the scale. That moves values that
//! lie half-way between two steps, and those are common: `0.15 / 0.1` is one. Registering this operator instead keeps
//! the division, and keeps the scale readable for the compiler.

use earmark_core::model::Element;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;

use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::element_wise::{ElementWiseMiniOp, ElementWiseOp};
use tract_onnx::tract_hir::internal::{
    Expansion, InferenceOp, InferenceResult, Solver, TensorProxy, check_input_arity, check_output_arity, expand,
};

/// `saturate(round half to even (x / scale) + zero point)`.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantizeExact {
    /// Size of one step.
    pub scale: f32,
    /// The quantised value that stands for zero.
    pub zero_point: i32,
    /// What the output is.
    pub to: Steps,
}

/// What a quantised tensor is in tract's graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steps {
    /// `int8`.
    Int8,
    /// `uint8`.
    Uint8,
    /// `int16`, held in 32 bits: tract dequantises no `int16`.
    Int16,
}

impl Steps {
    pub const fn of(element: Element) -> Self {
        match element {
            Element::Int8 => Self::Int8,
            Element::Int16 => Self::Int16,
        }
    }

    pub const fn datum_type(self) -> DatumType {
        match self {
            Self::Int8 => DatumType::I8,
            Self::Uint8 => DatumType::U8,
            Self::Int16 => DatumType::I32,
        }
    }
}

impl Eq for QuantizeExact {}

impl QuantizeExact {
    fn range(&self) -> [i32; 2] {
        match self.to {
            Steps::Int8 => [-128, 127],
            Steps::Uint8 => [0, 255],
            Steps::Int16 => [-32_768, 32_767],
        }
    }

    fn apply(&self, x: f32) -> i32 {
        let [low, high] = self.range();
        ((x / self.scale).round_ties_even() as i32).saturating_add(self.zero_point).clamp(low, high)
    }
}

impl ElementWiseMiniOp for QuantizeExact {
    fn name(&self) -> String {
        "QuantizeLinear".to_owned()
    }

    fn output_type(&self, _input_type: DatumType) -> Option<DatumType> {
        Some(self.to.datum_type())
    }

    fn eval_out_of_place(&self, t: &Tensor, _out_dt: Option<DatumType>) -> TractResult<Tensor> {
        let input = t.cast_to::<f32>()?;
        let input = input.try_as_plain_ram()?;
        let values = input.as_slice::<f32>()?.iter().map(|&x| self.apply(x));
        match self.to {
            Steps::Int8 => Tensor::from_shape(t.shape(), &values.map(|value| value as i8).collect::<Vec<_>>()),
            Steps::Uint8 => Tensor::from_shape(t.shape(), &values.map(|value| value as u8).collect::<Vec<_>>()),
            Steps::Int16 => Tensor::from_shape(t.shape(), &values.collect::<Vec<_>>()),
        }
    }
}

/// Builds the operator from an ONNX node; see [`Onnx::op_register`](tract_onnx::Onnx::op_register).
pub fn parse(_context: &ParsingContext<'_>, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let has_zero_point = node.input.get(2).is_some_and(|name| !name.is_empty());
    Ok((expand(QuantizeNode { has_zero_point }), Vec::new()))
}

/// The node before its scale and zero point are known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct QuantizeNode {
    has_zero_point: bool,
}

impl Expansion for QuantizeNode {
    fn name(&self) -> StaticName {
        "QuantizeLinear".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 2 + usize::from(self.has_zero_point))?;
        check_output_arity(outputs, 1)?;
        solver.equals(&inputs[1].datum_type, f32::datum_type())?;
        if self.has_zero_point {
            solver.equals(&outputs[0].datum_type, &inputs[2].datum_type)?;
        } else {
            solver.equals(&outputs[0].datum_type, u8::datum_type())?;
        }
        solver.equals(&inputs[0].shape, &outputs[0].shape)
    }

    fn wire(&self, prefix: &str, target: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let constant = |inlet: usize| {
            let fact = target.outlet_fact(inputs[inlet])?;
            fact.konst.clone().context("the scale and zero point of QuantizeLinear must be constants")
        };
        let scale = constant(1)?;
        let zero_point = if self.has_zero_point { constant(2)? } else { tensor0(0u8).into_arc_tensor() };
        ensure!(scale.len() == 1 && zero_point.len() == 1, "QuantizeLinear with a scale per channel is not supported");
        let to = match zero_point.datum_type() {
            DatumType::U8 => Steps::Uint8,
            DatumType::I8 => Steps::Int8,
            other => bail!("QuantizeLinear to {other:?} is not supported"),
        };
        let scale = scale.cast_to_scalar::<f32>()?;
        ensure!(scale.is_finite() && scale > 0.0, "the scale of QuantizeLinear must be above 0");
        let op = QuantizeExact { scale, zero_point: zero_point.cast_to_scalar::<i32>()?, to };
        target.wire_node(prefix, ElementWiseOp(Box::new(op), None), &inputs[..1])
    }
}
