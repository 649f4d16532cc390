//! onnxruntime's QGemm for tract: a product with a matrix of weights, and a bias.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_hir::internal::{
    Expansion, InferenceOp, InferenceResult, Solver, TensorProxy, check_output_arity, expand,
};

/// Builds the operator from an ONNX node; see [`Onnx::op_register`](tract_onnx::Onnx::op_register).
pub fn parse(_context: &ParsingContext<'_>, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let number = |name: &str, default: f32| node.get_attr_opt::<f32>(name).map(|value| value.unwrap_or(default));
    let is_set = |name: &str| node.get_attr_opt::<i64>(name).map(|value| value.unwrap_or(0) != 0);
    ensure!(number("alpha", 1.0)? == 1.0 && number("beta", 1.0)? == 1.0, "factors other than 1 are not supported");
    ensure!(!is_set("transA")?, "a transposed input is not supported");
    ensure!(node.input.len() == 9, "its output must be quantised");
    let has_bias = !node.input[6].is_empty();
    Ok((expand(ProductNode { transposed: is_set("transB")?, has_bias }), Vec::new()))
}

/// The node before its numbers are known. Inputs are x, its scale and zero point, weights, theirs, a bias perhaps, then the output's scale
/// and zero point.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ProductNode {
    /// Whether the weights' rows are the output's columns.
    transposed: bool,
    has_bias: bool,
}

impl Expansion for ProductNode {
    fn name(&self) -> StaticName {
        "QGemm".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_output_arity(outputs, 1)?;
        solver.equals(&inputs[3].rank, 2)?;
        solver.equals(&inputs[0].rank, &outputs[0].rank)?;
        solver.equals(&outputs[0].datum_type, &inputs[inputs.len() - 1].datum_type)?;
        solver.given_2(&inputs[0].shape, &inputs[3].shape, move |solver, input, weights| {
            let (rows, columns) = if self.transposed { (1, 0) } else { (0, 1) };
            ensure!(input.len() > 1 && input[input.len() - 1] == weights[rows], "its weights have another shape");
            let mut output = input;
            let last = output.len() - 1;
            output[last] = weights[columns].clone();
            solver.equals(&outputs[0].shape, output)
        })
    }

    fn wire(&self, prefix: &str, target: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let rank = target.outlet_fact(inputs[0])?.rank();
        let output = target.outlet_fact(inputs[inputs.len() - 1])?.datum_type;
        let bias = if self.has_bias {
            // A Gemm's bias may have an axis of rows of extent 1.
            let constant = target.outlet_fact(inputs[6])?.konst.clone().context("its bias must be a constant")?;
            let bias = constant.into_tensor();
            let count = bias.len();
            bias.into_shape(&[count])?
        } else {
            tensor0(0i32)
        };
        let bias = target.add_const(format!("{prefix}.bias"), bias)?;
        let (scale, zero_point) = (inputs[inputs.len() - 2], inputs[inputs.len() - 1]);
        let wires = [inputs[0], inputs[3], bias, inputs[2], inputs[1], inputs[5], inputs[4], zero_point, scale];
        let ranks = wires.iter().map(|&wire| Ok(target.outlet_fact(wire)?.rank())).collect::<TractResult<Vec<_>>>()?;
        let (row, column) = if self.transposed { (1, 0) } else { (0, 1) };
        let mut axes = AxesMapping::disconnected_for_ranks(&ranks, &ranks[..1])?
            .renaming((InOut::In(1), column), 'n')?
            .linking('n', (InOut::Out(0), rank - 1))?
            .renaming((InOut::In(0), rank - 1), 'k')?
            .linking('k', (InOut::In(1), row))?;
        for axis in 0..rank - 1 {
            axes = axes.linking((InOut::In(0), axis), (InOut::Out(0), axis))?;
        }
        for inlet in [2, 5, 6] {
            if ranks[inlet] == 1 {
                axes = axes.linking('n', (InOut::In(inlet), 0))?;
            }
        }
        let op = EinSum { axes, operating_dt: DatumType::I32, q_params: Some(output) };
        target.wire_node(prefix, op, &wires)
    }
}
