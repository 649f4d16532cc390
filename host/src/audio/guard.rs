//! Keeping a decoder's panic from becoming ours.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::Error;

thread_local! {
    static IS_DECODING: Cell<bool> = const { Cell::new(false) };
}

static SILENCE: Once = Once::new();

/// Runs a third-party decoder on bytes from outside.
///
/// Decoders are written not to panic, but a server must not depend on it: a panic in one is a damaged file, told in one line
/// like any other. Everything that `decode` owns is dropped then, so nothing half-done stays behind.
pub(super) fn guarded<T>(decode: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    SILENCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_DECODING.get() {
                report(info);
            }
        }));
    });
    IS_DECODING.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(decode));
    IS_DECODING.set(false);
    outcome.unwrap_or_else(|_| Err(Error::AudioDamaged { detail: "its decoder gave up".into() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_damaged_file() {
        let empty: Vec<u8> = Vec::new();
        let outcome = guarded(|| Ok(empty[0]));
        assert!(matches!(outcome, Err(Error::AudioDamaged { .. })));
        assert_eq!(guarded(|| Ok(7)).ok(), Some(7));
    }
}
