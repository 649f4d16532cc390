//! Finding and reading models: the built-in one, an artifact (`*.ear`), or an ONNX file compiled in memory.

pub(crate) mod bytes;
pub(crate) mod header;

#[cfg(feature = "tract")]
use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;
#[cfg(feature = "tract")]
use std::path::PathBuf;

use earmark_core::model::{Aligned, Model, format};

use crate::Error;
use crate::classify::Engine;
#[cfg(feature = "tract")]
use crate::compile::describe::{self, Described, Input};
#[cfg(feature = "tract")]
use crate::compile::metadata::Layers;
use bytes::AlignedBytes;

pub use header::with_detector;

/// The model that is built into the binary, as `--model` names it in messages.
pub const BUILT_IN: &str = "earmark/commands";

/// Most bytes of a model file: far more than any device holds.
const MAX_FILE: u64 = 256 << 20;

static BUILT_IN_ARTIFACT: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../models/commands-m.ear"));
#[cfg(feature = "tract")]
static BUILT_IN_SOURCE: &[u8] = include_bytes!("../../../models/commands-m.onnx");

/// An artifact in memory, and where the ONNX file is that it was compiled from.
#[derive(Debug)]
pub struct LoadedModel {
    name: String,
    artifact: Storage,
    #[cfg(feature = "tract")]
    source: Source,
    /// Set if the artifact only describes a network that the reference runtime runs as it is.
    #[cfg(feature = "tract")]
    described: Option<Input>,
}

#[derive(Debug)]
enum Storage {
    BuiltIn,
    Owned(AlignedBytes),
}

#[cfg(feature = "tract")]
#[derive(Debug)]
enum Source {
    BuiltIn,
    /// The ONNX file itself was given.
    Owned(Vec<u8>),
    /// Where it would be, next to the artifact.
    Beside(PathBuf),
}

impl LoadedModel {
    /// The built-in model: twelve labels, ten spoken commands among them.
    #[must_use]
    pub fn built_in() -> Self {
        Self {
            name: BUILT_IN.to_owned(),
            artifact: Storage::BuiltIn,
            #[cfg(feature = "tract")]
            source: Source::BuiltIn,
            #[cfg(feature = "tract")]
            described: None,
        }
    }

    /// The model at `path`, or the built-in one without a path.
    ///
    /// A file that begins as an artifact is one; a file that ends in `.onnx` is compiled in memory.
    ///
    /// # Errors
    /// The file cannot be read, is neither, is damaged, or cannot be compiled.
    pub fn open(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else { return Ok(Self::built_in()) };
        let contents = read(path).map_err(|cause| Error::ReadModel { path: path.to_owned(), cause })?;
        let is_onnx = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"));
        if is_onnx && !contents.starts_with(&format::MAGIC) {
            let loaded = Self::from_onnx(path, contents)?;
            loaded.model()?;
            return Ok(loaded);
        }
        Self::from_artifact(&path.display().to_string(), &contents)
    }

    /// The model at `path`, to be run by `engine`. The reference runtime takes ONNX files that cannot be compiled as well: networks of real
    /// numbers, of other operators, and such as take samples instead of features (`waveform` in their description).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_for(path: Option<&Path>, engine: Engine) -> Result<Self, Error> {
        let compiled = Self::open(path);
        match (path, engine, compiled) {
            #[cfg(feature = "tract")]
            (
                Some(path),
                Engine::Tract,
                Err(Error::Onnx { .. } | Error::UnsupportedOperator { .. } | Error::Metadata { .. }),
            ) => {
                let onnx = read(path).map_err(|cause| Error::ReadModel { path: path.to_owned(), cause })?;
                let mut layers = Layers::default();
                layers.add_file_beside(path)?;
                Self::describe(&path.display().to_string(), onnx, &layers)
            }
            (_, _, compiled) => compiled,
        }
    }

    /// Describes an ONNX file that the reference runtime is to run as it is; `layers` holds what is known about the model beyond its
    /// metadata. The artifact that stands for it holds no operators.
    ///
    /// # Errors
    /// [`Error::Onnx`] if tract cannot read it, or it takes neither features nor samples; [`Error::Metadata`].
    #[cfg(feature = "tract")]
    pub fn describe(name: &str, onnx: Vec<u8>, layers: &Layers) -> Result<Self, Error> {
        let Described { artifact, input } = describe::describe(&onnx, layers)?;
        Ok(Self { described: Some(input), ..Self::with_source(name, &artifact, onnx)? })
    }

    /// What the network takes in, if it is not compiled.
    #[cfg(feature = "tract")]
    pub(crate) const fn described(&self) -> Option<Input> {
        self.described
    }

    /// An artifact's bytes; `name` is where they come from, and an ONNX file is looked for beside it when one is asked for.
    ///
    /// # Errors
    /// [`Error::Model`] if they are damaged.
    pub fn from_artifact(name: &str, artifact: &[u8]) -> Result<Self, Error> {
        let loaded = Self {
            name: name.to_owned(),
            artifact: Storage::Owned(AlignedBytes::new(artifact)),
            #[cfg(feature = "tract")]
            source: Source::Beside(Path::new(name).with_extension("onnx")),
            #[cfg(feature = "tract")]
            described: None,
        };
        loaded.model()?;
        Ok(loaded)
    }

    /// The model at `path`, with its ONNX file at `source` instead of beside it.
    ///
    /// # Errors
    /// As [`open`](Self::open); whether `source` is the right file is checked by [`source`](Self::source).
    #[cfg(feature = "tract")]
    pub fn open_with_source(path: &Path, source: &Path) -> Result<Self, Error> {
        Ok(Self { source: Source::Beside(source.to_owned()), ..Self::open(Some(path))? })
    }

    #[cfg(not(feature = "tract"))]
    fn from_onnx(path: &Path, _contents: Vec<u8>) -> Result<Self, Error> {
        Err(Error::NoCompiler { path: path.to_owned() })
    }

    /// Compiles an ONNX file in memory; its settings come from its metadata and a TOML file beside it.
    #[cfg(feature = "tract")]
    fn from_onnx(path: &Path, contents: Vec<u8>) -> Result<Self, Error> {
        let mut layers = Layers::default();
        layers.add_file_beside(path)?;
        Self::compile(&path.display().to_string(), contents, &layers)
    }

    /// Compiles the bytes of an ONNX file; `layers` holds what is known about the model beyond its metadata.
    ///
    /// # Errors
    /// See [`compile`](crate::compile::compile).
    #[cfg(feature = "tract")]
    pub fn compile(name: &str, onnx: Vec<u8>, layers: &Layers) -> Result<Self, Error> {
        let artifact = crate::compile::compile(&onnx, layers)?;
        Self::with_source(name, &artifact, onnx)
    }

    /// An artifact's bytes and those of the ONNX file that it was compiled from.
    ///
    /// # Errors
    /// [`Error::Model`] if the artifact is damaged.
    #[cfg(feature = "tract")]
    pub fn with_source(name: &str, artifact: &[u8], onnx: Vec<u8>) -> Result<Self, Error> {
        let loaded = Self {
            name: name.to_owned(),
            artifact: Storage::Owned(AlignedBytes::new(artifact)),
            source: Source::Owned(onnx),
            described: None,
        };
        loaded.model()?;
        Ok(loaded)
    }

    /// What messages call it: the path, or [`BUILT_IN`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A checked view of the artifact. It takes time in proportion to its size: keep the view.
    ///
    /// # Errors
    /// The artifact is damaged.
    pub fn model(&self) -> Result<Model<'_>, Error> {
        let bytes = match &self.artifact {
            Storage::BuiltIn => &BUILT_IN_ARTIFACT.0,
            Storage::Owned(bytes) => bytes.as_slice(),
        };
        Model::new(bytes).map_err(|cause| Error::Model { name: self.name.clone(), cause })
    }

    /// The ONNX file that the artifact was compiled from, for the reference runtime: checked against the hash in the artifact.
    ///
    /// # Errors
    /// It is not there, or is another file.
    #[cfg(feature = "tract")]
    pub fn source(&self) -> Result<Cow<'_, [u8]>, Error> {
        use sha2::{Digest, Sha256};
        let (contents, path) = match &self.source {
            Source::BuiltIn => (Cow::Borrowed(BUILT_IN_SOURCE), Path::new(BUILT_IN)),
            Source::Owned(contents) => (Cow::Borrowed(contents.as_slice()), Path::new(&self.name)),
            Source::Beside(path) => {
                let contents = read(path).map_err(|cause| Error::ReadSource { path: path.clone(), cause })?;
                (Cow::Owned(contents), path.as_path())
            }
        };
        if Sha256::digest(&contents)[..] != self.model()?.source_hash() {
            return Err(Error::OtherSource { model: self.name.clone(), path: path.to_owned() });
        }
        Ok(contents)
    }
}

/// A whole model file, but never an endless one.
///
/// # Errors
/// As of [`std::fs::read`], and [`FileTooLarge`](std::io::ErrorKind::FileTooLarge) beyond 256 MiB.
pub fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut contents)?;
    if contents.len() as u64 > MAX_FILE { Err(std::io::ErrorKind::FileTooLarge.into()) } else { Ok(contents) }
}
