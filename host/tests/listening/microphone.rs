//! `earmark listen` without a microphone, and with one that ALSA makes of a pipe.

use crate::support::{earmark, run};

#[cfg(not(feature = "listen"))]
#[test]
fn without_microphones_it_says_what_to_do() {
    let outcome = run(earmark().arg("listen"), b"");
    assert_eq!((outcome.stdout.as_str(), outcome.code), ("", 2));
    assert!(
        outcome
            .stderr
            .starts_with("earmark: this earmark was built without microphones: build it with `--features listen`")
    );
    assert!(outcome.stderr.contains("earmark stream -") && outcome.stderr.lines().count() == 1, "{}", outcome.stderr);
}

#[test]
fn help_teaches() {
    let outcome = run(earmark().args(["listen", "--help"]), b"");
    assert_eq!(outcome.code, 0);
    for word in ["--list-devices", "--device", "Ctrl-C", "libasound2-dev", "--features listen"] {
        assert!(outcome.stdout.contains(word), "{word}");
    }
}

/// ALSA takes a configuration of our own, in which the sound card is a pipe.
#[cfg(all(feature = "listen", target_os = "linux"))]
mod alsa {
    use std::fs::OpenOptions;
    use std::io::{BufRead, BufReader, Lines, Write};
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::{Path, PathBuf};
    use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use crate::recording::words;
    use crate::support::{Outcome, earmark, run, scratch};

    /// `O_NONBLOCK` on Linux.
    const NON_BLOCKING: i32 = 0o4000;

    /// The command on a machine whose sound cards are those of `configuration`.
    fn listen(configuration: &Path) -> Command {
        let mut command = earmark();
        command.arg("listen").env("ALSA_CONFIG_PATH", configuration);
        command
    }

    fn assert_one_line(outcome: &Outcome, says: &str) {
        assert_eq!((outcome.stdout.as_str(), outcome.code), ("", 2));
        assert!(outcome.stderr.contains(says) && outcome.stderr.lines().count() == 1, "{}", outcome.stderr);
    }

    #[test]
    fn without_a_sound_card_it_says_so_and_suggests_stream() {
        let nothing = scratch("asound-nothing.conf", b"");
        assert_one_line(&run(&mut listen(&nothing), b""), "there is no microphone (");
        assert_one_line(&run(&mut listen(&nothing), b""), "or give a recording to `earmark stream`");
        assert_one_line(&run(listen(&nothing).arg("--list-devices"), b""), "there is no microphone (");
        assert_one_line(&run(listen(&nothing).args(["--device", "loft"]), b""), "there is no microphone loft: ");
    }

    /// A pipe that ALSA takes for a sound card. Its default format is 48,000 Hz, two channels, 32-bit floats.
    struct Card {
        pipe: PathBuf,
        configuration: PathBuf,
    }

    impl Card {
        fn new(name: &str) -> Self {
            let pipe = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.pipe"));
            let _ = std::fs::remove_file(&pipe);
            assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            let configuration = format!(
                "pcm.!default {{ type file slave.pcm {{ type null }} file \"/dev/null\" infile \"{}\" format \"raw\"\n\
                 hint {{ show on description \"A pipe\" }} }}\n",
                pipe.display()
            );
            let configuration = scratch(&format!("asound-{name}.conf"), configuration.as_bytes());
            Self { pipe, configuration }
        }

        /// Plays samples of 16 kHz about as fast as a card would, then silence, until told that it is enough.
        fn play(&self, samples: &[i16], is_enough: &AtomicBool) {
            // Open for both, so that neither side waits for the other; a write that does not fit is tried again.
            let mut pipe =
                OpenOptions::new().read(true).write(true).custom_flags(NON_BLOCKING).open(&self.pipe).unwrap();
            let mut rest = samples;
            loop {
                let (now, later) = rest.split_at(rest.len().min(160));
                rest = later;
                let mut block = now.to_vec();
                block.resize(160, 0);
                let frames = block.iter().flat_map(|&sample| [f32::from(sample) / 32_768.0; 6]);
                // Below 4,096 bytes, of which Linux writes all or nothing.
                let bytes: Vec<u8> = frames.flat_map(f32::to_le_bytes).collect();
                loop {
                    std::thread::sleep(Duration::from_millis(10));
                    if is_enough.load(Ordering::Relaxed) {
                        return;
                    }
                    if pipe.write(&bytes).is_ok() {
                        break;
                    }
                }
            }
        }
    }

    /// Says that it is enough even where a test fails, so that the player ends.
    struct Enough<'a>(&'a AtomicBool);

    impl Drop for Enough<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// A session of listening to words that are played.
    struct Listening {
        child: Child,
        stdout: Lines<BufReader<ChildStdout>>,
        stderr: Lines<BufReader<ChildStderr>>,
    }

    impl Listening {
        /// Waits until the microphone is open.
        fn start(command: &mut Command) -> Self {
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
            let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
            let greeting = stderr.next().unwrap().unwrap();
            assert!(greeting.starts_with("earmark: listening to "), "{greeting}");
            assert!(
                greeting.contains(" (48000 Hz, channels: 2) for ") && greeting.ends_with("; Ctrl-C ends it"),
                "{greeting}"
            );
            Self { child, stdout, stderr }
        }

        fn end_by(mut self, signal: &str) -> Vec<String> {
            let kill = format!("kill -{signal} {}", self.child.id());
            assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
            assert_eq!(self.child.wait().unwrap().code(), Some(0));
            self.stderr.map(Result::unwrap).collect()
        }
    }

    #[test]
    fn words_become_lines_and_signals_end_it_with_a_summary() {
        for (name, signal) in [("interrupted", "INT"), ("terminated", "TERM")] {
            let card = Card::new(name);
            let is_enough = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let _enough = Enough(&is_enough);
                scope.spawn(|| card.play(&words(&["yes", "no"]), &is_enough));
                let mut listening = Listening::start(&mut listen(&card.configuration));
                for label in ["yes", "no"] {
                    let line = listening.stdout.next().unwrap().unwrap();
                    assert!(
                        line.starts_with("{\"start\":") && line.contains(&format!("\"label\":\"{label}\"")),
                        "{line}"
                    );
                }
                let words = listening.end_by(signal);
                let summary = words.last().unwrap();
                assert!(summary.starts_with("earmark: heard 0:0") && summary.contains(": 2 detections ("), "{words:?}");
            });
        }
    }

    #[test]
    fn devices_are_listed_and_opened_by_name() {
        let card = Card::new("listed");
        let is_enough = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _enough = Enough(&is_enough);
            scope.spawn(|| card.play(&[], &is_enough));
            let outcome = run(listen(&card.configuration).arg("--list-devices"), b"");
            assert_eq!((outcome.stderr.as_str(), outcome.code), ("", 0));
            let line: serde_json::Value = serde_json::from_str(outcome.stdout.lines().next().unwrap()).unwrap();
            assert_eq!((line["name"].as_str(), line["default"].as_bool()), (Some("default"), Some(true)));
            assert_eq!((line["sample_rate"].as_u64(), line["channels"].as_u64()), (Some(48_000), Some(2)));
            for name in ["default", "A pipe"] {
                let mut command = listen(&card.configuration);
                let listening = Listening::start(command.args(["--device", name, "--format", "table"]));
                let words = listening.end_by("INT");
                assert!(words.last().unwrap().contains(": nothing detected"), "{words:?}");
            }
        });
    }
}
