//! Which kinds of front end this build has: the features `float-frontend` and `fixed-frontend`.
//!
//! Code of a kind that was left out stays behind a constant, so that it is compiled everywhere and linked nowhere.

use crate::Error;

/// Whether there is the front end in `f32`.
pub(super) const FLOAT: bool = cfg!(feature = "float-frontend");
/// Whether there is the one in integers.
pub(super) const FIXED: bool = cfg!(feature = "fixed-frontend");

/// Refuses the kind that was left out.
pub(crate) const fn check(is_fixed: bool) -> Result<(), Error> {
    match is_fixed {
        false if !FLOAT => Err(Error::FrontEndLeftOut { feature: "float-frontend" }),
        true if !FIXED => Err(Error::FrontEndLeftOut { feature: "fixed-frontend" }),
        _ => Ok(()),
    }
}
