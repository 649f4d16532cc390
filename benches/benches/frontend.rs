//! The front end: one second of audio to features, one core.
//!
//!     cargo bench -p earmark-benches --bench frontend
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use earmark::frontend::{FrontEndTables, Options};
use earmark_core::frontend::conformance::TestSignal;
use earmark_core::frontend::{Framer, FrontEnd};

/// The settings of `commands-m`: 98 frames of 400 samples, 512-point FFT, 40 bands.
const LOG_MEL: &str = "preset = 'torchaudio'\nhop_length = 160\nmel_bands = 40\nlow_hz = 20.0\nhigh_hz = 7600.0";

fn one_second(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("front end, 1 s of audio");
    for (name, options) in [
        ("log-mel, 40 bands", LOG_MEL.to_owned()),
        ("log-mel, 40 bands, magnitude", format!("{LOG_MEL}\nspectrum = 'magnitude'")),
        ("MFCC, 13 of 40 bands", format!("{LOG_MEL}\nmfcc_coefficients = 13")),
    ] {
        let options: Options = toml::from_str(&options).expect("valid options");
        let settings = options.settings().expect("valid options");
        let tables = FrontEndTables::new(&settings).expect("valid options");
        let front_end = FrontEnd::new(tables.spec()).expect("valid tables");
        let audio: Vec<i16> = TestSignal::default().take(settings.sample_rate as usize).collect();
        let mut memory = vec![0; settings.window_length];
        let mut framer = Framer::new(&mut memory, settings.hop_length).expect("valid lengths");
        let mut scratch = vec![0.0; front_end.scratch_len()];
        let mut features = vec![0.0; front_end.features()];
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                framer.reset();
                let mut rest = black_box(&audio[..]);
                while let Some(frame) = framer.next_frame(&mut rest) {
                    front_end.frame(frame, &mut scratch, &mut features).expect("buffers of the right lengths");
                    black_box(&features);
                }
            });
        });
    }
    group.finish();
}

/// The transform alone by microfft, as often as a second of audio has frames: what ours, with all that is around it, is held against.
fn reference(criterion: &mut Criterion) {
    criterion.bench_function("microfft, 98 transforms of 512 points", |bencher| {
        let frame: [f32; 512] = std::array::from_fn(|n| (n * 37 % 101) as f32);
        bencher.iter(|| {
            for _ in 0..98 {
                let mut frame = black_box(frame);
                black_box(microfft::real::rfft_512(&mut frame));
            }
        });
    });
}

criterion_group!(benches, one_second, reference);
criterion_main!(benches);
