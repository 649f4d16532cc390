//! How good a model is at listening all day: misses, false alarms an hour, latency, and the thresholds that give them.
//!
//! A [`Programme`] says what to listen to. [`hear`] runs the model over it once and keeps the scores, on which [`Ground::tally`] tries a
//! detector, any number of times. [`search`] finds the operating point for a target, [`OperatingFigures`] says how good one is.

mod figures;
mod hear;
mod matching;
mod operate;
mod programme;
mod scene;
mod scores;
mod search;
mod speech;
mod tally;
mod track;

pub use figures::{LabelOperation, Latency, OperatingFigures, Point, Settings, SourceFigures, Total, trade_offs};
pub use hear::{Heard, Listening, hear};
pub use operate::{benefit, choose, thresholds};
pub use programme::{Labels, Programme};
pub use scene::{Scenery, Spoken};
pub use scores::{Scores, Sieve};
pub use search::{Found, Ground, Target, search};
pub use tally::{LabelTally, NEVER, SLACK_MS, Tally, Trial, tally};
pub use track::{Track, Word};
