//! The Raspberry Pi Pico's firmware on an emulated RP2040 (rp2040js): its PIO program, DMA, interrupts, USB and LED are the real ones, the
//! microphone plays a recording, and the lines that come by USB must be the host's. (The Pico 2 has the same code for all of these.)

mod common;
mod firmware;
#[path = "../boards/simulation/src/padding.rs"]
mod padding;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use earmark_core::api::{write_event, write_signal};
use earmark_core::listener::{Event, Listener, ListenerSettings};
use earmark_core::model::Model;
use earmark_core::signal::{Preset, SignalChange};
use earmark_edge::{Error, source::Source};

/// Samples that the firmware hands over at a time.
const BLOCK: usize = 160;

/// What came of a run.
struct Run {
    lines: Vec<String>,
    led: Vec<String>,
}

/// The emulator's folder, with what it needs from npm, and the firmware.
static EMULATOR: LazyLock<(PathBuf, PathBuf)> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("emulated-pico");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["package.json", "package-lock.json", "microphone.mjs", "run.mjs"] {
        std::fs::copy(common::root().join("edge/tests/emulated_pico").join(name), folder.join(name)).unwrap();
    }
    let installed = Command::new("npm").args(["ci", "--silent"]).current_dir(&folder).output();
    let installed = installed.expect("npm is missing: apt-get install npm");
    assert!(installed.status.success(), "npm ci: {}", String::from_utf8_lossy(&installed.stderr));
    // In the folder where CI builds the boards with a microphone.
    let target = common::root().join("target/boards");
    let firmware = ("pico", "earmark-pico");
    (folder, firmware::build_in(&target, firmware, "thumbv6m-none-eabi", &common::fixed_model_path(), &[], None))
});

/// Plays a sound to the firmware, on a processor that is `speed` times as fast as the chip's.
fn run(sound: &Path, speed: &str) -> Run {
    let (folder, firmware) = &*EMULATOR;
    let output = Command::new("node").current_dir(folder).arg("run.mjs").args([firmware, sound]).arg(speed).output();
    let output = output.expect("node is missing: apt-get install nodejs");
    let lines = |bytes| String::from_utf8(bytes).expect("lines are UTF-8").lines().map(str::to_owned).collect();
    let (lines, led): (Vec<_>, Vec<_>) = (lines(output.stdout), lines(output.stderr));
    assert!(output.status.success(), "{led:#?}");
    Run { lines, led }
}

/// The lines that samples must give, by the core's listener alone.
fn expected(model: Model<'_>, samples: &[i16]) -> Vec<String> {
    let rate = model.sample_rate();
    let conditioning = Preset::Inmp441.conditioning(rate);
    let settings = ListenerSettings { conditioning, ..ListenerSettings::of(&model) };
    let mut memory = vec![0; model.sizes().listener];
    let mut listener = Listener::new(model, &settings, &mut memory).unwrap();
    let (mut lines, mut line) = (Vec::new(), [0; 256]);
    let on_event = |event: Event<'_>| match event {
        Event::Detection(found) => {
            let label = model.labels().nth(found.label).unwrap();
            lines.push(write_event(label, &found, rate, &mut line).unwrap().to_owned());
        }
        Event::Signal { at, condition } => {
            lines.push(write_signal(&SignalChange { at, condition }, rate, &mut line).unwrap().to_owned());
        }
        _ => {}
    };
    listener.push(samples, on_event).unwrap();
    lines
}

/// A recording that is as loud after the conditioning as before, between noise; whole blocks of it.
fn sound(model: Model<'_>) -> Vec<i16> {
    struct Recording(std::vec::IntoIter<i16>);
    impl Source for Recording {
        type Item = i16;

        fn fill(&mut self, samples: &mut [i16]) -> Result<usize, Error> {
            Ok(samples.iter_mut().zip(&mut self.0).map(|(place, sample)| *place = sample).count())
        }
    }
    let recording = common::samples(&common::root().join("models/fixtures/yes.wav"));
    let quiet: Vec<i16> = recording.iter().map(|sample| sample / 4).collect();
    let mut source = padding::Padded::new(Recording(quiet.into_iter()), model.sample_rate());
    let (mut heard, mut block) = (Vec::new(), [0; BLOCK]);
    while let count @ 1.. = source.fill(&mut block).unwrap() {
        heard.extend_from_slice(&block[..count]);
    }
    heard.truncate(heard.len() / BLOCK * BLOCK);
    heard
}

/// With a front end in integers the chip keeps up: nothing is lost, and a word is heard.
#[test]
fn the_lines_are_those_of_the_host() {
    let model = common::model_at(&common::fixed_model_path());
    let samples = sound(model);
    let run = run(&common::write_wav("pico-yes.wav", &samples), "1");
    assert_eq!(run.lines, expected(model, &samples));
    assert!(run.lines.iter().any(|line| line.contains(r#""label":"yes""#)), "{:#?}", run.lines);
    assert_eq!(run.led, ["led on", "led off"]);
}

/// A processor that is far too slow captures nevertheless, and says how often samples were lost.
#[test]
fn what_is_lost_is_told_of() {
    let model = common::model_at(&common::fixed_model_path());
    let samples = sound(model);
    let run = run(&common::write_wav("pico-late.wav", &samples[..16_000]), "0.1");
    assert!(!run.lines.is_empty());
    for (index, line) in run.lines.iter().enumerate() {
        assert_eq!(*line, format!(r#"{{"overruns":{}}}"#, index + 1));
    }
}
