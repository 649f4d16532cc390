//! How good a model is, on recordings with labels, as it runs on a device.
//!
//! [`Collection::find`] finds clips in a folder a label, [`hear`] asks the model about each (under [`Stress`], if wanted), and
//! [`Figures::new`] counts: accuracy with its interval, precision and recall, confusion, calibration. [`plots`] draws them.

mod clips;
pub mod continuous;
mod figures;
mod interval;
pub mod plots;
mod quantile;
mod run;
mod stress;

pub use clips::{Clip, Collection, Skipped, UNKNOWN, has_words, names, recordings};
pub use figures::{Answer, Figures, LabelFigures, PerLabel};
pub use interval::{poisson_bound, wilson};
pub use quantile::quantile;
pub use run::{Conditions, Outcome, hear};
pub use stress::{Noise, NoiseSource, Part, Room, Stress};
