//! Opus of every mode and in every container, held against what libopus decodes (`golden/opus/make.py`).

use std::fs;
use std::path::{Path, PathBuf};

use earmark::audio::{Limits, decode};

/// Hertz that Opus is decoded at, so that nothing is resampled here.
const RATE: u32 = 48_000;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/opus")
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/fixtures/formats").join(name)).unwrap()
}

fn samples(bytes: &[u8]) -> Vec<i16> {
    decode(bytes, RATE, &Limits::default()).unwrap()
}

fn largest_difference(a: &[i16], b: &[i16]) -> u16 {
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

#[test]
fn every_mode_decodes_as_in_libopus() {
    let files: Vec<PathBuf> = fs::read_dir(golden()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let encoded: Vec<&PathBuf> = files.iter().filter(|path| path.extension().is_some_and(|end| end == "opus")).collect();
    assert_eq!(encoded.len(), 7);
    for path in encoded {
        let heard = samples(&fs::read(path).unwrap());
        let expected = samples(&fs::read(path.with_extension("flac")).unwrap());
        assert_eq!(heard.len(), expected.len(), "{}", path.display());
        // libopus's samples were rounded to 16 bits before their mean was.
        let difference = largest_difference(&heard, &expected);
        assert!(difference <= 1, "{}: {difference}", path.display());
    }
}

#[test]
fn containers_hold_the_same_packets() {
    let ogg = samples(&fixture("yes.opus"));
    assert_eq!(ogg.len(), 48_000);
    for name in ["yes.webm", "yes-opus.mp4"] {
        let other = samples(&fixture(name));
        // Only Ogg's end is told to the sample.
        assert!((48_000..48_000 + 960).contains(&other.len()), "{name}: {}", other.len());
        assert_eq!(other[..48_000], ogg, "{name}");
    }
}
