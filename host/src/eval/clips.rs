//! Finding what to measure on: a folder a label, audio files in them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use earmark_core::model::is_background;
use walkdir::WalkDir;

use crate::Error;

/// The label of everything else: what a folder counts as whose name is no label.
pub const UNKNOWN: &str = "_unknown_";

/// Endings of files that lie beside recordings and are none; where audio is collected without labels they are passed over.
const DOCUMENTS: [&str; 12] =
    ["csv", "html", "json", "jsonl", "license", "md", "pdf", "toml", "tsv", "txt", "yaml", "yml"];

/// A file that was not used, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Skipped {
    /// Its path.
    #[serde(serialize_with = "lossy")]
    pub file: PathBuf,
    /// One line.
    pub reason: String,
}

/// A path as text, whatever its bytes are.
fn lossy<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

impl Skipped {
    /// A file and the error that it gave.
    pub fn new(file: &Path, error: &Error) -> Self {
        Self { file: file.to_owned(), reason: error.to_string() }
    }
}

/// A labelled recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// Where it is.
    pub path: PathBuf,
    /// Its path below the folder that was given, with `/`: what seeds are made of, so that they do not depend on where it lies.
    pub name: String,
    /// The index of its label.
    pub truth: usize,
}

/// The clips below a folder, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Collection {
    /// Those with a label.
    pub clips: Vec<Clip>,
    /// Those in folders that the model has no label for.
    pub skipped: Vec<Skipped>,
}

impl Collection {
    /// Finds the clips in `folder`, which holds a folder a label.
    ///
    /// Every file anywhere below a label's folder counts, whatever it is, except those whose names start with a dot; files beside the
    /// label's folders do not. A folder whose name is no label counts as [`UNKNOWN`] if the model has that label, else its files are
    /// skipped. Folders named in `left_out` are not looked at.
    ///
    /// # Errors
    /// [`Error::EvalInput`] if the folder cannot be read or has no clip.
    pub fn find(folder: &Path, labels: &[&str], left_out: &[String]) -> Result<Self, Error> {
        let refused = |what: &str| Error::EvalInput { path: folder.to_owned(), what: what.to_owned() };
        if !folder.is_dir() {
            return Err(refused("is no folder: give one that holds a folder of clips a label"));
        }
        let unknown = labels.iter().position(|label| *label == UNKNOWN);
        let mut collection = Self::default();
        for entry in files(folder).filter(|entry| !matches!(entry, Ok(entry) if entry.depth() < 2)) {
            let entry = entry.map_err(|error| refused(&format!("cannot be read: {error}")))?;
            let path = entry.into_path();
            let parts: Vec<_> = path.strip_prefix(folder).unwrap_or(&path).components().collect();
            let parts: Vec<_> = parts.iter().map(|part| part.as_os_str().to_string_lossy()).collect();
            if left_out.iter().any(|name| *name == parts[0]) {
                continue;
            }
            match labels.iter().position(|label| *label == parts[0]).or(unknown) {
                Some(truth) => collection.clips.push(Clip { name: parts.join("/"), path, truth }),
                None => collection.skipped.push(Skipped {
                    reason: format!("its folder is no label of the model, which has no {UNKNOWN} either"),
                    file: path,
                }),
            }
        }
        if collection.clips.is_empty() && collection.skipped.is_empty() {
            return Err(refused("holds no files one folder down: give a folder with a folder of clips a label"));
        }
        Ok(collection)
    }
}

/// All recordings at `path`, in the order of their names: the file itself, or every file below the folder but documents (by
/// their ending: `.md`, `.txt`, `.json` and the like). A path that does not exist and holds `*`, `?` or `[` is a pattern, as of a shell,
/// and stands for everything that it matches.
///
/// # Errors
/// [`Error::EvalInput`] if a folder cannot be read, or there are no recordings.
pub fn recordings(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let refused = |what: String| Error::EvalInput { path: path.to_owned(), what };
    let mut found = Vec::new();
    for place in matches(path).map_err(|error| refused(format!("is no pattern: {error}")))? {
        for entry in files(&place) {
            let file = entry.map_err(|error| refused(format!("cannot be read: {error}")))?.into_path();
            if file == place || !is_document(&file) {
                found.push(file);
            }
        }
    }
    if found.is_empty() { Err(refused("holds no audio files: give a folder that does".into())) } else { Ok(found) }
}

/// What a path stands for: itself, or what it matches as a pattern, in the order of names.
fn matches(path: &Path) -> Result<Vec<PathBuf>, glob::PatternError> {
    match path.to_str().filter(|text| text.contains(['*', '?', '[']) && !path.exists()) {
        // What cannot be looked into holds nothing that could be read.
        Some(pattern) => Ok(glob::glob(pattern)?.filter_map(Result::ok).collect()),
        None => Ok(vec![path.to_owned()]),
    }
}

/// The names in a list: one a line, without endings; `#` begins a remark.
///
/// # Errors
/// [`Error::EvalInput`] if it cannot be read or holds none.
pub fn names(list: &Path) -> Result<BTreeSet<String>, Error> {
    let refused = |what: String| Error::EvalInput { path: list.to_owned(), what };
    let text = std::fs::read_to_string(list)
        .map_err(|cause| refused(format!("cannot be read: {cause}; give a text file with a name a line")))?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or("").trim());
    let names: BTreeSet<String> = lines.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.is_empty() {
        Err(refused("names no recordings: give one a line, without its ending".into()))
    } else {
        Ok(names)
    }
}

/// Whether a file's name, without its ending, is in a list.
pub(super) fn is_named(file: &Path, names: &BTreeSet<String>) -> bool {
    file.file_stem().is_some_and(|stem| names.contains(&*stem.to_string_lossy()))
}

/// Whether a name in `folder` is that of a label that is a class, so that words lie in it.
pub fn has_words(folder: &Path, labels: &[&str]) -> bool {
    labels.iter().any(|label| !is_background(label) && folder.join(label).is_dir())
}

fn is_document(file: &Path) -> bool {
    let ending = file.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    ending.is_some_and(|ending| DOCUMENTS.contains(&ending.as_str()))
}

/// All files at or below `path`, but hidden ones.
fn files(path: &Path) -> impl Iterator<Item = walkdir::Result<walkdir::DirEntry>> + use<> {
    let is_hidden = |entry: &walkdir::DirEntry| entry.file_name().to_string_lossy().starts_with('.');
    WalkDir::new(path)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(move |entry| entry.depth() == 0 || !is_hidden(entry))
        .filter(|entry| !matches!(entry, Ok(entry) if entry.file_type().is_dir()))
}
