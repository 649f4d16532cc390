//! Opus of every mode and in every container, held against what libopus decodes (`golden/opus/make.py`).

use std::fs;
use std::path::{Path, PathBuf};

use earmark::audio::{Limits, decode};

#[path = "support/ogg.rs"]
mod ogg;

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
    let encoded: Vec<&PathBuf> =
        files.iter().filter(|path| path.extension().is_some_and(|end| end == "opus")).collect();
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

#[test]
fn webm_that_was_written_as_it_was_recorded_is_whole() {
    let whole = fixture("yes.webm");
    let mut live = whole.clone();
    let segment = live.windows(4).position(|bytes| bytes == [0x18, 0x53, 0x80, 0x67]).unwrap();
    // The size of what is not known yet (RFC 8794, section 6.2).
    live[segment + 4..segment + 12].copy_from_slice(&[1, 255, 255, 255, 255, 255, 255, 255]);
    assert_eq!(samples(&live), samples(&whole));
}

#[test]
fn what_was_cut_out_of_a_longer_recording_is_whole() {
    let whole = fixture("yes.opus");
    let mut cropped = whole.clone();
    for page in ogg::pages(&mut cropped).into_iter().skip(2) {
        let granule = u64::from_le_bytes(page[6..14].try_into().unwrap()) + 4_800_000;
        page[6..14].copy_from_slice(&granule.to_le_bytes());
        ogg::seal(page);
    }
    // The last packet's end is told from the recording's beginning, so it is not cut off here.
    let (whole, cropped) = (samples(&whole), samples(&cropped));
    assert_eq!(cropped[..whole.len()], whole);
}
