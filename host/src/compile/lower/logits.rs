//! The end of the network: int8 logits, and the softmax or sigmoid that may follow them.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::nn::{Sigmoid, Softmax};

use super::Lowering;
use crate::Error;

/// What followed the logits in the file: it is left to the recogniser, which lets the caller choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// One label is right.
    Softmax,
    /// Any number of labels may be right.
    Sigmoid,
}

/// The outlet of the logits, before a final softmax or sigmoid.
///
/// # Errors
/// [`Error::Onnx`] if the model does not have exactly one output.
pub fn before_activation(model: &TypedModel) -> Result<(Option<Activation>, OutletId), Error> {
    let &[outlet] = model.outputs.as_slice() else {
        return Err(Error::Onnx { what: format!("it has {} outputs instead of one, the logits", model.outputs.len()) });
    };
    let node = model.node(outlet.node);
    let is_sigmoid = node.op.downcast_ref::<ElementWiseOp>().is_some_and(|op| op.0.is::<Sigmoid>());
    if node.op.is::<Softmax>() {
        Ok((Some(Activation::Softmax), node.inputs[0]))
    } else if is_sigmoid {
        Ok((Some(Activation::Sigmoid), node.inputs[0]))
    } else {
        Ok((None, outlet))
    }
}

impl Lowering<'_> {
    /// Finds the logits and makes them the graph's output.
    pub(super) fn logits(&mut self) -> Result<Option<Activation>, Error> {
        let (activation, outlet) = before_activation(self.model)?;
        let node = self.model.node(outlet.node);
        let is_real = self.model.outlet_fact(outlet).is_ok_and(|fact| fact.datum_type.is_float());
        let (operand, quant) = if is_real {
            let term = self.term(outlet)?;
            let found = term.map(|term| (term.operand, term.quant));
            found.ok_or_else(|| {
                self.unsupported(
                    node,
                    "the network must end with DequantizeLinear of an int8 tensor, and Softmax or Sigmoid at most",
                )
            })?
        } else {
            let operand = self.operands.get(&outlet).cloned();
            let found = operand.and_then(|operand| operand.quant.map(|quant| (operand, quant)));
            found.ok_or_else(|| {
                self.unsupported(node, "the scale of the network's output is not known: end it with DequantizeLinear")
            })?
        };
        let axes: Vec<usize> = (0..operand.layout.rank()).collect();
        let operand = self.ordered(node, &operand, &axes)?;
        let layout = &operand.layout;
        self.graph.output = operand.place([1, 1, layout.length()], quant.zero_point);
        self.graph.output_quant = quant;
        Ok(activation)
    }
}
