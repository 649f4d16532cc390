//! The shapes of the audio-classification API: one implementation for a microcontroller, the command line and a server.
//!
//! A request is JSON with base64 audio ([`Request`]) and optional [`Parameters`]; an answer is an array of labels and scores
//! ([`write_response`]). Between the two stand [`FunctionToApply`], which makes scores of a network's raw outputs, and
//! [`Ranking`], which orders them. [`write_event`] writes what was detected in a stream, [`write_signal`] what is wrong with it. Everything
//! works in buffers that the caller owns, without a heap.
//!
//! ```
//! use earmark_core::api::{Ranking, Request, write_response};
//!
//! let body = br#"{"inputs": "UklG\nRg==", "parameters": {"function_to_apply": "softmax", "top_k": 1}}"#;
//! let request = Request::read(body)?;
//! let mut audio = [0; 16];
//! let length = request.inputs.decode_into(&mut audio)?;
//! assert_eq!(&audio[..length], b"RIFF");
//!
//! let labels = ["yes", "no"];
//! let mut scores = [0.0, 2.0]; // raw outputs of a network
//! request.parameters.function_to_apply.unwrap_or_default().apply(&mut scores);
//! let mut answer = [0; 64];
//! let ranking = Ranking::new(&scores, request.parameters.top_k);
//! let json = write_response(ranking.map(|ranked| (labels[ranked.index], ranked.score)), &mut answer)?;
//! assert_eq!(json, r#"[{"label":"no","score":0.880797}]"#);
//! # Ok::<(), earmark_core::Error>(())
//! ```

mod base64;
mod event;
mod function;
mod json;
mod rank;
mod request;
mod response;

pub use base64::Base64;
pub use event::{SIGNAL_BOUND, event_bound, write_event, write_signal};
pub use function::FunctionToApply;
pub use json::MAX_DEPTH;
pub use rank::{Ranked, Ranking};
pub use request::{Parameters, Request, parse_top_k};
pub use response::{response_bound, write_response};
