//! The command line.

use earmark_core::signal::Preset;

use crate::failure::Failure;
use crate::injection::Fault;

/// How the sound is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A line for each detection, as `earmark stream` prints them.
    Streaming,
    /// The API's array for each window.
    Windowed,
}

/// What the command line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arguments<'a> {
    /// How the sound is answered.
    pub mode: Mode,
    /// How the samples are conditioned; only while streaming.
    pub condition: Preset,
    /// Whether sound is delivered at the pace of the clock, not as fast as it is asked for.
    pub paced: bool,
    /// What goes wrong.
    pub inject: Option<Fault>,
    /// Whether there are lines for the comparison with other machines.
    pub fingerprints: bool,
    /// Whether the processor is to run into a fault.
    pub fault: bool,
    /// The WAV file.
    pub path: &'a str,
}

impl<'a> Arguments<'a> {
    /// Reads a command line without the program's name: options, then the file, whatever spaces are in its name.
    pub fn parse(line: &'a str) -> Result<Self, Failure> {
        let mut arguments = Self {
            mode: Mode::Streaming,
            condition: Preset::None,
            paced: true,
            inject: None,
            fingerprints: false,
            fault: false,
            path: line,
        };
        while arguments.path.starts_with("--") {
            let option = arguments.take_word();
            match option {
                "--mode" => {
                    arguments.mode = match arguments.take_word() {
                        "streaming" => Mode::Streaming,
                        "windowed" => Mode::Windowed,
                        _ => return Err(Failure::Usage),
                    }
                }
                "--condition" => arguments.condition = arguments.take_word().parse().map_err(|_| Failure::Usage)?,
                "--pace" => {
                    arguments.paced = match arguments.take_word() {
                        "real" => true,
                        "none" => false,
                        _ => return Err(Failure::Usage),
                    }
                }
                "--inject" => arguments.inject = Some(Fault::parse(arguments.take_word()).ok_or(Failure::Usage)?),
                "--fingerprints" => arguments.fingerprints = true,
                "--fault" => arguments.fault = true,
                _ => return Err(Failure::Usage),
            }
        }
        let conditions_windows = arguments.mode == Mode::Windowed && arguments.condition != Preset::None;
        if conditions_windows || (arguments.path.is_empty() && !arguments.fault) {
            return Err(Failure::Usage);
        }
        Ok(arguments)
    }

    /// Takes the next word off the front of what is left.
    fn take_word(&mut self) -> &'a str {
        let (word, rest) = self.path.split_once(' ').unwrap_or((self.path, ""));
        self.path = rest;
        word
    }
}
