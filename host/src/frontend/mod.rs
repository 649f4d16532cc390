//! From the front-end settings of a model to the tables that the core computes with.
//!
//! [`Options`] is what a model says (`[frontend]` of `MODEL.toml`, `earmark.frontend` of an ONNX file); [`Settings`] is
//! the same with nothing left open; [`FrontEndTables`] adds the window, the mel filterbank and the cosine transform;
//! [`FixedFrontEnd`] has them in integers.
//!
//! ```
//! use earmark::frontend::{FrontEndTables, Options};
//! use earmark_core::frontend::FrontEnd;
//!
//! let options: Options = toml::from_str(
//!     r#"
//!     preset = "torchaudio"
//!     mel_bands = 40
//!     hop_length = 160
//!     "#,
//! )?;
//! let tables = FrontEndTables::new(&options.settings()?)?;
//! let front_end = FrontEnd::new(tables.spec())?;
//! assert_eq!(front_end.features(), 40);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod dct;
mod fixed;
mod mel;
mod options;
mod preset;
mod tables;
mod window;

pub use fixed::FixedFrontEnd;
pub use options::{
    ArithmeticKind, MelNorm, MelScale, MelTriangles, MfccNorm, Options, PerFeature, Reference, Settings, Window,
};
pub use preset::Preset;
pub use tables::FrontEndTables;
