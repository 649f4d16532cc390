//! From a request's body to scores.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use earmark_core::api::{Parameters, Ranking, response_bound, write_response};
use tokio::time::timeout;

use super::App;
use super::body;
use super::cache::{Key, Remembered};
use super::failure::Failure;
use super::headers::{CACHE, COMPUTE_AUDIO_LENGTH, COMPUTE_TIME, Wishes};
use super::multipart;
use super::openapi::{Answers, Asked, AskedHeaders, AskedModel, AskedOwnersModel, AudioForm, AudioRequest};
use super::pool::Wanted;
use super::question::{Question, parameters};
use super::registry::ReadyModel;
use crate::audio;

/// Parameters outside of the body, as pairs so that one that comes twice is seen.
type Pairs = Query<Vec<(String, String)>>;

/// Names what is heard in an audio file, by the default model.
#[utoipa::path(
    post, path = "/", tag = "audio classification", params(Asked, AskedHeaders), responses(Answers),
    request_body(content(
        (AudioRequest = "application/json"), (Vec<u8> = "audio/*"), (Vec<u8> = "application/octet-stream"),
        (AudioForm = "multipart/form-data"),
    )),
)]
pub(super) async fn by_default(
    State(app): State<Arc<App>>,
    query: Pairs,
    request: Request,
) -> Result<Response, Failure> {
    let id = app.config.default_model.clone();
    answer(app, &id, query, request).await
}

/// The same as `POST /`.
#[utoipa::path(
    post, path = "/predict", tag = "audio classification", params(Asked, AskedHeaders), responses(Answers),
    request_body(content(
        (AudioRequest = "application/json"), (Vec<u8> = "audio/*"), (Vec<u8> = "application/octet-stream"),
        (AudioForm = "multipart/form-data"),
    )),
)]
pub(super) async fn predict(app: State<Arc<App>>, query: Pairs, request: Request) -> Result<Response, Failure> {
    by_default(app, query, request).await
}

/// Names what is heard in an audio file, by the model that is called so.
#[utoipa::path(
    post, path = "/models/{name}", tag = "audio classification", params(AskedModel, Asked, AskedHeaders), responses(Answers),
    request_body(content(
        (AudioRequest = "application/json"), (Vec<u8> = "audio/*"), (Vec<u8> = "application/octet-stream"),
        (AudioForm = "multipart/form-data"),
    )),
)]
pub(super) async fn by_name(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    query: Pairs,
    request: Request,
) -> Result<Response, Failure> {
    answer(app, &name, query, request).await
}

/// Names what is heard in an audio file, by the model of an owner.
#[utoipa::path(
    post, path = "/models/{owner}/{name}", tag = "audio classification", params(AskedOwnersModel, Asked, AskedHeaders),
    responses(Answers),
    request_body(content(
        (AudioRequest = "application/json"), (Vec<u8> = "audio/*"), (Vec<u8> = "application/octet-stream"),
        (AudioForm = "multipart/form-data"),
    )),
)]
pub(super) async fn by_owner_and_name(
    State(app): State<Arc<App>>,
    Path((owner, name)): Path<(String, String)>,
    query: Pairs,
    request: Request,
) -> Result<Response, Failure> {
    answer(app, &format!("{owner}/{name}"), query, request).await
}

async fn answer(app: Arc<App>, id: &str, Query(pairs): Pairs, request: Request) -> Result<Response, Failure> {
    let entry = app.entry(id)?;
    let wishes = Wishes::read(request.headers())?;
    let query = parameters(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
    app.pool.has_room()?;
    let (parts, body) = request.into_parts();
    let mut received = body::receive(body, app.config.body_bytes(), app.config.stall, &app.memory).await?;

    let answered = timeout(app.config.timeout, async {
        let mut parameters = query;
        if multipart::is_form(&parts.headers, &received.bytes) {
            let beside;
            (received.bytes, beside) = multipart::read(parts, std::mem::take(&mut received.bytes)).await?;
            parameters = beside.or(query);
        }
        let model = app.ready(&entry, wishes.wait_for_model).await?;
        let there = app.clone();
        app.pool.run(move |wanted| hear(&there, &model, &received.bytes, parameters, wishes.use_cache, wanted)).await?
    });
    let answer = answered.await.map_err(|_| app.timed_out(&entry))??;
    app.metrics.answered(answer.compute, answer.content.audio_length, answer.is_hit);
    Ok(answer.into_response())
}

/// Scores, and what they took.
struct Answer {
    content: Remembered,
    compute: Duration,
    is_hit: bool,
}

/// Reads, decodes, listens, writes: everything that keeps a processor busy.
fn hear(
    app: &App,
    model: &ReadyModel,
    body: &[u8],
    query: Parameters,
    use_cache: bool,
    wanted: &Wanted,
) -> Result<Answer, Failure> {
    let started = Instant::now();
    let limits = &app.config.audio;
    let question = Question::read(body, query, limits.bytes)?;
    let facts = model.facts();
    let function = question.parameters.function_to_apply.unwrap_or(facts.function_to_apply);
    let top_k = question.parameters.top_k.or(app.config.default_top_k);

    let key = use_cache.then(|| Key::new(model.generation(), &question.audio, function, top_k));
    if let Some(content) = key.and_then(|key| app.cache.get(&key)) {
        return Ok(Answer { content, compute: started.elapsed(), is_hit: true });
    }
    let clip = audio::decode(&question.audio, facts.sample_rate, limits).map_err(|error| question.explain(error))?;
    let window = model.hear(&clip, || wanted.is_cancelled())?;
    // Whoever it was for has gone; nobody reads this.
    let window = window.ok_or_else(|| Failure::timeout(app.config.timeout))?;
    let json = write(&facts.labels, &window.scores(function), top_k)?;
    let content = Remembered { json, audio_length: clip.len() as f64 / f64::from(facts.sample_rate) };
    if let Some(key) = key {
        app.cache.insert(key, content.clone());
    }
    Ok(Answer { content, compute: started.elapsed(), is_hit: false })
}

/// The API's array.
fn write(labels: &[String], scores: &[f32], top_k: Option<NonZeroU32>) -> Result<Bytes, Failure> {
    let mut buffer = vec![0; response_bound(labels.iter().map(String::as_str))];
    let ranked = Ranking::new(scores, top_k).map(|place| (labels[place.index].as_str(), place.score));
    let length = write_response(ranked, &mut buffer).map_err(crate::Error::from)?.len();
    buffer.truncate(length);
    Ok(buffer.into())
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let seconds = |seconds: f64| HeaderValue::try_from(format!("{seconds:.3}")).ok();
        let mut response = Response::new(Body::from(self.content.json));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(&CACHE, HeaderValue::from_static(if self.is_hit { "hit" } else { "miss" }));
        headers.extend(seconds(self.compute.as_secs_f64()).map(|value| (COMPUTE_TIME.clone(), value)));
        headers.extend(seconds(self.content.audio_length).map(|value| (COMPUTE_AUDIO_LENGTH.clone(), value)));
        response
    }
}
