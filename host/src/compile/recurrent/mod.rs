//! GRU and LSTM for calibration and lowering: one operator each, where tract would make a loop of many.
//!
//! A node of the file becomes [`RealLayer`], which computes in real numbers and shows an LSTM's cells to whoever looks for their range.
//! Calibration makes a [`ByteLayer`] of it, which computes as the engine does, by the engine's own step. Both take the rows of one sequence:
//! what stands around them in the file, such as the axes of batch and of directions, is taken off and put on again ([`parse`]).

mod bytes;
mod layers;
mod node;
mod real;
mod tidy;

use tract_onnx::pb::{GraphProto, NodeProto};

use super::qlinear::constants;

pub use bytes::{ByteLayer, Numbers};
pub use layers::see_through;
pub use node::parse;
pub use real::RealLayer;
pub use tidy::tidy;

/// The operators.
pub const OPERATORS: &[&str] = &["GRU", "LSTM"];

/// Why a node of these operators is not supported, if it is not.
pub fn refusal(graph: &GraphProto, node: &NodeProto) -> Option<&'static str> {
    let is_gru = node.op_type == "GRU";
    let attribute = |name: &str| node.attribute.iter().find(|attribute| attribute.name == name);
    let number = |name: &str| attribute(name).map_or(0, |attribute| attribute.i);
    let has_input = |index: usize| node.input.get(index).is_some_and(|name| !name.is_empty());
    if attribute("direction").is_some_and(|attribute| attribute.s != b"forward") {
        return Some("it goes backwards in time: only one direction, forward, is supported");
    }
    if attribute("clip").is_some() || number("input_forget") != 0 {
        return Some("it clips its gates or couples them, which is not supported");
    }
    let usual: &[&[u8]] = if is_gru { &[b"Sigmoid", b"Tanh"] } else { &[b"Sigmoid", b"Tanh", b"Tanh"] };
    if attribute("activations").is_some_and(|given| !given.strings.is_empty() && given.strings != usual) {
        return Some("it has other activations than Sigmoid and Tanh, which are not supported");
    }
    if is_gru && number("linear_before_reset") == 0 {
        return Some(
            "its reset gate works before the product with the state (linear_before_reset = 0), which is not supported: PyTorch's GRU is \
             exported with linear_before_reset = 1",
        );
    }
    if has_input(inlet::LENGTHS) || has_input(inlet::PEEPHOLES) {
        return Some("it takes lengths of sequences or peepholes, which are not supported");
    }
    let constants = constants(graph);
    let is_set = |index: usize| {
        let tensor = node.input.get(index).and_then(|name| constants.get(name.as_str()));
        tensor.is_some_and(|tensor| {
            tensor.raw_data.iter().any(|&byte| byte != 0) || tensor.float_data.iter().any(|&value| value != 0.0)
        })
    };
    (is_set(inlet::OUTPUT) || is_set(inlet::CELL)).then_some(NOT_EMPTY)
}

/// Places of a node's inputs behind the sequence and the weights.
mod inlet {
    pub(super) const BIASES: usize = 3;
    pub(super) const LENGTHS: usize = 4;
    pub(super) const OUTPUT: usize = 5;
    pub(super) const CELL: usize = 6;
    pub(super) const PEEPHOLES: usize = 7;
}

/// Why a layer that begins with something is not supported.
pub const NOT_EMPTY: &str = "it begins with a state other than zeros, which is not supported";

#[cfg(test)]
mod tests {
    use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto};

    use super::refusal;

    fn layer(operator: &str) -> NodeProto {
        let linear = AttributeProto { name: "linear_before_reset".to_owned(), i: 1, ..AttributeProto::default() };
        NodeProto {
            op_type: operator.to_owned(),
            input: ["x", "w", "r", "b", "", "h", "c", ""].map(str::to_owned).to_vec(),
            attribute: if operator == "GRU" { vec![linear] } else { Vec::new() },
            ..NodeProto::default()
        }
    }

    fn state(value: f32) -> GraphProto {
        let tensor =
            TensorProto { name: "h".to_owned(), data_type: 1, float_data: vec![value], ..TensorProto::default() };
        GraphProto { initializer: vec![tensor], ..GraphProto::default() }
    }

    #[test]
    fn what_is_not_supported_is_told() {
        for operator in super::OPERATORS {
            assert_eq!(refusal(&state(0.0), &layer(operator)), None);
            let told = |change: &dyn Fn(&mut NodeProto)| {
                let mut changed = layer(operator);
                change(&mut changed);
                refusal(&state(0.0), &changed).unwrap_or("nothing")
            };
            let with = |attribute: AttributeProto| told(&|node| node.attribute.push(attribute.clone()));
            let named = |name: &str| AttributeProto { name: name.to_owned(), ..AttributeProto::default() };
            assert!(
                with(AttributeProto { s: b"bidirectional".to_vec(), ..named("direction") }).contains("one direction")
            );
            assert!(with(AttributeProto { f: 3.0, ..named("clip") }).contains("clips"));
            let relu = vec![b"Sigmoid".to_vec(), b"Relu".to_vec()];
            assert!(with(AttributeProto { strings: relu, ..named("activations") }).contains("other activations"));
            assert!(told(&|node| node.input[4] = "lengths".to_owned()).contains("lengths"));
            assert!(told(&|node| node.input[7] = "p".to_owned()).contains("peepholes"));
            assert!(refusal(&state(0.5), &layer(operator)).is_some_and(|why| why.contains("other than zeros")));
        }
        let mut gru = layer("GRU");
        gru.attribute.clear();
        assert!(refusal(&state(0.0), &gru).is_some_and(|why| why.contains("linear_before_reset")));
    }
}
