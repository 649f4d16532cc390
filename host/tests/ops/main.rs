//! The compiler and the engine against onnxruntime, and tract with them: single operators and whole networks.
#![cfg(feature = "tract")]

#[path = "../support/bundle.rs"]
mod bundle;

use std::path::{Path, PathBuf};

use earmark::Error;
use earmark::compile::metadata::Layers;
use earmark::model::LoadedModel;
use earmark::reference::ReferenceNetwork;
use earmark_core::engine::{Network, PlanEngine};
use earmark_core::model::Model;

type Case = bundle::Case<i8>;

/// The vectors of a family: the sample in the repository, or those in the directory that `EARMARK_GOLDEN_OPS` names.
fn read(family: &str) -> Vec<Case> {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/ops");
    let directory = std::env::var_os("EARMARK_GOLDEN_OPS").map_or(sample, PathBuf::from);
    bundle::read(&directory.join(family).with_extension("bin"))
}

/// How far a family's values are off.
#[derive(Debug, Default)]
struct Tally {
    values: usize,
    off_by_one: usize,
    worst: i32,
    worst_case: String,
}

impl Tally {
    fn add(&mut self, case: &Case, found: &[i8], expected: &[i8]) {
        self.values += expected.len();
        for (&found, &expected) in found.iter().zip(expected) {
            let off = (i32::from(found) - i32::from(expected)).abs();
            self.off_by_one += usize::from(off > 0);
            if off > self.worst {
                self.worst = off;
                self.worst_case.clone_from(&case.name);
            }
        }
    }

    /// At most one step off, and that in at most one of `one_in` values.
    fn check(&self, family: &str, one_in: usize) {
        println!("{family}: {} of {} values off by one", self.off_by_one, self.values);
        assert!(self.worst <= 1, "{family}: off by {} in {}", self.worst, self.worst_case);
        let allowed = self.values.div_ceil(one_in);
        assert!(self.off_by_one <= allowed, "{family}: {} of {} values are off", self.off_by_one, self.values);
    }
}

fn compile(case: &Case) -> LoadedModel {
    try_compile(case).unwrap_or_else(|error| panic!("{}: {error}", case.name))
}

fn try_compile(case: &Case) -> Result<LoadedModel, Error> {
    let mut layers = Layers::default();
    let labels: Vec<String> = (0..case.outputs).map(|index| format!("output {index}")).collect();
    layers.set("labels", labels.into());
    layers.add_setting("frontend.preset=torchaudio").unwrap();
    layers.add_setting(&format!("frontend.mel_bands={}", case.features)).unwrap();
    LoadedModel::compile(&case.name, case.onnx.clone(), &layers)
}

/// The quantised outputs of a network for every window of a case.
fn answers(case: &Case, model: &Model<'_>, network: &mut dyn Network) -> Vec<i8> {
    let (input, output) = (model.input(), model.output());
    let mut answers = Vec::new();
    let mut logits = vec![0.0; case.outputs];
    for window in case.inputs.chunks_exact(case.frames * case.features) {
        network.reset();
        for frame in window.chunks_exact(case.features) {
            let real = |&byte: &i8| (i32::from(byte) - i32::from(input.zero_point)) as f32 * input.scale;
            network.push_frame(&frame.iter().map(real).collect::<Vec<_>>()).unwrap();
        }
        assert!(network.outputs(&mut logits).unwrap());
        let byte = |&logit: &f32| ((logit / output.scale).round() as i32 + i32::from(output.zero_point)) as i8;
        answers.extend(logits.iter().map(byte));
    }
    answers
}

fn check(family: &str, one_in: usize) {
    let mut tally = Tally::default();
    for case in read(family) {
        let loaded = compile(&case);
        let model = loaded.model().unwrap();
        let mut memory = vec![0; model.sizes().engine];
        let mut engine = PlanEngine::new(model, &mut memory).unwrap();
        tally.add(&case, &answers(&case, &model, &mut engine), &case.answers);
    }
    tally.check(family, one_in);
}

/// Networks of any operators: each is refused with a node's name, or right. `most_refused` of a hundred may be refused: onnxruntime
/// leaves some operators in real numbers, such as a mean of a Tanh, for which there is no scale.
fn check_or_refused(family: &str, most_refused: usize) {
    let mut tally = Tally::default();
    let cases = read(family);
    let mut refused = 0;
    for case in &cases {
        match try_compile(case) {
            Ok(loaded) => {
                let model = loaded.model().unwrap();
                let mut memory = vec![0; model.sizes().engine];
                let mut engine = PlanEngine::new(model, &mut memory).unwrap();
                tally.add(case, &answers(case, &model, &mut engine), &case.answers);
            }
            Err(Error::UnsupportedOperator { node, operator, why, .. }) => {
                println!("{}: refused at {node} ({operator}): {why}", case.name);
                refused += 1;
            }
            Err(error) => panic!("{}: {error}", case.name),
        }
    }
    println!("{family}: {refused} of {} refused", cases.len());
    assert!(refused * 100 <= cases.len() * most_refused, "{family}: {refused} of {} refused", cases.len());
    tally.check(family, 1);
}

#[test]
fn networks_between_dequantize_and_quantize() {
    check_or_refused("qdq", 10);
}

#[test]
fn networks_with_weights_that_the_graph_rounds() {
    check_or_refused("fake_quantised", 10);
}

#[test]
fn networks_of_operators_on_bytes() {
    check_or_refused("qoperator", 20);
}

#[test]
fn convolutions_over_time() {
    check("convolution_1d", 100_000);
}

#[test]
fn convolutions_with_exact_ties() {
    check("convolution_ties", 100_000);
}

#[test]
fn convolutions_over_time_and_frequency() {
    check("convolution_2d", 100_000);
}

#[test]
fn matrix_products() {
    check("product", 100_000);
}

#[test]
fn functions_of_one_variable() {
    check("lookup", 10_000);
}

#[test]
fn sums_and_products_of_two() {
    check("pair", 10_000);
}

#[test]
fn pools() {
    check("pool", 10_000);
}

#[test]
fn concatenations_slices_and_views() {
    check("moving", 10_000);
}

/// Whole networks: at most one step off, however often.
#[test]
fn whole_networks() {
    check("network", 1);
}

/// The reference runtime gives what onnxruntime gives, so that a disagreement with it means something.
#[test]
fn the_reference_agrees_with_onnxruntime() {
    let mut tally = Tally::default();
    for case in read("network") {
        let loaded = compile(&case);
        let model = loaded.model().unwrap();
        let mut network = ReferenceNetwork::new(&case.onnx, &model).unwrap();
        tally.add(&case, &answers(&case, &model, &mut network), &case.answers);
    }
    tally.check("tract on networks", 1);
}
