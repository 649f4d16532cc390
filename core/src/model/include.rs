//! Embedding a model in a program.

use super::message::Message;
use super::{Model, Sizes, check_sizes, check_structure};
use crate::Error;

/// Aligns what it holds to 16 bytes, as an artifact needs; `include_bytes!` alone aligns to 1.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(16))]
pub struct Aligned<T: ?Sized>(pub T);

/// `N` bytes of working memory, aligned for everything that the core keeps in it.
///
/// ```
/// use earmark_core::model::Memory;
/// let mut memory = Box::new(Memory::<1024>::new());
/// assert_eq!(memory.bytes().len(), 1024);
/// ```
#[derive(Debug, Clone)]
#[repr(C, align(16))]
pub struct Memory<const N: usize>([u8; N]);

impl<const N: usize> Memory<N> {
    /// Zeroed memory.
    #[must_use]
    pub const fn new() -> Self {
        Self([0; N])
    }

    /// The bytes, for [`Recognizer::new`](crate::recognizer::Recognizer::new) and
    /// [`PlanEngine::new`](crate::engine::PlanEngine::new).
    pub const fn bytes(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl<const N: usize> Default for Memory<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// Embeds the artifact at a path (as [`include_bytes!`] takes it) with 16-byte alignment, and its sizes as constants.
///
/// It defines two items: the [`Model`](crate::model::Model), and a constant of [`Sizes`](crate::model::Sizes), for `static` memory. The file
/// is checked while the program is compiled: a damaged one fails the build and the message says what is wrong. Nothing of that is left for
/// the device to do or to keep in its flash; who does not trust the flash checks `model.bytes()` by
/// [`Model::new`](crate::model::Model::new). With `at most … bytes of RAM`, so does a model for which
/// [`Recognizer`](crate::recognizer::Recognizer) takes more; the message says how many. Checking takes the compiler some
/// seconds a megabyte.
///
/// ```
/// use earmark_core::model::Memory;
/// use earmark_core::recognizer::Recognizer;
///
/// earmark_core::include_model! {
///     /// What the board listens for.
///     static COMMANDS, SIZES = "../../tests/plan/every-operator.ear", at most 65536 bytes of RAM;
/// }
/// let mut memory = Memory::<{ SIZES.recognizer }>::new(); // on a device in a `static`
/// let mut recognizer = Recognizer::new(COMMANDS, memory.bytes())?;
/// assert_eq!(recognizer.classify(&[0; SIZES.window_samples])?.len(), SIZES.labels);
/// # Ok::<(), earmark_core::Error>(())
/// ```
///
/// A file that is no artifact does not compile:
///
/// ```compile_fail
/// earmark_core::include_model!(static COMMANDS, SIZES = "../../README.md";);
/// assert_eq!(SIZES.labels, 12);
/// ```
///
/// Nor does a model that takes more memory than there is:
///
/// ```compile_fail
/// earmark_core::include_model! {
///     static COMMANDS, SIZES = "../../tests/plan/every-operator.ear", at most 100 bytes of RAM;
/// }
/// assert_eq!(SIZES.labels, 12);
/// ```
#[macro_export]
macro_rules! include_model {
    ($(#[$attribute:meta])* $visibility:vis static $name:ident, $sizes:ident = $path:expr $(, at most $limit:literal bytes of RAM)?;) => {
        $(#[$attribute])*
        // Checking a large file takes many steps; it is bounded by the file's length.
        #[allow(long_running_const_eval)]
        $visibility static $name: $crate::model::Model<'static> = {
            static FILE: &$crate::model::Aligned<[u8]> = &$crate::model::Aligned(*::core::include_bytes!($path));
            $crate::model::build_model(FILE)
        };

        /// The memory that the model takes.
        #[allow(long_running_const_eval)]
        $visibility const $sizes: $crate::model::Sizes = {
            let sizes = $crate::model::build_sizes(::core::include_bytes!($path));
            $($crate::model::build_limit(&sizes, $limit);)?
            sizes
        };
    };
}

/// The model in a file, for [`include_model!`](crate::include_model).
///
/// # Panics
/// As [`build_sizes`].
#[doc(hidden)]
#[must_use]
pub const fn build_model(file: &'static Aligned<[u8]>) -> Model<'static> {
    match check_structure(&file.0) {
        Ok(()) => Model { bytes: &file.0 },
        Err(error) => refuse(error),
    }
}

/// The sizes of the model in `bytes`, for [`include_model!`](crate::include_model).
///
/// # Panics
/// If the file is damaged: in constant evaluation, where it is meant for, that fails the build.
#[doc(hidden)]
#[must_use]
pub const fn build_sizes(bytes: &[u8]) -> Sizes {
    match check_sizes(bytes) {
        Ok(sizes) => sizes,
        Err(error) => refuse(error),
    }
}

const fn refuse(error: Error) -> ! {
    match error {
        Error::BadHeader { offset, what } => {
            panic!("{}", Message::new().text(what).text(" (header, byte ").number(offset as usize).text(")").as_str())
        }
        Error::BadOp { index, what } => {
            panic!("{}", Message::new().text(what).text(" (operator ").number(index as usize).text(")").as_str())
        }
        error => panic!("{}", error.what()),
    }
}

/// Refuses a model that takes more RAM than [`include_model!`](crate::include_model) allows.
///
/// # Panics
/// If `limit` is too low, with both numbers: in constant evaluation, where it is meant for, that fails the build.
#[doc(hidden)]
pub const fn build_limit(sizes: &Sizes, limit: usize) {
    if sizes.recognizer > limit {
        let message =
            Message::new().text("the model needs ").number(sizes.recognizer).text(" bytes of RAM and may take ");
        panic!("{}", message.number(limit).as_str());
    }
}
