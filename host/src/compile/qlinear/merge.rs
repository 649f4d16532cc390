//! Convolutions and products of a QDQ file as operators on bytes.
//!
//! `DequantizeLinear → Conv → QuantizeLinear`, the weights behind a DequantizeLinear of their own, is a QLinearConv; a Gemm, or a MatMul
//! and the Add of a bias, is a QGemm. Relu and Clip before the QuantizeLinear work on its bytes as well, because rounding never puts two
//! numbers in another order.

use std::collections::HashMap;

use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

use super::{Wiring, constants, data_type, floats, input, integers, node, remove_unread};

/// Most Relu and Clip in a row.
const MAX_BOUNDS: usize = 8;

/// Merges what can be merged. What is left is refused later, by its name.
pub fn merge(graph: &mut GraphProto) {
    let file = File { graph, wiring: Wiring::new(graph), constants: constants(graph) };
    let merged: Vec<(usize, Merged)> = (0..graph.node.len())
        .filter(|&index| graph.node[index].op_type == "QuantizeLinear")
        .filter_map(|index| Some((index, file.merged(index)?)))
        .collect();
    let mut replaced: Vec<Option<NodeProto>> = std::mem::take(&mut graph.node).into_iter().map(Some).collect();
    let mut inserted: Vec<(usize, Vec<NodeProto>)> = Vec::new();
    for (quantize, Merged { removed, nodes, constants }) in merged {
        removed.into_iter().for_each(|index| replaced[index] = None);
        graph.initializer.extend(constants);
        inserted.push((quantize, nodes));
    }
    let mut inserted = inserted.into_iter().peekable();
    for (index, node) in replaced.into_iter().enumerate() {
        if let Some((_, nodes)) = inserted.next_if(|(quantize, _)| *quantize == index) {
            graph.node.extend(nodes);
        }
        graph.node.extend(node);
    }
    remove_unread(graph);
}

/// A graph and what is known about it.
struct File<'g> {
    graph: &'g GraphProto,
    wiring: Wiring,
    constants: HashMap<&'g str, &'g TensorProto>,
}

/// What takes the place of a product up to its QuantizeLinear.
struct Merged {
    removed: Vec<usize>,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

/// A quantised tensor: its name, and those of its scale and zero point.
struct Quantised {
    tensor: String,
    scale: String,
    zero_point: String,
}

impl File<'_> {
    fn merged(&self, quantize: usize) -> Option<Merged> {
        let Self { graph, wiring, .. } = self;
        let last = &graph.node[quantize];
        let mut made = Merged { removed: vec![quantize], nodes: Vec::new(), constants: Vec::new() };
        let mut tensor = input(last, 0)?;
        let mut bounds: Vec<&NodeProto> = Vec::new();
        let product = loop {
            let maker = *wiring.makers.get(tensor).filter(|_| wiring.is_read_once(tensor))?;
            made.removed.push(maker);
            let node = &graph.node[maker];
            if !matches!(node.op_type.as_str(), "Relu" | "Clip") {
                break node;
            }
            // A file may hold a circle of them.
            if bounds.len() == MAX_BOUNDS {
                return None;
            }
            bounds.push(node);
            tensor = input(node, 0)?;
        };
        let (product, bias) = match product.op_type.as_str() {
            "Conv" | "Gemm" => (product, input(product, 2)),
            "MatMul" => (product, None),
            // A bias may stand on either side.
            "Add" => {
                let matmul = |index: usize| {
                    let tensor = input(product, index).filter(|tensor| wiring.is_read_once(tensor))?;
                    let maker = *wiring.makers.get(tensor)?;
                    (graph.node[maker].op_type == "MatMul").then_some((maker, input(product, 1 - index)))
                };
                let (maker, bias) = matmul(0).or_else(|| matmul(1))?;
                made.removed.push(maker);
                (&graph.node[maker], Some(bias?))
            }
            _ => return None,
        };
        let x = self.dequantised(input(product, 0)?, &mut made)?;
        let weights = self.dequantised(input(product, 1)?, &mut made)?;
        let output = Quantised {
            tensor: input(last, 0)?.to_owned(),
            scale: input(last, 1)?.to_owned(),
            zero_point: self.zero_point(last, data_type::UINT8, &mut made)?,
        };
        let bias = match bias {
            Some(bias) => Some(self.quantised_bias(bias, &x, &weights, &mut made)?),
            None => None,
        };
        let result = last.output.first()?;
        let bytes = if bounds.is_empty() { result.clone() } else { format!("{result}.unbounded") };
        let mut inputs = vec![x.tensor, x.scale, x.zero_point, weights.tensor, weights.scale, weights.zero_point];
        let numbers = [output.scale.clone(), output.zero_point.clone()];
        let operator = if product.op_type == "Conv" { "QLinearConv" } else { "QGemm" };
        if operator == "QGemm" {
            inputs.push(bias.unwrap_or_default());
            inputs.extend(numbers);
        } else {
            inputs.extend(numbers);
            inputs.extend(bias);
        }
        let mut replacement = node(operator, product.name.clone(), inputs, bytes.clone());
        replacement.attribute = product.attribute.clone();
        made.nodes.push(replacement);
        if !bounds.is_empty() {
            let mut real = format!("{bytes}.real");
            let numbers = || vec![output.scale.clone(), output.zero_point.clone()];
            let dequantize = [vec![bytes], numbers()].concat();
            made.nodes.push(node("DequantizeLinear", format!("{}.real", product.name), dequantize, real.clone()));
            for bound in bounds.into_iter().rev() {
                let mut bound = bound.clone();
                bound.input[0] = real;
                real = bound.output.first()?.clone();
                made.nodes.push(bound);
            }
            let quantize = [vec![real], numbers()].concat();
            made.nodes.push(node("QuantizeLinear", last.name.clone(), quantize, result.clone()));
        }
        Some(made)
    }

    /// The bytes behind a DequantizeLinear.
    fn dequantised(&self, real: &str, made: &mut Merged) -> Option<Quantised> {
        let node = self.wiring.maker(self.graph, real).filter(|node| node.op_type == "DequantizeLinear")?;
        let tensor = input(node, 0)?;
        let data_type = self.constants.get(tensor).map_or(data_type::UINT8, |tensor| tensor.data_type);
        if !matches!(data_type, data_type::INT8 | data_type::UINT8) {
            return None;
        }
        let zero_point = self.zero_point(node, data_type, made)?;
        Some(Quantised { tensor: tensor.to_owned(), scale: input(node, 1)?.to_owned(), zero_point })
    }

    /// The zero point of a DequantizeLinear or QuantizeLinear; one of 0, which stands for none, is made.
    fn zero_point(&self, node: &NodeProto, data_type: i32, made: &mut Merged) -> Option<String> {
        if let Some(name) = input(node, 2) {
            return Some(name.to_owned());
        }
        let dims = self.constants.get(input(node, 1)?)?.dims.clone();
        let count = dims.iter().product::<i64>().clamp(0, 1 << 20) as usize;
        let name = format!("{}.no_zero_point", node.output.first()?);
        made.constants.push(TensorProto {
            name: name.clone(),
            data_type,
            dims,
            raw_data: vec![0; count],
            ..TensorProto::default()
        });
        Some(name)
    }

    /// A bias in steps of the input's scale times the weights', as `int32`.
    fn quantised_bias(&self, bias: &str, x: &Quantised, weights: &Quantised, made: &mut Merged) -> Option<String> {
        let Self { graph, wiring, constants } = self;
        let scale_of = |name: &str| floats(constants.get(name)?);
        let input_scale = *scale_of(&x.scale)?.first()?;
        let steps: Vec<f32> = scale_of(&weights.scale)?.iter().map(|scale| scale * input_scale).collect();
        let (reals, name) = match constants.get(bias) {
            Some(tensor) => (floats(tensor)?, bias),
            None => {
                let node = wiring.maker(graph, bias).filter(|node| node.op_type == "DequantizeLinear")?;
                let name = input(node, 0)?;
                let scales = scale_of(input(node, 1)?)?;
                let values = integers(constants.get(name)?)?;
                let of = |scales: &[f32], index: usize| scales.get(index).or(scales.first()).copied();
                let has_steps = |index: usize| {
                    let (scale, step) = (of(&scales, index)?, of(&steps, index)?);
                    Some((scale - step).abs() <= step.abs() * 1e-5)
                };
                if (0..values.len()).all(|index| has_steps(index) == Some(true)) {
                    return Some(name.to_owned());
                }
                let reals: Option<Vec<f32>> =
                    values.iter().enumerate().map(|(index, &value)| Some(value as f32 * of(&scales, index)?)).collect();
                (reals?, name)
            }
        };
        let step = |index: usize| steps.get(index).or(steps.first()).copied();
        let rounded: Option<Vec<i32>> = reals
            .iter()
            .enumerate()
            .map(|(index, &real)| Some((f64::from(real) / f64::from(step(index)?)).round_ties_even() as i32))
            .collect();
        let rounded = rounded?;
        let name = format!("{name}.{}", made.removed.first()?);
        made.constants.push(TensorProto {
            name: name.clone(),
            data_type: data_type::INT32,
            dims: vec![rounded.len() as i64],
            raw_data: rounded.into_iter().flat_map(i32::to_le_bytes).collect(),
            ..TensorProto::default()
        });
        Some(name)
    }
}
