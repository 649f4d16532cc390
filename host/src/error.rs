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
