//! One inference of a whole window on one core, for each set of kernels that this machine runs.
//!
//!     cargo bench -p earmark-benches --bench engine
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use earmark::model::LoadedModel;
use earmark_benches::nets;
use earmark_core::engine::kernels::KernelSet;
use earmark_core::engine::{Network, PlanEngine};
use earmark_core::model::Model;

/// Benches a network on features that vary.
fn inference(criterion: &mut Criterion, name: &str, model: Model<'_>) {
    let multiplications: u64 = model.plan().map(|op| op.multiply_accumulates()).sum();
    let mut group = criterion.benchmark_group(format!("inference, {name}"));
    group.throughput(criterion::Throughput::Elements(multiplications));
    for kernels in KernelSet::available() {
        let mut memory = vec![0; model.sizes().engine];
        let mut engine = PlanEngine::new(model, &mut memory).expect("enough memory").with_kernels(kernels);
        for frame in 0..model.frames() {
            let features: Vec<f32> =
                (0..model.features()).map(|index| ((frame * 7 + index * 3) % 17) as f32 - 12.0).collect();
            engine.push_frame(&features).expect("the model's number of features");
        }
        let id = BenchmarkId::from_parameter(kernels.name());
        group.bench_function(id, |bencher| bencher.iter(|| black_box(engine.quantised_outputs()).is_some()));
    }
    group.finish();
}

fn networks(criterion: &mut Criterion) {
    let bytes = nets::ds_cnn();
    inference(criterion, "MLPerf Tiny DS-CNN", Model::new(&bytes).expect("a legal artifact"));
    let loaded = LoadedModel::built_in();
    inference(criterion, "commands-m", loaded.model().expect("the built-in model"));
}

criterion_group!(benches, networks);
criterion_main!(benches);
