//! Which kinds of front end this build has: the features `float-frontend`, `fixed-frontend` and `clip-frontend`.
//!
//! Code of a kind that was left out stays behind a constant, so that it is compiled everywhere and linked nowhere.

use crate::Error;

/// Whether there is the front end in `f32`.
pub(super) const FLOAT: bool = cfg!(feature = "float-frontend");
/// Whether there is the one in integers.
pub(super) const FIXED: bool = cfg!(feature = "fixed-frontend");

/// Whether there is what only whole clips allow.
pub(crate) const CLIPS: bool = cfg!(feature = "clip-frontend");

/// Refuses the kind that was left out.
pub(crate) const fn check(is_fixed: bool, is_for_clips: bool) -> Result<(), Error> {
    match is_fixed {
        _ if is_for_clips && !CLIPS => Err(Error::FeatureLeftOut { feature: "clip-frontend" }),
        false if !FLOAT => Err(Error::FeatureLeftOut { feature: "float-frontend" }),
        true if !FIXED => Err(Error::FeatureLeftOut { feature: "fixed-frontend" }),
        _ => Ok(()),
    }
}
