//! What those who run a server ask it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Json, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::failure::{Failure, FailureBody};
use super::openapi::{AskedModel, AskedOwnersModel};
use super::registry::{Entry, Facts, Status};

/// Whether the process is alive.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`.
    status: &'static str,
}

/// The process is alive.
#[utoipa::path(get, path = "/health", tag = "operations", responses((status = 200, body = Health)))]
pub(super) async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// The default model is loaded, so requests can be sent here.
#[utoipa::path(get, path = "/ready", tag = "operations", responses(
    (status = 200, body = Health), (status = 500, description = "the model cannot be loaded", body = FailureBody),
    (status = 503, description = "not yet, or stopping", body = FailureBody),
))]
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Health>, Failure> {
    if *app.stopping.borrow() {
        return Err(Failure::unavailable("the server is stopping", app.config.drain));
    }
    let entry = app.entry(&app.config.default_model)?;
    match entry.status() {
        Status::Loaded => Ok(Json(Health { status: "ok" })),
        Status::Failed => Err(Failure::internal(format!("model {} cannot be loaded", entry.id()))),
        Status::Loadable | Status::Loading => {
            let failure = Failure::unavailable(format!("model {} is still loading", entry.id()), entry.loading_for());
            // Asking is enough to have it loaded.
            tokio::spawn(async move { entry.ready().await.is_ok() });
            Err(failure)
        }
    }
}

/// The numbers that the server keeps to.
#[derive(Serialize, ToSchema)]
pub(super) struct LimitsInfo {
    /// Bytes of an audio file.
    audio_bytes: u64,
    /// Bytes of a whole body, with base64's growth.
    body_bytes: u64,
    /// Bytes of all bodies that are in memory at the same time.
    body_memory_bytes: u64,
    /// Seconds of audio.
    audio_seconds: u32,
    /// Seconds that a request may take.
    timeout_seconds: f64,
    /// Requests that are computed at the same time.
    workers: u16,
    /// Requests that may wait.
    queue: usize,
    /// Streams that may be open.
    streams: u32,
}

/// A model.
#[derive(Serialize, ToSchema)]
pub(super) struct ModelInfo {
    id: String,
    /// In the order of the model's outputs.
    labels: Vec<String>,
    /// Hertz.
    sample_rate: u32,
    /// Samples that the model hears at a time.
    window_samples: usize,
    /// The same in seconds.
    window_seconds: f64,
    /// `softmax` or `sigmoid`, unless a request asks for something else.
    function_to_apply: &'static str,
}

impl ModelInfo {
    fn new(id: &str, facts: &Facts) -> Self {
        Self {
            id: id.to_owned(),
            labels: facts.labels.clone(),
            sample_rate: facts.sample_rate,
            window_samples: facts.window_samples,
            window_seconds: facts.window_samples as f64 / f64::from(facts.sample_rate),
            function_to_apply: facts.function_to_apply.name(),
        }
    }
}

/// The server.
#[derive(Serialize, ToSchema)]
pub(super) struct Info {
    /// Of earmark.
    version: &'static str,
    /// Versions of artifacts that can be read.
    artifact_version: u16,
    /// What runs the models: `core` or `tract`.
    engine: &'static str,
    /// The model that answers where a request names none.
    model: ModelInfo,
    /// All models by their ids.
    models: Vec<String>,
    limits: LimitsInfo,
}

/// What the server is, what it serves and what it accepts.
#[utoipa::path(get, path = "/info", tag = "operations", responses(
    (status = 200, body = Info), (status = 401, body = FailureBody), (status = 500, body = FailureBody),
    (status = 503, body = FailureBody),
))]
pub(super) async fn info(State(app): State<Arc<App>>) -> Result<Json<Info>, Failure> {
    let config = &app.config;
    let model = app.ready(&app.entry(&config.default_model)?, false).await?;
    Ok(Json(Info {
        version: env!("CARGO_PKG_VERSION"),
        artifact_version: earmark_core::model::format::VERSION,
        engine: config.engine.name(),
        model: ModelInfo::new(&config.default_model, model.facts()),
        models: app.registry.all().iter().map(|entry| entry.id().to_owned()).collect(),
        limits: LimitsInfo {
            audio_bytes: config.audio.bytes,
            body_bytes: config.body_bytes(),
            body_memory_bytes: config.memory_for_bodies(),
            audio_seconds: config.audio.seconds,
            timeout_seconds: config.timeout.as_secs_f64(),
            workers: config.workers.get(),
            queue: config.queue,
            streams: config.streams,
        },
    }))
}

/// One model: labels, sample rate, window. It is loaded if it was not.
#[utoipa::path(get, path = "/models/{name}", tag = "operations", params(AskedModel), responses(
    (status = 200, body = ModelInfo), (status = 400, body = FailureBody), (status = 401, body = FailureBody),
    (status = 404, body = FailureBody), (status = 500, body = FailureBody), (status = 503, body = FailureBody),
))]
pub(super) async fn model_by_name(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Json<ModelInfo>, Failure> {
    model(&app, &name).await
}

/// One model of an owner.
#[utoipa::path(get, path = "/models/{owner}/{name}", tag = "operations", params(AskedOwnersModel), responses(
    (status = 200, body = ModelInfo), (status = 400, body = FailureBody), (status = 401, body = FailureBody),
    (status = 404, body = FailureBody), (status = 500, body = FailureBody), (status = 503, body = FailureBody),
))]
pub(super) async fn model_by_owner_and_name(
    State(app): State<Arc<App>>,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<ModelInfo>, Failure> {
    model(&app, &format!("{owner}/{name}")).await
}

async fn model(app: &App, id: &str) -> Result<Json<ModelInfo>, Failure> {
    let model = app.ready(&app.entry(id)?, false).await?;
    Ok(Json(ModelInfo::new(id, model.facts())))
}

/// Whether a model is loaded.
#[derive(Serialize, ToSchema)]
pub(super) struct ModelStatus {
    id: String,
    /// Whether it is in memory.
    loaded: bool,
    /// `Loadable` until somebody asks for it, then `Loading` and `Loaded`, or `Failed`.
    state: &'static str,
}

impl ModelStatus {
    fn new(entry: &Entry) -> Self {
        let state = match entry.status() {
            Status::Loadable => "Loadable",
            Status::Loading => "Loading",
            Status::Loaded => "Loaded",
            Status::Failed => "Failed",
        };
        Self { id: entry.id().to_owned(), loaded: state == "Loaded", state }
    }
}

/// Whether a model is loaded; asking does not load it.
#[utoipa::path(get, path = "/status/{name}", tag = "operations", params(AskedModel), responses(
    (status = 200, body = ModelStatus), (status = 400, body = FailureBody), (status = 401, body = FailureBody),
    (status = 404, body = FailureBody),
))]
pub(super) async fn status_by_name(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Json<ModelStatus>, Failure> {
    Ok(Json(ModelStatus::new(&*app.entry(&name)?)))
}

/// Whether a model of an owner is loaded.
#[utoipa::path(get, path = "/status/{owner}/{name}", tag = "operations", params(AskedOwnersModel), responses(
    (status = 200, body = ModelStatus), (status = 400, body = FailureBody), (status = 401, body = FailureBody),
    (status = 404, body = FailureBody),
))]
pub(super) async fn status_by_owner_and_name(
    State(app): State<Arc<App>>,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<ModelStatus>, Failure> {
    Ok(Json(ModelStatus::new(&*app.entry(&format!("{owner}/{name}"))?)))
}

/// All models.
#[utoipa::path(get, path = "/models", tag = "operations", responses(
    (status = 200, body = Vec<ModelStatus>), (status = 401, body = FailureBody),
))]
pub(super) async fn models(State(app): State<Arc<App>>) -> Json<Vec<ModelStatus>> {
    Json(app.registry.all().iter().map(|entry| ModelStatus::new(entry)).collect())
}

/// Numbers for Prometheus, as OpenMetrics text.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses(
    (status = 200, body = String, content_type = "application/openmetrics-text"), (status = 401, body = FailureBody),
))]
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Failure> {
    let text = app.metrics.text(app.pool.waiting()).map_err(|_| Failure::internal("the numbers cannot be written"))?;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, content_type)], text).into_response())
}
