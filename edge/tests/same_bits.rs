//! The proof that a microcontroller computes the same bits as the host: the firmware of `edge/boards/qemu-*` on QEMU, on Arm with and
//! without an FPU and on RISC-V, against the core on this machine with all kernels that it can run. Window by window; `streaming.rs` has
//! the same for streams.

mod common;
mod firmware;
#[allow(dead_code)] // It can also tell of streams.
#[path = "../boards/simulation/src/witness.rs"]
mod witness;

use std::path::Path;

use earmark_core::api::{Ranking, response_bound, write_response};
use earmark_core::engine::PlanEngine;
use earmark_core::engine::kernels::KernelSet;
use earmark_core::frontend::conformance;
use earmark_core::model::Model;
use earmark_core::recognizer::Recognizer;
use earmark_edge::windowed::Settings;
use firmware::{CORTEX_M0, CORTEX_M4F, CORTEX_M7, Device, RV32IMC, boards, run};
use witness::{Watch, Witness};

/// Runs the firmware on a sound; gives the lines it wrote.
fn lines(device: &Device, sound: &Path) -> Vec<String> {
    let sound = sound.to_str().expect("paths in the repository are UTF-8");
    let output = run(device, &["--mode", "windowed", "--fingerprints", sound]);
    assert!(output.status.success(), "{sound}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("JSON is UTF-8").lines().map(str::to_owned).collect()
}

/// The two lines that a window must give, by the core on this machine.
fn expected(model: Model<'_>, kernels: KernelSet, samples: &[i16]) -> [String; 2] {
    let mut memory = vec![0; model.sizes().recognizer];
    let (engine, rest) = memory.split_at_mut(model.sizes().engine);
    let engine = PlanEngine::new(model, engine).unwrap().with_kernels(kernels);
    let witness = Witness::new(engine, Watch::Features);
    let mut recognizer = Recognizer::with_network(model, witness, rest).unwrap();
    let mut unheard = samples;
    while recognizer.next_frame(&mut unheard).unwrap() {}

    let settings = Settings::of(&model);
    let scores = recognizer.outputs().unwrap().expect("a whole window");
    settings.function_to_apply.apply(scores);
    let labels: Vec<&str> = model.labels().collect();
    let ranking = Ranking::new(scores, None);
    let best = ranking.clone().next().expect("a model has labels");
    let led = settings.raises(&model, best);
    let mut line = vec![0; response_bound(model.labels())];
    let answer = write_response(ranking.map(|ranked| (labels[ranked.index], ranked.score)), &mut line).unwrap();
    let answer = answer.to_owned();
    let mut fingerprints = Vec::new();
    recognizer.network().write_window(&mut fingerprints, led).unwrap();
    [answer, String::from_utf8(fingerprints).unwrap().trim_end().to_owned()]
}

/// Runs a sound of at most a window on the device, and compares everything with the host.
fn compare(device: &Device, sound: &Path) {
    let model = common::model();
    let mut samples = common::samples(sound);
    assert!(samples.len() <= model.window_samples(), "{} is longer than a window", sound.display());
    samples.resize(model.window_samples(), 0);
    let front_end = format!(r#"{{"front_end":"{:016x}"}}"#, conformance::FRONT_END);
    let heard = lines(device, sound);
    for kernels in KernelSet::available() {
        let [answer, fingerprints] = expected(model, kernels, &samples);
        let host = [&front_end, &answer, &fingerprints];
        assert!(heard.iter().eq(host), "{}, {}:\ndevice {heard:#?}\nhost {host:#?}", sound.display(), kernels.name());
    }
}

#[test]
fn a_cortex_m4f_computes_the_bits_of_the_host() {
    common::fixtures().iter().for_each(|sound| compare(&CORTEX_M4F, sound));
}

#[test]
fn a_cortex_m7_computes_the_bits_of_the_host() {
    common::fixtures().iter().for_each(|sound| compare(&CORTEX_M7, sound));
}

#[test]
fn software_floating_point_computes_the_same_bits() {
    common::fixtures().iter().for_each(|sound| compare(&CORTEX_M0, sound));
}

#[test]
fn risc_v_computes_the_same_bits() {
    common::fixtures().iter().for_each(|sound| compare(&RV32IMC, sound));
}

#[test]
fn a_short_sound_is_followed_by_silence() {
    let sound = common::samples(&common::fixtures()[0]);
    compare(&CORTEX_M4F, &common::write_wav("short, sound.wav", &sound[..sound.len() / 3]));
}

#[test]
fn a_long_sound_gives_window_after_window() {
    let model = common::model();
    let fixtures = common::fixtures();
    let window = model.window_samples();
    let mut sound: Vec<i16> = fixtures.iter().take(3).flat_map(|file| common::samples(file)).collect();
    let sound_length = sound.len().min(2 * window + window / 2);
    sound.truncate(sound_length);
    let device = lines(&CORTEX_M4F, &common::write_wav("long.wav", &sound));
    sound.resize(sound.len().next_multiple_of(window), 0);
    // The windows' starts are a whole number of frames apart, so each is a sound of its own.
    let hop = Settings::of(&model).hop_frames.get() * model.front_end().hop_length;
    let starts = (0..).map(|k| k * hop).take_while(|start| start + window <= sound.len());
    let host: Vec<String> = starts
        .map(|start| expected(model, KernelSet::Generic, &sound[start..][..window]))
        .map(|[answer, _]| answer)
        .collect();
    let device: Vec<String> = device.into_iter().filter(|line| line.starts_with('[')).collect();
    assert_eq!(device, host);
}

#[test]
fn what_goes_wrong_on_the_device_ends_the_run_with_an_error() {
    let manifest = boards().join("qemu-mps2-an386/Cargo.toml");
    let manifest = manifest.to_str().expect("paths in the repository are UTF-8");
    for (device, arguments, message) in [
        (&*CORTEX_M4F, &["--fault"][..], "error: hard fault at 0x"),
        (&*RV32IMC, &["--fault"], "error: exception"),
        (&*CORTEX_M4F, &[manifest], "error: the file must be a WAV file of one channel of 16-bit PCM"),
        (&*CORTEX_M4F, &["nowhere.wav"], "error: the file cannot be read"),
        (&*CORTEX_M4F, &[], "error: usage: "),
        (&*CORTEX_M4F, &["--mode", "other", manifest], "error: usage: "),
        (&*CORTEX_M4F, &["--inject", "overrun@soon", manifest], "error: usage: "),
        (&*CORTEX_M4F, &["--mode", "windowed", "--condition", "inmp441", manifest], "error: usage: "),
    ] {
        let output = run(device, arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), stderr.lines().count()), (Some(1), 1), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with(message), "{arguments:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
