//! The one error type of the crate.

/// What can go wrong on the host. The message says what is wrong and what to do; it is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The core refused a model or some input.
    #[error(transparent)]
    Core(#[from] earmark_core::Error),
    /// A model file could not be read.
    #[error("cannot read the model {}: {cause}; give the path of an .ear or .onnx file", path.display())]
    ReadModel {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// An artifact is damaged.
    #[error("cannot use the model {name}: {cause}")]
    Model {
        /// The file, or the built-in model's name.
        name: String,
        /// What is wrong with it.
        cause: earmark_core::Error,
    },
    /// The reference runtime needs the ONNX file that an artifact was compiled from, and it is not there.
    #[error("`--engine tract` runs the model's ONNX file, and {} cannot be read: {cause}; put it there or give it as --model", path.display())]
    ReadSource {
        /// Where it was looked for.
        path: std::path::PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The ONNX file beside an artifact is not the one that it was compiled from.
    #[error("{} is not the file that {model} was compiled from (its SHA-256 differs): compile it anew", path.display())]
    OtherSource {
        /// The artifact.
        model: String,
        /// The ONNX file.
        path: std::path::PathBuf,
    },
    /// An ONNX model was given to an earmark that was built without the model compiler.
    #[error("{} is an ONNX file and this earmark was built without the feature `tract`: give an .ear file", path.display())]
    NoCompiler {
        /// The file.
        path: std::path::PathBuf,
    },
    /// Results could not be written.
    #[error("cannot write the result: {0}; check what reads it, or the disk's space")]
    Output(#[source] std::io::Error),
    /// A frequency of the front end is out of range.
    #[error(
        "the front end's {option} is {given} Hz and must be {expected}: change it in the model's front-end options"
    )]
    FrontEndOption {
        /// The option.
        option: &'static str,
        /// Its value, in hertz.
        given: f64,
        /// The values it may have.
        expected: String,
    },
}
