//! Always listening, on one core: a minute of sound through the listener and a WAV file through everything that `earmark stream` does.
//! A minute in 300 ms is 200 times real time.
//!
//!     cargo bench -p earmark-benches --bench stream
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use earmark::audio::AudioStream;
use earmark::classify::Engine;
use earmark::listen::{ListenerMemory, hear};
use earmark::model::LoadedModel;
use earmark_core::detect::GateSettings;
use earmark_core::frontend::conformance::TestSignal;
use earmark_core::listener::ListenerSettings;
use earmark_core::signal::Preset;

const SAMPLE_RATE: u32 = 16_000;
const MINUTE: usize = 60 * SAMPLE_RATE as usize;

fn minute() -> Vec<i16> {
    TestSignal::default().take(MINUTE).collect()
}

/// 16-bit mono at a sample rate.
fn wav(samples: &[i16], sample_rate: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let length = 2 * samples.len() as u32;
    file.extend(b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([1, 0, 1, 0]);
    file.extend(sample_rate.to_le_bytes());
    file.extend((2 * sample_rate).to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

fn listener(criterion: &mut Criterion) {
    let loaded = LoadedModel::built_in();
    let mut memory = ListenerMemory::new(&loaded, Engine::Core).expect("the built-in model");
    let samples = minute();
    let plain = ListenerSettings::of(memory.model());
    let conditioned = ListenerSettings { conditioning: Preset::Inmp441.conditioning(SAMPLE_RATE), ..plain };
    let gated = ListenerSettings { gate: Some(GateSettings::for_window(1_000)), ..plain };
    let mut group = criterion.benchmark_group("listening, commands-m, a minute");
    group.throughput(Throughput::Elements(MINUTE as u64)).sample_size(20);
    for (name, settings, samples) in [
        ("samples", plain, &samples),
        ("samples, conditioned", conditioned, &samples),
        ("silence, gated", gated, &vec![0; MINUTE]),
    ] {
        let mut listener = memory.listener(&settings).expect("a checked model");
        group.bench_function(name, |bencher| {
            bencher.iter(|| listener.push(black_box(samples), |event| _ = black_box(event)).expect("the core"));
        });
    }
    group.finish();
}

fn files(criterion: &mut Criterion) {
    let loaded = LoadedModel::built_in();
    let mut memory = ListenerMemory::new(&loaded, Engine::Core).expect("the built-in model");
    let settings = ListenerSettings::of(memory.model());
    let mut group = criterion.benchmark_group("streaming, commands-m, a minute");
    group.throughput(Throughput::Elements(MINUTE as u64)).sample_size(20);
    for (name, file) in
        [("WAV, 16 kHz", wav(&minute(), SAMPLE_RATE)), ("WAV, 48 kHz", wav(&minute().repeat(3), 3 * SAMPLE_RATE))]
    {
        let mut listener = memory.listener(&settings).expect("a checked model");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut audio = AudioStream::from_pipe(black_box(&file[..]), SAMPLE_RATE).expect("a WAV file");
                hear(&mut audio, &mut listener, |event| {
                    black_box(event);
                    Ok(())
                })
                .expect("the core")
                .samples
            });
        });
    }
    group.finish();
}

criterion_group!(benches, listener, files);
criterion_main!(benches);
