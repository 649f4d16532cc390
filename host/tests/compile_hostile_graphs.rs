//! Whole ONNX files made to do harm: each gives one line of error, in bounded time and memory, from the real binary.
#![cfg(feature = "tract")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use prost::Message;
use support::scratch;
use tract_onnx::pb::{AttributeProto, ModelProto, NodeProto, StringStringEntryProto, TensorProto, type_proto};

/// Kibibytes of address space that a run may take: 2 GB.
const MEMORY: &str = "2000000";
/// Seconds after which a run hangs; it takes a fraction of one.
const PATIENCE: &str = "120";

fn golden(name: &str) -> ModelProto {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models").join(name);
    ModelProto::decode(std::fs::read(path).unwrap().as_slice()).unwrap()
}

/// Quantises and compiles the file, and runs it on tract, as it is; either must refuse it with these words, if there are any.
fn refused(name: &str, file: &[u8], words: [&str; 2]) {
    let path = scratch(&format!("hostile_{name}.onnx"), file);
    let clip = support::fixture("yes.wav");
    let runs: [&[&str]; 2] = [
        &["compile", "--calibrate", clip.parent().unwrap().to_str().unwrap(), path.to_str().unwrap()],
        &["classify", "--engine", "tract", "--model", path.to_str().unwrap(), clip.to_str().unwrap()],
    ];
    for (arguments, words) in runs.into_iter().zip(words) {
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("ulimit -v {MEMORY} && exec timeout {PATIENCE} \"$0\" \"$@\"")]);
        limited.arg(env!("CARGO_BIN_EXE_earmark")).args(arguments).stdin(Stdio::null());
        let output = limited.output().expect("a POSIX shell, and coreutils' timeout: apt-get install coreutils");
        let stderr = String::from_utf8(output.stderr).unwrap();
        // 2 is an error; 124 a timeout, and none a signal: out of memory or stack.
        assert_eq!(output.status.code(), Some(2), "{name} {arguments:?}: {stderr}");
        assert!(stderr.lines().count() == 1 && stderr.contains(words), "{name} {arguments:?}: {stderr}");
    }
}

/// A float model with changed contents.
fn changed(name: &str, words: [&str; 2], change: impl FnOnce(&mut ModelProto)) {
    let mut model = golden("float_tc_resnet.onnx");
    change(&mut model);
    refused(name, &model.encode_to_vec(), words);
}

fn node(kind: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: kind.to_owned(),
        name: output.to_owned(),
        input: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: vec![output.to_owned()],
        ..NodeProto::default()
    }
}

fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i: value, r#type: 2, ..AttributeProto::default() }
}

/// Nodes that double what they take, one after the other, and a last one that adds it to the features.
fn doubled(model: &mut ModelProto, first: &str, times: usize) {
    let graph = model.graph.as_mut().unwrap();
    let mut name = first.to_owned();
    let mut nodes = Vec::new();
    for index in 0..times {
        let doubled = format!("doubled{index}");
        let mut concat = node("Concat", &[&name, &name], &doubled);
        concat.attribute.push(integer("axis", 0));
        nodes.push(concat);
        name = doubled;
    }
    let last = graph.output[0].name.clone();
    nodes.push(node("Add", &[&last, &name], "sum"));
    graph.output[0].name = "sum".to_owned();
    graph.node.extend(nodes);
}

#[test]
fn circles_and_disorder() {
    changed("circle", ["which no node before it gives"; 2], |model| {
        let graph = model.graph.as_mut().unwrap();
        let last = graph.output[0].name.clone();
        graph.node[0].input[0] = last;
    });
    changed("itself", ["which no node before it gives"; 2], |model| {
        let graph = model.graph.as_mut().unwrap();
        let own = graph.node[3].output[0].clone();
        graph.node[3].input[0] = own;
    });
    changed("disorder", ["which no node before it gives"; 2], |model| model.graph.as_mut().unwrap().node.reverse());
    changed("no_output", [""; 2], |model| model.graph.as_mut().unwrap().output[0].name = "nowhere".to_owned());
    changed("no_nodes", [""; 2], |model| model.graph.as_mut().unwrap().node.clear());
    changed("same_names", [""; 2], |model| {
        let graph = model.graph.as_mut().unwrap();
        let name = graph.node[0].output[0].clone();
        graph.node.iter_mut().for_each(|node| node.output[0].clone_from(&name));
    });
}

#[test]
fn other_files() {
    for (index, place) in ["../../../../etc/passwd", "/etc/passwd", "weights.bin"].into_iter().enumerate() {
        changed(&format!("external{index}"), ["stored in another file"; 2], |model| {
            let tensor = &mut model.graph.as_mut().unwrap().initializer[0];
            tensor.raw_data.clear();
            tensor.data_location = Some(1);
            let entry =
                |key: &str, value: &str| StringStringEntryProto { key: key.to_owned(), value: value.to_owned() };
            tensor.external_data = vec![entry("location", place), entry("offset", "0"), entry("length", "100")];
        });
    }
}

#[test]
fn huge_sizes() {
    let sized = |extent: i64| {
        move |model: &mut ModelProto| {
            let input = &mut model.graph.as_mut().unwrap().input[0];
            let Some(type_proto::Value::TensorType(tensor)) = input.r#type.as_mut().unwrap().value.as_mut() else {
                panic!()
            };
            let dimension = &mut tensor.shape.as_mut().unwrap().dim[2];
            dimension.value = Some(tract_onnx::pb::tensor_shape_proto::dimension::Value::DimValue(extent));
        }
    };
    for (index, extent) in [1 << 24, 1 << 40, i64::MAX, i64::MIN, -1, 0].into_iter().enumerate() {
        changed(&format!("input{index}"), [""; 2], sized(extent));
    }
    for (index, extents) in
        [vec![1 << 40], vec![i64::MAX; 8], vec![-1, 3], vec![1 << 31, 1 << 31, 4]].into_iter().enumerate()
    {
        changed(&format!("tensor{index}"), ["larger than the file"; 2], |model| {
            model.graph.as_mut().unwrap().initializer[2].dims = extents;
        });
    }
    changed("stride", ["out of range"; 2], |model| {
        let graph = model.graph.as_mut().unwrap();
        let mut attributes = graph.node.iter_mut().flat_map(|node| &mut node.attribute);
        let strides = attributes.find(|attribute| attribute.name == "strides").unwrap();
        strides.ints[0] = 1 << 40;
    });
}

#[test]
fn small_files_that_compute_large_tensors() {
    // Twice as many values with each node: of constants, of the shape of a tensor, of the features.
    let constant = |model: &ModelProto| model.graph.as_ref().unwrap().initializer[2].name.clone();
    changed("doubled_constant", ["a large constant"; 2], |model| doubled(model, &constant(model), 60));
    changed("doubled_shape", ["a large constant"; 2], |model| {
        let features = model.graph.as_ref().unwrap().input[0].name.clone();
        model.graph.as_mut().unwrap().node.push(node("Shape", &[&features], "shape"));
        doubled(model, "shape", 60);
    });
    changed("doubled_features", ["values"; 2], |model| {
        let features = model.graph.as_ref().unwrap().input[0].name.clone();
        doubled(model, &features, 40);
    });
    // A sum of a column and a row.
    changed("broadcast", ["a large constant"; 2], |model| {
        let graph = model.graph.as_mut().unwrap();
        let floats = |name: &str, dims: &[i64]| TensorProto {
            name: name.to_owned(),
            dims: dims.to_vec(),
            data_type: 1,
            raw_data: vec![0; 4 * 8192],
            ..TensorProto::default()
        };
        graph.initializer.extend([floats("column", &[8192, 1]), floats("row", &[1, 8192])]);
        graph.node.insert(0, node("Add", &["column", "row"], "square"));
    });
    // Made of a number alone: no operator of the compiler's, and tract would believe it.
    for kind in ["ConstantOfShape", "Expand"] {
        changed(kind, ["", "a large constant"], |model| {
            let graph = model.graph.as_mut().unwrap();
            graph.initializer.push(TensorProto {
                name: "extents".to_owned(),
                dims: vec![2],
                data_type: 7,
                int64_data: vec![1 << 20, 1 << 20],
                ..TensorProto::default()
            });
            let value = graph.initializer[2].name.clone();
            let inputs: &[&str] = if kind == "Expand" { &[&value, "extents"] } else { &["extents"] };
            graph.node.insert(0, node(kind, inputs, "made"));
        });
    }
}

#[test]
fn bytes_that_decode_to_much_more() {
    // A graph of nodes without contents, of two bytes each.
    let nodes = [0x0a, 0].repeat(8 << 20);
    let mut file = vec![7 << 3 | 2];
    prost::encoding::encode_varint(nodes.len() as u64, &mut file);
    file.extend(nodes);
    refused("empty_nodes", &file, ["gigabyte"; 2]);

    // Graphs in nodes of graphs.
    let mut model = golden("float_tc_resnet.onnx").graph.unwrap();
    for _ in 0..20 {
        let attribute =
            AttributeProto { name: "body".to_owned(), g: Some(model.clone()), r#type: 5, ..AttributeProto::default() };
        model.node = vec![NodeProto { attribute: vec![attribute], ..node("Loop", &[], "loop") }];
        model.initializer.clear();
    }
    let file = ModelProto { graph: Some(model), ..golden("float_tc_resnet.onnx") };
    refused("graphs", &file.encode_to_vec(), ["damaged"; 2]);
    changed("graph", ["holds a graph of its own"; 2], |model| {
        let graph = model.graph.as_mut().unwrap();
        let body = Some(graph.clone());
        let attribute = AttributeProto { name: "body".to_owned(), g: body, r#type: 5, ..AttributeProto::default() };
        graph.node[0].attribute.push(attribute);
    });
    let whole = golden("float_tc_resnet.onnx").encode_to_vec();
    refused("truncated", &whole[..whole.len() / 2], ["damaged"; 2]);
    refused("empty", &[], ["it holds no graph"; 2]);
}
