//! The front end against the libraries it reproduces. `golden/frontend/make.py` made the vectors and says how.

use std::path::PathBuf;

use earmark::frontend::{FrontEndTables, Options, Preset};
use earmark_core::frontend::conformance::Fingerprint;
use earmark_core::frontend::{Compression, Framer, FrontEnd};
use serde::Deserialize;

/// The largest absolute difference allowed, in units of the natural logarithm.
const TOLERANCE: f32 = 1e-3;

/// The fingerprints of what earmark computes, preset by preset, on every host and target.
const FINGERPRINTS: [(Preset, u64); 4] = [
    (Preset::Torchaudio, 0xf3c4_69db_c7db_17c3),
    (Preset::Librosa, 0x32ee_9e1d_a69a_1553),
    (Preset::TfSignal, 0x6c1d_f130_2e1d_e779),
    (Preset::MlperfTiny, 0x7319_9210_0f7b_85a8),
];

#[derive(Deserialize)]
struct Case {
    name: String,
    options: Options,
    frames: usize,
    features: usize,
}

impl Case {
    fn all() -> Vec<Self> {
        let text = std::fs::read_to_string(golden("cases.json")).expect("cases.json");
        serde_json::from_str(&text).expect("cases.json is a list of cases")
    }

    /// What the library computed, frame by frame.
    fn expected(&self) -> Vec<f32> {
        let bytes = std::fs::read(golden(&format!("{}.f32", self.name))).expect("the case's features");
        bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
    }

    /// What earmark computes, frame by frame.
    fn computed(&self) -> Vec<f32> {
        let settings = self.options.settings().expect("good options");
        let tables = FrontEndTables::new(&settings).expect("good options");
        let front_end = FrontEnd::new(tables.spec()).expect("good tables");
        let mut memory = vec![0; settings.window_length];
        let mut framer = Framer::new(&mut memory, settings.hop_length).expect("a good hop");
        let mut scratch = vec![0.0; front_end.scratch_len()];
        let mut features = Vec::new();
        let mut frame = vec![0.0; front_end.features()];
        let shown = front_end.clip(&signal(), &mut framer, (&mut scratch, &mut frame), |frame| {
            features.extend_from_slice(frame);
            Ok::<_, earmark_core::Error>(())
        });
        shown.expect("buffers of the right lengths");
        features
    }

    /// Units of a feature in one of the natural logarithm.
    fn unit(&self) -> f32 {
        match self.options.settings().expect("good options").compression {
            Compression::DecibelMax => 10.0 / std::f32::consts::LN_10,
            Compression::LnPlus | Compression::LnMax => 1.0,
        }
    }
}

fn golden(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "golden", "frontend", name].iter().collect()
}

fn signal() -> Vec<i16> {
    let reader = hound::WavReader::open(golden("signal.wav")).expect("signal.wav");
    reader.into_samples().collect::<Result<_, _>>().expect("16-bit samples")
}

#[test]
fn each_preset_computes_what_its_library_does() {
    let mut worst = Vec::new();
    for case in Case::all() {
        let (expected, computed) = (case.expected(), case.computed());
        assert_eq!(expected.len(), case.frames * case.features, "{}", case.name);
        assert_eq!(computed.len(), expected.len(), "{}", case.name);
        let difference = expected.iter().zip(&computed).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / case.unit();
        println!("{:40} {:3} × {:3}  {difference:.1e}", case.name, case.frames, case.features);
        if difference > TOLERANCE {
            worst.push((case.name, difference));
        }
    }
    assert!(worst.is_empty(), "further off than {TOLERANCE}: {worst:?}");
}

#[test]
fn the_features_are_the_same_bits_everywhere() {
    let cases = Case::all();
    let computed = FINGERPRINTS.map(|(preset, _)| {
        let mut fingerprint = Fingerprint::default();
        for case in cases.iter().filter(|case| case.options.preset == preset) {
            fingerprint.update(&case.computed());
        }
        (preset, fingerprint.value())
    });
    assert_eq!(computed, FINGERPRINTS, "{computed:#x?}");
}
