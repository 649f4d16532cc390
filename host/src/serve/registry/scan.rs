//! Model files in a directory.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A model file, and how it looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
}

/// What changes when a file's contents do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    /// Of the labels and the description beside an ONNX file.
    description: Vec<(u64, Option<SystemTime>)>,
}

impl Stamp {
    fn new(path: &Path, metadata: &Metadata) -> Self {
        let look = |metadata: &Metadata| (metadata.len(), metadata.modified().ok());
        let (length, modified) = look(metadata);
        let is_onnx = path.extension().is_some_and(|extension| extension == "onnx");
        let beside = ["labels.txt", "toml"].map(|extension| path.with_extension(extension));
        let beside = beside.into_iter().chain([path.with_file_name("MODEL.toml")]).filter(|_| is_onnx);
        let description = beside.filter_map(|path| fs::metadata(path).ok()).map(|metadata| look(&metadata)).collect();
        Self { length, modified, description }
    }
}

/// The last part of a route below a model, which no model can therefore be called.
const RESERVED: &str = "stream";

/// The models in a directory and in the directories in it: `name.ear` is `name`, `owner/name.ear` is `owner/name`. An artifact goes
/// before the ONNX file of the same name, from which it was compiled.
pub(super) fn scan(directory: &Path) -> io::Result<BTreeMap<String, Found>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory)? {
        let Ok(entry) = entry else { continue };
        let path = entry.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        // A directory that cannot be read holds no models that could be.
        if name.starts_with('.') {
            continue;
        }
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
                    let Ok(metadata) = fs::metadata(entry.path()) else { continue };
                    add(&mut found, Some(name), &entry.path(), &metadata);
                }
            }
            Ok(metadata) => add(&mut found, None, &path, &metadata),
            Err(_) => {}
        }
    }
    Ok(found)
}

fn add(found: &mut BTreeMap<String, Found>, owner: Option<&str>, path: &Path, metadata: &Metadata) {
    let part = |part: Option<&std::ffi::OsStr>| part.and_then(|part| part.to_str()).map(str::to_owned);
    let (Some(name), Some(extension)) = (part(path.file_stem()), part(path.extension())) else { return };
    let is_model = matches!(extension.as_str(), "ear" | "onnx") && !metadata.is_dir();
    if !is_model || name.starts_with('.') || name == RESERVED {
        return;
    }
    let id = owner.map_or(name.clone(), |owner| format!("{owner}/{name}"));
    if extension == "ear" || !found.contains_key(&id) {
        found.insert(id, Found { path: path.to_owned(), stamp: Stamp::new(path, metadata) });
    }
}
