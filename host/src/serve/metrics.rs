//! Numbers for Prometheus.

use axum::http::StatusCode;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    status: u16,
}

/// All that is counted and timed.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<ByStatus, Counter>,
    latency: Histogram,
    compute: Histogram,
    audio: Counter<f64, AtomicU64>,
    streamed: Counter<f64, AtomicU64>,
    hits: Counter,
    misses: Counter,
    cancelled: Counter,
    waiting: Gauge,
    pub(super) connections: Gauge,
    pub(super) streams: Gauge,
}

/// Upper ends of the histograms' buckets in seconds: 0.1 ms to 30 s in steps of about three.
const SECONDS: [f64; 12] = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("earmark");
        let (requests, audio, streamed) = (Family::default(), Counter::default(), Counter::default());
        let (latency, compute) = (Histogram::new(SECONDS), Histogram::new(SECONDS));
        let (hits, misses, cancelled) = (Counter::default(), Counter::default(), Counter::default());
        let (waiting, connections, streams) = (Gauge::default(), Gauge::default(), Gauge::default());
        registry.register("requests", "Requests answered, by status", requests.clone());
        registry.register(
            "request_seconds",
            "From a request's headers to its answer, before a 429 is kept back",
            latency.clone(),
        );
        registry.register("compute_seconds", "Reading, decoding and inference of one request", compute.clone());
        registry.register("audio_seconds", "Audio in requests that were answered with scores", audio.clone());
        registry.register("streamed_seconds", "Audio in streams", streamed.clone());
        registry.register("cache_hits", "Answers given from memory", hits.clone());
        registry.register("cache_misses", "Answers computed", misses.clone());
        registry.register("requests_cancelled", "Requests whose client left before the answer", cancelled.clone());
        registry.register("queue_depth", "Requests waiting for their turn to be computed", waiting.clone());
        registry.register("connections", "Open connections", connections.clone());
        registry.register("streams", "Open streams", streams.clone());
        Self {
            registry,
            requests,
            latency,
            compute,
            audio,
            streamed,
            hits,
            misses,
            cancelled,
            waiting,
            connections,
            streams,
        }
    }

    /// A request was answered, with whatever.
    pub(super) fn finished(&self, status: StatusCode, seconds: f64) {
        self.requests.get_or_create(&ByStatus { status: status.as_u16() }).inc();
        self.latency.observe(seconds);
    }

    /// A request's client has gone before the answer.
    pub(super) fn cancelled(&self) {
        self.cancelled.inc();
    }

    /// A request was answered with scores.
    pub(super) fn answered(&self, compute: std::time::Duration, audio: f64, is_hit: bool) {
        self.compute.observe(compute.as_secs_f64());
        self.audio.inc_by(audio);
        if is_hit {
            self.hits.inc()
        } else {
            self.misses.inc()
        };
    }

    /// A stream has been listened to for so many seconds.
    pub(super) fn streamed(&self, audio: f64) {
        self.streamed.inc_by(audio);
    }

    /// Everything as OpenMetrics text.
    pub(super) fn text(&self, waiting: usize) -> Result<String, std::fmt::Error> {
        self.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Counts one more as long as it lives.
pub(super) struct Counted(Gauge);

impl Counted {
    pub(super) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buckets_are_evenly_spaced() {
        for pair in SECONDS.windows(2) {
            assert!((2.99..3.34).contains(&(pair[1] / pair[0])), "{pair:?}");
        }
    }
}
