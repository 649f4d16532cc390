//! The proof that a stream on a microcontroller gives the same bits as on the host: the firmware of `edge/boards/qemu-*` on QEMU against
//! the core's listener on this machine, on the very same samples, with and without conditioning, and with injected faults.

mod common;
mod firmware;
#[path = "../boards/simulation/src/padding.rs"]
mod padding;
#[allow(dead_code)] // It can also tell of windows.
#[path = "../boards/simulation/src/witness.rs"]
mod witness;

use std::path::Path;

use earmark_core::api::{event_bound, write_event, write_signal};
use earmark_core::detect::Detection;
use earmark_core::engine::PlanEngine;
use earmark_core::engine::kernels::KernelSet;
use earmark_core::frontend::conformance::{self, Fingerprint};
use earmark_core::listener::{Event, Listener, ListenerSettings};
use earmark_core::model::Model;
use earmark_core::recognizer::Recognizer;
use earmark_core::signal::{Preset, SignalChange};
use earmark_edge::listening::Settings;
use earmark_edge::source::Source;
use firmware::{CORTEX_M0, CORTEX_M4F, Device, FIXED_CORTEX_M0, FIXED_CORTEX_M4F, FIXED_RV32IMC, RV32IMC, run};
use padding::{LEVEL_SAMPLES, Padded};
use witness::{Watch, Witness};

/// Samples in one half of the device's DMA buffer.
const HALF: usize = 160;

/// What a run writes, line by line.
#[derive(Debug, PartialEq)]
struct Lines {
    stdout: Vec<String>,
    stderr: Vec<String>,
}

/// Runs the firmware. Without an FPU, a front end in floating point is too slow for the pace of sound.
fn device(device: &Device, options: &[&str], sound: &Path) -> Lines {
    let pace = ["--pace", if device.paced { "real" } else { "none" }];
    let sound = sound.to_str().expect("paths in the repository are UTF-8");
    let output = run(device, &[options, &pace, &["--fingerprints", sound]].concat());
    let lines = |bytes| String::from_utf8(bytes).expect("JSON is UTF-8").lines().map(str::to_owned).collect();
    let status = output.status;
    let lines = Lines { stdout: lines(output.stdout), stderr: lines(output.stderr) };
    assert!(status.success(), "{sound}: {status}: {:#?}", lines.stderr);
    lines
}

/// What it must write by the core's listener, with samples lost between the parts of the sound.
fn host(model: Model<'_>, kernels: KernelSet, condition: Preset, parts: &[&[i16]]) -> Lines {
    let sizes = model.sizes();
    let rate = model.sample_rate();
    let settings = ListenerSettings { conditioning: condition.conditioning(rate), ..ListenerSettings::of(&model) };
    let mut engine = vec![0; sizes.streaming_engine];
    let mut chain = vec![0; sizes.streaming_recognizer - sizes.streaming_engine];
    let mut detector = vec![0; settings.memory(&model)];
    let engine = PlanEngine::streaming(model, &mut engine).unwrap().with_kernels(kernels);
    let mut witness = Witness::new(engine, Watch::Everything);
    let recognizer = Recognizer::with_network(model, &mut witness, &mut chain).unwrap();
    let mut listener = Listener::with_recognizer(recognizer, &settings, &mut detector).unwrap();

    let labels: Vec<&str> = model.labels().collect();
    let mut line = vec![0; labels.iter().map(|label| event_bound(label)).max().unwrap()];
    let hold = u64::from(Settings::of(&model).hold_samples);
    let mut stdout = vec![format!(r#"{{"front_end":"{:016x}"}}"#, conformance::FRONT_END)];
    let mut stderr = Vec::new();
    let (mut windows, mut scores) = (0, Fingerprint::default());
    let (mut offset, mut low_at, mut is_lit) = (0, None, false);
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            offset += listener.position();
            listener.reset();
            stdout.push(format!(r#"{{"overruns":{index}}}"#));
            if std::mem::take(&mut is_lit) {
                stdout.push(format!(r#"{{"led":false,"at":{offset}}}"#));
            }
            low_at = None;
        }
        for chunk in part.chunks(HALF) {
            let on_event = |event: Event<'_>| match event {
                Event::Scores { scores: now, .. } => {
                    windows += 1;
                    scores.update(now);
                }
                Event::Detection(found) => {
                    let found = Detection { start: found.start + offset, end: found.end + offset, ..found };
                    low_at = Some(found.end + hold);
                    stdout.push(write_event(labels[found.label], &found, rate, &mut line).unwrap().to_owned());
                }
                Event::Signal { at, condition } => {
                    let change = SignalChange { at: at + offset, condition };
                    stderr.push(write_signal(&change, rate, &mut [0; 64]).unwrap().to_owned());
                }
                _ => {}
            };
            listener.push(chunk, on_event).unwrap();
            let position = offset + listener.position();
            low_at = low_at.filter(|&moment| moment > position);
            if low_at.is_some() != is_lit {
                is_lit = !is_lit;
                stdout.push(format!(r#"{{"led":{is_lit},"at":{position}}}"#));
            }
        }
    }
    let mut last = Vec::new();
    witness.write_stream(&mut last, (windows, scores)).unwrap();
    assert!(windows > 0, "the sound is shorter than a window");
    stdout.push(String::from_utf8(last).unwrap().trim_end().to_owned());
    Lines { stdout, stderr }
}

/// What the simulated microphone hears of a recording.
fn padded(recording: &[i16], sample_rate: u32) -> Vec<i16> {
    let mut source = Padded::new(common::Recording(recording), sample_rate);
    let (mut heard, mut samples) = (Vec::new(), [0; HALF]);
    loop {
        match source.fill(&mut samples).unwrap() {
            0 => return heard,
            count => heard.extend_from_slice(&samples[..count]),
        }
    }
}

/// What it hears of a WAV file.
fn heard(sound: &Path) -> Vec<i16> {
    padded(&common::samples(sound), common::model().sample_rate())
}

fn compare(on: &Device, condition: Preset, sound: &Path) {
    let heard = heard(sound);
    let device = device(on, &["--condition", condition.name()], sound);
    for kernels in KernelSet::available() {
        let host = host(common::model_at(&on.model), kernels, condition, &[&heard]);
        assert_eq!(device, host, "{}, {}, {}", sound.display(), condition.name(), kernels.name());
    }
}

/// A few of the fixtures.
fn some_fixtures() -> Vec<std::path::PathBuf> {
    common::fixtures().into_iter().step_by(13).collect()
}

#[test]
fn a_stream_on_a_cortex_m4f_has_the_bits_of_the_host() {
    common::fixtures().iter().for_each(|sound| compare(&CORTEX_M4F, Preset::None, sound));
}

#[test]
fn a_conditioned_stream_on_a_cortex_m4f_has_the_bits_of_the_host() {
    common::fixtures().iter().for_each(|sound| compare(&CORTEX_M4F, Preset::Inmp441, sound));
}

#[test]
fn streams_without_an_fpu_have_the_bits_of_the_host() {
    for sound in some_fixtures() {
        compare(&CORTEX_M0, Preset::None, &sound);
        compare(&RV32IMC, Preset::Inmp441, &sound);
    }
}

/// At 125 million instructions a second, and in time: there are no overruns.
#[test]
fn streams_in_integers_have_the_bits_of_the_host() {
    for sound in some_fixtures() {
        compare(&FIXED_CORTEX_M0, Preset::Inmp441, &sound);
        compare(&FIXED_RV32IMC, Preset::Inmp441, &sound);
        compare(&FIXED_CORTEX_M4F, Preset::None, &sound);
    }
}

/// Runs the Cortex-M4F with a fault; what it hears is given.
fn compare_fault(fault: &str, condition: Preset, sound: &Path, parts: &[&[i16]]) -> Lines {
    let device = device(&CORTEX_M4F, &["--condition", condition.name(), "--inject", fault], sound);
    assert_eq!(device, host(common::model(), KernelSet::detect(), condition, parts), "{fault}");
    device
}

#[test]
fn an_overrun_is_counted_and_starts_afresh() {
    let sound = common::fixtures().pop().unwrap();
    let heard = heard(&sound);
    // Before a window was full, and in the midst of a half some time after the word.
    for at in [1_000, 20_500] {
        let parts = [&heard[..at], &heard[at + HALF..]];
        let lines = compare_fault(&format!("overrun@{at}"), Preset::None, &sound, &parts);
        assert!(lines.stdout.iter().any(|line| line == r#"{"overruns":1}"#));
    }
}

/// The shipped model never is too late: the other tests would see it.
#[test]
fn a_processor_that_is_too_slow_has_overruns() {
    let sound = common::fixtures().pop().unwrap();
    let slow = ["--inject", "slow=300000"];
    let overruns = |lines: &Lines| lines.stdout.iter().filter(|line| line.starts_with(r#"{"overruns":"#)).count();
    let late = device(&CORTEX_M4F, &slow, &sound);
    // Each window's scores make it late, and the next window is full a second later.
    assert!(overruns(&late) >= 2, "{:?}", late.stdout);
    assert!(late.stdout.contains(&r#"{"overruns":2}"#.to_owned()));
    // A microphone that waits has none.
    let output = run(&CORTEX_M4F, &[&slow[..], &["--pace", "none", sound.to_str().unwrap()]].concat());
    assert!(output.status.success() && !String::from_utf8_lossy(&output.stdout).contains("overruns"));
}

#[test]
fn a_microphone_on_the_other_channel_is_told_of() {
    let sound = common::fixtures().pop().unwrap();
    let silence = vec![0; heard(&sound).len()];
    let lines = compare_fault("wrong-channel", Preset::None, &sound, &[&silence]);
    assert_eq!(lines.stderr, [r#"{"signal":"all_zero","at":1.00}"#]);
}

#[test]
fn an_offset_is_told_of() {
    // Soft noise, so that an offset takes it off zero for good.
    let noise: Vec<i16> = (0_i32..24_000).map(|n| ((n * n / 7) % 61) as i16 - 30).collect();
    let sound = common::write_wav("soft.wav", &noise);
    let shifted: Vec<i16> = heard(&sound).iter().map(|sample| sample - 2_000).collect();
    let lines = compare_fault("dc=-2000", Preset::None, &sound, &[&shifted]);
    assert_eq!(lines.stderr, [r#"{"signal":"dc_shifted","at":1.00}"#]);
    // Behind a DC blocker it does not matter.
    assert!(compare_fault("dc=-2000", Preset::Inmp441, &sound, &[&shifted]).stderr.is_empty());
}

#[test]
fn a_clock_that_stops_is_told_of() {
    let rate = common::model().sample_rate() as usize;
    let noise: Vec<i16> = (0..5 * rate).map(|n| ((n * n / 7) % 6_001) as i16 - 3_000).collect();
    let sound = common::write_wav("long noise.wav", &noise);
    let mut heard = heard(&sound);
    // Somewhere in the recording where the sample that stays is not zero.
    let at = (rate..).find(|&at| heard[at - 1] > 100).unwrap();
    let last = heard[at - 1];
    heard[at..].fill(last);
    let lines = compare_fault(&format!("dropout@{at}"), Preset::None, &sound, &[&heard]);
    assert!(lines.stderr.iter().any(|line| line.starts_with(r#"{"signal":"stuck","#)), "{:?}", lines.stderr);
}

#[test]
fn a_recording_lies_in_noise_as_loud_as_its_ends() {
    let rate = 16_000;
    let value = |n: i32| if n < 5_000 { n % 7 * 20 - 60 } else { n * n % 2_001 - 1_000 };
    let recording: Vec<i16> = (0..20_000).map(|n| value(n) as i16).collect();
    let heard = padded(&recording, rate);
    let (before, after) = (rate as usize / 2, rate as usize * 3 / 2);
    assert_eq!(heard.len(), before + recording.len() + after);
    assert_eq!(heard[before..][..recording.len()], recording);
    let level = |samples: &[i16]| {
        (samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / samples.len() as f64).sqrt()
    };
    let is_as_loud = |noise: &[i16], edge: &[i16]| (level(noise) / level(edge) - 1.0).abs() < 0.05;
    assert!(is_as_loud(&heard[..before], &recording[..LEVEL_SAMPLES]));
    assert!(is_as_loud(&heard[heard.len() - after..], &recording[recording.len() - LEVEL_SAMPLES..]));

    // Shorter than what the level is taken from, empty, and digital silence.
    assert_eq!(padded(&recording[..9], rate)[before..][..9], recording[..9]);
    assert_eq!(padded(&[], rate), vec![0; before + after]);
    assert_eq!(padded(&[0; 1_000], rate), vec![0; before + 1_000 + after]);
}
