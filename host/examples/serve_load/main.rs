//! How much `earmark serve` takes, measured from a second process over keep-alive connections on the loopback.
//!
//! ```text
//! cargo build --release -p earmark
//! cargo run --release -p earmark --example serve_load -- target/release/earmark models/fixtures/yes.wav [SECONDS]
//! ```
//!
//! It starts the server itself, with its defaults, and prints a table. Latencies of paced loads count from the moment at which a request
//! was due, so that a server that falls behind cannot hide it.

mod client;
mod load;
mod server;

use std::rc::Rc;
use std::time::Duration;

use client::Request;
use load::{Load, Outcome, run};
use server::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(binary), Some(audio)) = (arguments.next(), arguments.next()) else {
        return Err("usage: serve_load EARMARK AUDIO [SECONDS]".into());
    };
    let seconds = arguments.next().map_or(Ok(10.0), |seconds| seconds.parse())?;
    let time = Duration::from_secs_f64(seconds);
    let audio = std::fs::read(audio)?;
    let fresh = Rc::new(Request::new(&audio, false));
    let cached = Rc::new(Request::new(&audio, true));

    let mut starts = Vec::new();
    for _ in 0..11 {
        starts.push(Server::start(&binary, &[])?.first_answer(&fresh).await?);
    }
    starts.sort();
    println!("start to first answer      {:>8.1} ms (median of 11; worst {:.1})", ms(starts[5]), ms(starts[10]));

    let server = Server::start(&binary, &[])?;
    server.first_answer(&fresh).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    println!("idle, resident             {:>8.1} MiB", server.memory()? as f64 / f64::from(1 << 20));

    // Warm caches and clocks.
    run(server.address, &fresh, Load::most(8, time / 5)).await?;
    let most = run(server.address, &fresh, Load::most(8, time)).await?;
    show("as fast as 8 clients can", &most);
    let hits = run(server.address, &cached, Load::most(8, time)).await?;
    show("the same, from the cache", &hits);
    let half = most.rate() / 2.0;
    show("at half that rate, fresh", &run(server.address, &fresh, Load::paced(32, half, time)).await?);
    let overload = Load::most(10 * server.places(), time);
    show("10 times what it holds", &run(server.address, &fresh, overload).await?);
    let patient = Load { patience: Some(Duration::from_secs(1)), ..overload };
    show("the same, minding retry-after", &run(server.address, &fresh, patient).await?);
    let flood = Load { connections: 100 * server.places(), ..overload };
    show("100 times what it holds", &run(server.address, &fresh, flood).await?);
    println!("after all that, resident   {:>8.1} MiB", server.memory()? as f64 / f64::from(1 << 20));
    Ok(())
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn show(what: &str, outcome: &Outcome) {
    let [median, p99, worst] = [0.5, 0.99, 1.0].map(|part| ms(outcome.latency(part)));
    let refused = outcome.refused as f64 / outcome.time.as_secs_f64();
    println!(
        "{what:<30} {:>7.0} answers/s  {refused:>7.0} times 429/s  median {median:>7.2} ms  p99 {p99:>7.2} ms  worst {worst:>7.2} ms",
        outcome.rate()
    );
}
