//! The built-in model on this machine: inference on the core and on tract, and everything from samples to JSON, one core.
//!
//!     cargo bench -p earmark-benches --bench chain
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use earmark::model::LoadedModel;
use earmark::reference::ReferenceNetwork;
use earmark_benches::float_net::float_network;
use earmark_core::api::{FunctionToApply, Ranking, response_bound, write_response};
use earmark_core::engine::{Network, PlanEngine};
use earmark_core::frontend::conformance::TestSignal;
use earmark_core::model::Model;
use earmark_core::recognizer::Recognizer;
use tract_onnx::prelude::*;

/// Fills a network's window with features that vary.
fn fill(network: &mut impl Network, model: &Model<'_>) {
    for frame in 0..model.frames() {
        let features: Vec<f32> =
            (0..model.features()).map(|index| ((frame * 7 + index * 3) % 17) as f32 - 12.0).collect();
        network.push_frame(&features).expect("the model's number of features");
    }
}

fn inference(criterion: &mut Criterion) {
    let loaded = LoadedModel::built_in();
    let model = loaded.model().expect("the built-in model");
    let onnx = loaded.source().expect("the built-in model's ONNX file");
    let mut outputs = vec![0.0; model.label_count()];
    let mut group = criterion.benchmark_group("inference, commands-m, one window");

    let mut memory = vec![0u128; model.sizes().engine.div_ceil(16)];
    let mut core = PlanEngine::new(model, bytemuck::cast_slice_mut(&mut memory)).expect("enough memory");
    fill(&mut core, &model);
    group.bench_function("core, int8", |bencher| bencher.iter(|| core.outputs(black_box(&mut outputs))));

    let float = float_network(&onnx).expect("a network that tract runs");
    let input = Tensor::zero::<f32>(&[1, model.features(), model.frames()]).expect("a tensor");
    group.bench_function("tract, float", |bencher| {
        bencher.iter(|| float.run(tvec![black_box(input.clone()).into()]).expect("outputs"));
    });

    let mut reference = ReferenceNetwork::new(&onnx, &model).expect("a network that tract runs");
    fill(&mut reference, &model);
    group.bench_function("tract, int8", |bencher| bencher.iter(|| reference.outputs(black_box(&mut outputs))));
    group.finish();
}

fn samples_to_json(criterion: &mut Criterion) {
    let loaded = LoadedModel::built_in();
    let model = loaded.model().expect("the built-in model");
    let labels: Vec<&str> = model.labels().collect();
    let mut memory = vec![0u128; model.sizes().recognizer.div_ceil(16)];
    let mut recognizer = Recognizer::new(model, bytemuck::cast_slice_mut(&mut memory)).expect("enough memory");
    let samples: Vec<i16> = TestSignal::default().take(model.window_samples()).collect();
    let mut json = vec![0; response_bound(model.labels())];
    let mut scores = vec![0.0; labels.len()];
    criterion.bench_function("samples to JSON, commands-m, one window", |bencher| {
        bencher.iter(|| {
            scores.copy_from_slice(recognizer.classify(black_box(&samples)).expect("a whole window"));
            FunctionToApply::Softmax.apply(&mut scores);
            let ranking = Ranking::new(&scores, None);
            write_response(ranking.map(|ranked| (labels[ranked.index], ranked.score)), &mut json).map(str::len)
        });
    });
}

// tract comes last: after it, the same thread runs slower for a while.
criterion_group!(benches, samples_to_json, inference);
criterion_main!(benches);
