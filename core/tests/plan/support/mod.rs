//! What the engine's and the model's tests share.

pub mod artifact;
pub mod cases;
pub mod recurrent;
pub mod reference;
pub mod run;
pub mod sample;
