//! Many connections at once, as fast as answers come or at a given rate.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, sleep_until};

use super::client::{Client, Request};

#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub connections: usize,
    /// Requests a second of all connections together; absent: each sends as soon as it has its answer.
    pub rate: Option<f64>,
    pub time: Duration,
    /// How long a connection waits after 429; absent: not at all.
    pub patience: Option<Duration>,
}

impl Load {
    pub fn most(connections: usize, time: Duration) -> Self {
        Self { connections, rate: None, time, patience: None }
    }

    pub fn paced(connections: usize, rate: f64, time: Duration) -> Self {
        Self { rate: Some(rate), ..Self::most(connections, time) }
    }
}

/// What came of it.
pub struct Outcome {
    /// Of requests that were answered with scores, in order of size.
    latencies: Vec<Duration>,
    /// Answered with 429.
    pub refused: usize,
    pub time: Duration,
}

impl Outcome {
    /// Answers with scores a second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.time.as_secs_f64()
    }

    /// The latency that this part of the answers kept.
    pub fn latency(&self, part: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((part * last as f64).round() as usize).copied().unwrap_or_default()
    }
}

/// Puts a server under load, all from this one thread.
pub async fn run(address: SocketAddr, request: &Rc<Request>, load: Load) -> io::Result<Outcome> {
    let mut clients = Vec::new();
    for _ in 0..load.connections {
        clients.push(Client::connect(address).await?);
    }
    let next = Rc::new(Cell::new(0));
    let start = Instant::now();
    let mut outcome = Outcome { latencies: Vec::new(), refused: 0, time: Duration::ZERO };
    let all = async {
        let mut tasks = JoinSet::new();
        for client in clients {
            tasks.spawn_local(one(client, request.clone(), load, start, next.clone()));
        }
        while let Some(done) = tasks.join_next().await {
            let (latencies, refused) = done.map_err(io::Error::other)??;
            outcome.latencies.extend(latencies);
            outcome.refused += refused;
        }
        Ok::<(), io::Error>(())
    };
    LocalSet::new().run_until(all).await?;
    outcome.time = start.elapsed();
    outcome.latencies.sort();
    Ok(outcome)
}

async fn one(
    mut client: Client,
    request: Rc<Request>,
    load: Load,
    start: Instant,
    next: Rc<Cell<u32>>,
) -> io::Result<(Vec<Duration>, usize)> {
    let (mut latencies, mut refused) = (Vec::new(), 0);
    loop {
        let due = match load.rate {
            None => Instant::now(),
            Some(rate) => {
                let number = next.replace(next.get() + 1);
                let due = start + Duration::from_secs_f64(f64::from(number) / rate);
                sleep_until(due).await;
                due
            }
        };
        if due >= start + load.time {
            return Ok((latencies, refused));
        }
        match client.ask(&request).await? {
            200 => latencies.push(due.elapsed()),
            429 => {
                refused += 1;
                if let Some(patience) = load.patience {
                    sleep(patience).await;
                }
            }
            status => return Err(io::Error::other(format!("answered with {status}"))),
        }
    }
}
