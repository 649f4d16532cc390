//! Connections: accepted up to a number, given up when they stall, and let finish when the server stops.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_io_timeout::TimeoutWriter;
use tracing::{debug, warn};

use super::App;
use super::metrics::Counted;

/// Bytes that are read of headers at most.
const MOST_HEADERS: usize = 64 << 10;

/// How long to wait when the system has no more files for connections.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until `stop` says so, then waits for those that are answering; gives their number if it was not zero when
/// `drain` had passed.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    app: &Arc<App>,
    mut stop: watch::Receiver<bool>,
) -> usize {
    let (most_connections, most_streams) = (app.config.connections.get(), app.config.streams);
    let places = Arc::new(Semaphore::new(most_connections as usize));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(app.config.stall).max_buf_size(8 * MOST_HEADERS);
    builder.max_header_size(MOST_HEADERS);
    loop {
        let accept = async {
            let place = places.clone().acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accept => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!("a connection cannot be accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let counted = Counted::new(&app.metrics.connections);
        let connection = connect(&builder, stream, app.config.stall, router.clone());
        let mut stop = stop.clone();
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            let outcome = tokio::select! {
                outcome = connection.as_mut() => outcome,
                () = async { drop(stop.wait_for(|stop| *stop).await) } => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = outcome {
                debug!("a connection ended: {error}");
            }
            drop((place, counted));
        });
    }
    drop(listener);
    // All places are free again once all have finished. Streams have left their connections behind; each tells its client and ends.
    let finish = async {
        drop(places.acquire_many(most_connections).await);
        drop(app.streams.acquire_many(most_streams).await);
    };
    if tokio::time::timeout(app.config.drain, finish).await.is_ok() {
        return 0;
    }
    let open = |places: &Semaphore, most: u32| (most as usize).saturating_sub(places.available_permits());
    open(&places, most_connections) + open(&app.streams, most_streams)
}

type Service = TowerToHyperService<Router>;

/// Gives up a client that does not read.
type Stream = Pin<Box<TimeoutWriter<TcpStream>>>;

fn connect(
    builder: &http1::Builder,
    stream: TcpStream,
    stall: Duration,
    router: Router,
) -> http1::UpgradeableConnection<TokioIo<Stream>, Service> {
    // Answers are small and complete: nothing is gained by waiting for more.
    if let Err(error) = stream.set_nodelay(true) {
        debug!("a connection keeps its delay: {error}");
    }
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(stall));
    builder.serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(router)).with_upgrades()
}
