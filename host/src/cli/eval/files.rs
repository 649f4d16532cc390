//! What `earmark eval` writes, and how it ends.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use earmark::Error;
use earmark::eval::Skipped;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::cli::{FAILED, PARTLY_FAILED, complain, write_file};

/// A bar with the time left, on stderr if somebody looks at it. `of` is what it counts, in indicatif's words: `{pos}/{len} clips`.
pub fn progress(length: u64, of: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template(&format!("{{wide_bar}} {of}, {{eta}} left")) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Writes pictures into a folder, which is made if it is not there.
pub fn write_plots<const N: usize>(folder: &Path, files: [(&str, Vec<u8>); N]) -> Result<(), Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |cause| Error::WriteFile { path, cause }
    };
    std::fs::create_dir_all(folder).map_err(failed(folder))?;
    for (name, contents) in files {
        let path = folder.join(name);
        write_file(&path, &contents).map_err(failed(&path))?;
    }
    Ok(())
}

/// One object, one line.
pub fn json_line(report: &impl Serialize) -> Result<String, Error> {
    let text = serde_json::to_string(report).map_err(|error| Error::Output(error.into()))?;
    Ok(text + "\n")
}

/// Lists what was skipped, and says by the exit code whether anything was. `used`: how many inputs were not.
pub fn exit_code(skipped: &[Skipped], used: usize) -> ExitCode {
    for Skipped { file, reason } in skipped {
        complain(&format_args!("skipped {}: {reason}", file.display()));
    }
    if used == 0 {
        complain(&"nothing was left to measure");
    }
    ExitCode::from(match (skipped.len(), used) {
        (_, 0) => FAILED,
        (0, _) => 0,
        _ => PARTLY_FAILED,
    })
}
