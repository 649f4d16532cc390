//! The command line: one file a verb, and what all verbs share.
//!
//! Results go to stdout, people's words to stderr. A verb returns its exit code, or an error that ends the whole command:
//! that is printed as one line and exits with [`FAILED`]. Verbs write through [`Output`], never with `print!`, which panics when
//! the reader of a pipe goes away.

mod answer;
mod bench;
#[cfg(feature = "tract")]
mod calibrate;
mod classify;
#[cfg(feature = "tract")]
mod compile;
mod detector;
mod eval;
mod features;
mod inspect;
mod listen;
mod model;
mod output;
#[cfg(feature = "serve")]
mod serve;
mod stream;
mod track;
#[cfg(feature = "tract")]
mod verify;
mod write;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use earmark::Error;
use earmark::audio::{self, Limits};

pub use output::{Output, complain, printable};
pub use write::{is_same_file, write_file};

/// Exit code when some of several inputs failed.
pub const PARTLY_FAILED: u8 = 1;
/// Exit code when nothing could be done: all inputs failed, or the command itself is wrong (clap uses the same).
pub const FAILED: u8 = 2;

/// Sound recognition with one small model file, the same on a laptop, a server and a microcontroller.
#[derive(Debug, Parser)]
#[command(name = "earmark", version, arg_required_else_help = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[allow(clippy::large_enum_variant, reason = "there is one of them")]
#[derive(Debug, Subcommand)]
enum Verb {
    Classify(classify::Classify),
    Stream(stream::Stream),
    Listen(listen::Listen),
    Features(features::Features),
    #[cfg(feature = "serve")]
    Serve(serve::Serve),
    #[cfg(feature = "tract")]
    Compile(compile::Compile),
    Inspect(inspect::Inspect),
    #[cfg(feature = "tract")]
    Verify(verify::Verify),
    Bench(bench::Bench),
    Eval(eval::Eval),
}

/// The bytes of a file, or of standard input for `-`.
fn read_input(path: &Path, limits: &Limits) -> Result<Vec<u8>, Error> {
    if path.as_os_str() == "-" {
        audio::read_stream(std::io::stdin().lock(), limits)
    } else {
        audio::read_file(path, limits)
    }
}

/// Parses the process's arguments, runs the verb and says how it went.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.verb {
        Verb::Classify(verb) => verb.run(),
        Verb::Stream(verb) => verb.run(),
        Verb::Listen(verb) => verb.run(),
        Verb::Features(verb) => verb.run(),
        #[cfg(feature = "serve")]
        Verb::Serve(verb) => verb.run(),
        #[cfg(feature = "tract")]
        Verb::Compile(verb) => verb.run(),
        Verb::Inspect(verb) => verb.run(),
        #[cfg(feature = "tract")]
        Verb::Verify(verb) => verb.run(),
        Verb::Bench(verb) => verb.run(),
        Verb::Eval(verb) => verb.run(),
    };
    outcome.unwrap_or_else(|error| match error {
        // `earmark … | head -1` has had what it wanted.
        Error::Output(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        error => {
            complain(&error);
            ExitCode::from(FAILED)
        }
    })
}
