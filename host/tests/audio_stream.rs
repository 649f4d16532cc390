//! Audio a chunk at a time is the same audio.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::mpsc;

use earmark::Error;
use earmark::audio::{AudioStream, Limits, decode};
use proptest::prelude::*;

const FILES: [&str; 12] = [
    "yes.wav",
    "formats/yes-24bit-extensible.wav",
    "formats/yes-24bit.wav",
    "formats/yes-float.wav",
    "formats/yes-44100-stereo.wav",
    "formats/yes.flac",
    "formats/yes.mp3",
    "formats/yes.ogg",
    "formats/yes.m4a",
    "formats/yes.opus",
    "formats/yes.webm",
    "formats/yes-opus.mp4",
];

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models/fixtures").join(name)
}

#[expect(clippy::result_large_err, reason = "what was good comes with the error")]
fn collect(mut audio: AudioStream<'_>) -> Result<Vec<i16>, (Vec<i16>, Error)> {
    let mut samples = Vec::new();
    loop {
        match audio.next_chunk() {
            Ok(Some(chunk)) => {
                assert!(!chunk.is_empty());
                samples.extend_from_slice(chunk);
            }
            Ok(None) => return Ok(samples),
            Err(error) => {
                assert!(matches!(audio.next_chunk(), Ok(None)), "nothing comes after an error");
                return Err((samples, error));
            }
        }
    }
}

/// A pipe whose reads give so many bytes at most, over and over.
struct Pipe<'b> {
    bytes: &'b [u8],
    lengths: Vec<usize>,
    reads: usize,
}

impl<'b> Pipe<'b> {
    fn new(bytes: &'b [u8], lengths: &[usize]) -> Self {
        Self { bytes, lengths: lengths.to_vec(), reads: 0 }
    }
}

impl Read for Pipe<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        let most = self.lengths[self.reads % self.lengths.len()];
        let length = most.min(buffer.len());
        self.bytes.read(&mut buffer[..length])
    }
}

#[test]
fn a_file_in_chunks_is_the_file() {
    for name in FILES {
        let path = fixture(name);
        let whole = decode(&fs::read(&path).unwrap(), 16_000, &Limits::default()).unwrap();
        assert!(collect(AudioStream::open(&path, 16_000).unwrap()).unwrap() == whole, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_pipe_that_dribbles_is_the_file(
        name in prop::sample::select(FILES.to_vec()),
        lengths in prop::collection::vec(1_usize..5_000, 1..8),
        sample_rate in prop::sample::select(vec![8_000_u32, 16_000, 44_100]),
    ) {
        let bytes = fs::read(fixture(name)).unwrap();
        let whole = decode(&bytes, sample_rate, &Limits::default()).unwrap();
        let audio = AudioStream::from_pipe(Pipe::new(&bytes, &lengths), sample_rate).unwrap();
        prop_assert!(collect(audio).unwrap() == whole, "{} {}", name, sample_rate);
    }

    #[test]
    fn raw_samples_come_as_they_are(
        samples in prop::collection::vec(any::<i16>(), 1..5_000),
        lengths in prop::collection::vec(1_usize..900, 1..8),
        has_half_a_sample in any::<bool>(),
    ) {
        let mut bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        bytes.extend(has_half_a_sample.then_some(7));
        let audio = AudioStream::from_raw(Pipe::new(&bytes, &lengths), 16_000, 16_000).unwrap();
        prop_assert_eq!(collect(audio).unwrap(), samples);
    }

    #[test]
    fn any_bytes_from_a_pipe_get_an_answer(
        name in prop::sample::select(FILES.to_vec()),
        places in prop::collection::vec((0_usize..2_000, any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
        lengths in prop::collection::vec(1_usize..5_000, 1..4),
    ) {
        let mut bytes = fs::read(fixture(name)).unwrap();
        for (place, byte) in places {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        bytes.truncate(cut.index(bytes.len()));
        // Damage may make a file of seconds one of hours; what it says is its own affair, that it is said is ours.
        if let Err(error) = AudioStream::from_pipe(Pipe::new(&bytes, &lengths), 16_000).map_err(|error| (vec![], error)).and_then(collect) {
            prop_assert!(!error.1.to_string().contains('\n'));
        }
    }
}

#[test]
fn what_is_good_before_a_fault_is_given() {
    let wav = fs::read(fixture("yes.wav")).unwrap();
    let whole = decode(&wav, 16_000, &Limits::default()).unwrap();
    let (samples, error) = collect(AudioStream::from_pipe(&wav[..20_001], 16_000).unwrap()).unwrap_err();
    assert!(
        matches!(error, Error::AudioTruncated { needed: 32_000, given: 19_957, unit: "bytes of samples" }),
        "{error}"
    );
    assert_eq!(samples, whole[..9_978]);

    let flac = fs::read(fixture("formats/yes.flac")).unwrap();
    let cut = fixture_in_scratch("stream-cut.flac", &flac[..flac.len() / 2]);
    let (samples, error) = collect(AudioStream::open(&cut, 16_000).unwrap()).unwrap_err();
    assert!(matches!(error, Error::AudioTruncated { .. }), "{error}");
    assert!(!samples.is_empty() && whole.starts_with(&samples));
}

fn fixture_in_scratch(name: &str, contents: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, contents).unwrap();
    path
}

#[test]
fn faults_at_the_start_are_those_of_whole_files() {
    for (bytes, says) in [
        (&b""[..], "the file is empty"),
        (b"<html>", "this is text, not audio"),
        (b"RIFF\0\0\0\0WAVE", "the WAV header is damaged: it ends without a fmt chunk"),
        (b"#!AMR\n\x3c", "AMR cannot be decoded"),
    ] {
        let error = AudioStream::from_pipe(bytes, 16_000).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with(says), "{error}");
        assert_eq!(error, decode(bytes, 16_000, &Limits::default()).unwrap_err().to_string());
    }
    assert!(matches!(AudioStream::from_raw(&b""[..], 0, 16_000).map(|_| ()), Err(Error::AudioNoRate)));
    assert!(matches!(
        collect(AudioStream::from_raw(&b"\x01"[..], 8_000, 16_000).unwrap()),
        Err((_, Error::AudioNoFrames))
    ));
}

/// Gives each message as a read of its own, when it is there.
struct Live(mpsc::Receiver<Vec<u8>>);

impl Read for Live {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Ok(bytes) = self.0.recv() else { return Ok(0) };
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

// A receiver belongs to one thread at a time, which is all that reading takes.
struct Shared(std::sync::Mutex<Live>);

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.get_mut().unwrap().read(buffer)
    }
}

#[test]
fn live_samples_are_given_as_they_come() {
    let (sender, receiver) = mpsc::channel();
    let live = Shared(std::sync::Mutex::new(Live(receiver)));
    let mut audio = AudioStream::from_raw(live, 16_000, 16_000).unwrap();
    for length in [1, 160, 3] {
        let samples: Vec<i16> = (0..length).collect();
        sender.send(samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()).unwrap();
        assert_eq!(audio.next_chunk().unwrap(), Some(&samples[..]));
    }
    drop(sender);
    assert!(audio.next_chunk().unwrap().is_none());
}
