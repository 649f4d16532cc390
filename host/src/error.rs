//! The one error type of the crate.

/// What can go wrong on the host. The message says what is wrong and what to do; it is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The core refused a model or some input.
    #[error(transparent)]
    Core(#[from] earmark_core::Error),
    /// Results could not be written.
    #[error("cannot write the result: {0}; check what reads it, or the disk's space")]
    Output(#[source] std::io::Error),
}
