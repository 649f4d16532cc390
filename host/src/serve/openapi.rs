//! The OpenAPI document: what handlers' attributes say, and the shapes that they share.

use serde::Serialize;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi, ToSchema};

use super::failure::FailureBody;
use super::{answer, operations, page, stream};

/// `{"inputs": base64, "parameters": …}`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the core reads")]
pub(super) struct AudioRequest {
    /// The audio file as base64.
    #[schema(content_encoding = "base64", format = Byte, example = "UklGRigAAABXQVZFZm10IBAAAAABAAEAgD4AAAB9AAACABAAZGF0YQQAAAAAAAAA")]
    inputs: String,
    parameters: Option<AudioParameters>,
}

/// How to answer.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the core reads")]
struct AudioParameters {
    /// What makes scores of the network's outputs; by default what suits the model.
    function_to_apply: Option<FunctionName>,
    /// How many labels to answer with; by default all.
    #[schema(minimum = 1, format = "uint")]
    top_k: Option<u64>,
}

/// The name of a function.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what the core reads")]
enum FunctionName {
    Sigmoid,
    Softmax,
    None,
}

/// A form with one file; its field may have any name.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the form's reader reads")]
pub(super) struct AudioForm {
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    #[schema(minimum = 1, format = "uint", value_type = u64, required = false)]
    top_k: Option<u64>,
    #[schema(value_type = FunctionName, required = false)]
    function_to_apply: Option<FunctionName>,
}

/// One label and its score.
#[derive(Serialize, ToSchema)]
pub(super) struct LabelScore {
    label: String,
    score: f32,
}

/// What a request says in its query.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what is read from the query")]
pub(super) struct Asked {
    /// How many labels to answer with, where the body does not say.
    #[param(minimum = 1, format = "uint")]
    top_k: Option<u64>,
    /// What makes scores of the outputs, where the body does not say.
    #[param(inline)]
    function_to_apply: Option<FunctionName>,
}

/// What a request says in its headers.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes what is read from the headers")]
pub(super) struct AskedHeaders {
    /// Whether a repeated request may be answered from memory; `true` by default.
    #[param(rename = "x-use-cache", value_type = bool, required = false)]
    use_cache: Option<bool>,
    /// Whether to wait for a model that is still loading; `false` by default.
    #[param(rename = "x-wait-for-model", value_type = bool, required = false)]
    wait_for_model: Option<bool>,
    /// Comes back with the answer.
    #[param(rename = "x-request-id", value_type = String, required = false)]
    request_id: Option<String>,
}

/// How a stream's samples come.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what is read from the query")]
pub(super) struct AskedStream {
    /// Hertz; by default the model's sample rate.
    #[param(minimum = 8_000, maximum = 192_000)]
    rate: Option<u32>,
    /// `s16le` by default.
    #[param(inline)]
    format: Option<SampleFormat>,
    /// Interleaved channels, of which the mean is heard; 1 by default.
    #[param(minimum = 1, maximum = 8)]
    channels: Option<u16>,
}

/// How a sample is written, little-endian.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what is read from the query")]
enum SampleFormat {
    /// Signed 16-bit integer.
    S16le,
    /// 32-bit float, full scale ±1.
    F32le,
}

/// A model by its name.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "describes a path")]
pub(super) struct AskedModel {
    name: String,
}

/// A model by its owner and name.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "describes a path")]
pub(super) struct AskedOwnersModel {
    #[param(example = "earmark")]
    owner: String,
    #[param(example = "commands")]
    name: String,
}

/// The answers that a request can get.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes what handlers answer")]
pub(super) enum Answers {
    /// Labels and scores, the best first.
    #[response(status = 200, headers(
        ("x-cache" = String, description = "`hit` or `miss`"),
        ("x-compute-time" = String, description = "seconds"),
        ("x-compute-audio-length" = String, description = "seconds of audio"),
        ("x-request-id" = String, description = "the request's id, as sent or new"),
    ))]
    Scores(Vec<LabelScore>),
    /// The audio, the JSON or a parameter is wrong; the text says which and what to do.
    #[response(status = 400)]
    BadRequest(FailureBody),
    /// The key is missing or wrong.
    #[response(status = 401)]
    Unauthorized(FailureBody),
    /// There is no such model.
    #[response(status = 404)]
    NotFound(FailureBody),
    /// The body stopped coming.
    #[response(status = 408)]
    Stalled(FailureBody),
    /// Too large or too long.
    #[response(status = 413)]
    TooLarge(FailureBody),
    /// A known codec that cannot be decoded.
    #[response(status = 415)]
    Codec(FailureBody),
    /// More requests than the server takes; `retry-after` says when to come again.
    #[response(status = 429, headers(("retry-after" = u64, description = "seconds")))]
    Overload(FailureBody),
    /// The server failed.
    #[response(status = 500)]
    Internal(FailureBody),
    /// The model is still loading.
    #[response(status = 503)]
    Loading(FailureBody),
    /// It took too long.
    #[response(status = 504)]
    Timeout(FailureBody),
}

struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// The document; what it says of the API as a whole would otherwise be what the package says of itself.
#[derive(OpenApi)]
#[openapi(
    info(title = "earmark", description = "Names what is heard: spoken commands and other short sounds."),
    paths(
        page::index, answer::by_default, answer::predict, answer::by_name, answer::by_owner_and_name, operations::health, operations::ready,
        operations::info, operations::models, operations::model_by_name, operations::model_by_owner_and_name,
        operations::status_by_name, operations::status_by_owner_and_name, operations::metrics,
        stream::by_name, stream::by_owner_and_name,
    ),
    components(schemas(LabelScore)),
    modifiers(&Keys),
    security((), ("key" = [])),
)]
pub(super) struct Document;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_describes_the_api_and_not_the_package() {
        let info = Document::openapi().info;
        assert_eq!((info.title.as_str(), info.version.as_str()), ("earmark", env!("CARGO_PKG_VERSION")));
        assert!(info.description.is_some_and(|description| description != env!("CARGO_PKG_DESCRIPTION")));
    }
}
