//! `earmark serve`: the audio-classification API over HTTP.

use std::io::{self, IsTerminal};
use std::net::{SocketAddr, ToSocketAddrs};
use std::num::{NonZeroU16, NonZeroU32};
use std::panic;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{NonEmptyStringValueParser, RangedU64ValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, Command, ValueEnum, value_parser};
use earmark::Error;
use earmark::audio::Limits;
use earmark::serve::{Config, Origin, Server};
use tracing_subscriber::filter::LevelFilter;

use super::model::EngineName;

/// Answer the audio-classification API over HTTP
///
/// POST audio, as it is or as base64 in JSON, to / or /models/MODEL. A page for people is at /, one to try the API at /docs.
/// SIGTERM ends it once the requests in progress are answered.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen; port 0 lets the system choose one
    #[arg(long, value_name = "HOST:PORT", default_value_t = Config::default().address, value_parser = address)]
    addr: SocketAddr,

    /// A directory of models: NAME.ear is served as NAME, OWNER/NAME.ear as OWNER/NAME. They are loaded when asked for, and anew when
    /// they change. The built-in model is always there
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,

    /// The model that answers at / and /predict
    #[arg(long, value_name = "MODEL", default_value = earmark::model::BUILT_IN)]
    default_model: String,

    /// What runs the models
    #[arg(long, value_name = "ENGINE", default_value = "core")]
    engine: EngineName,

    /// A key that requests must bring as `authorization: Bearer KEY`. Other users of this machine can see options: better set
    /// the variable
    #[arg(long, value_name = "KEY", env = "EARMARK_API_KEY", hide_env_values = true, value_parser = NonEmptyStringValueParser::new())]
    api_key: Option<String>,

    /// The one web site whose pages may read answers, such as https://example.org [default: any]
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Option<Origin>,

    /// How many labels to answer with where a request does not say [default: all]
    #[arg(long, value_name = "N")]
    default_top_k: Option<NonZeroU32>,

    /// The longest audio that is accepted
    #[arg(long, value_name = "SECONDS", default_value_t = Config::default().audio.seconds, value_parser = value_parser!(u32).range(1..))]
    max_seconds: u32,

    /// The largest audio file that is accepted
    #[arg(long, value_name = "BYTES", default_value_t = Config::default().audio.bytes, value_parser = value_parser!(u64).range(1..=MOST_BYTES))]
    max_bytes: u64,

    /// The most bytes that all bodies may have together which are being received or worked on; more are answered with 429 [default: 256 MiB,
    /// or as many as one body may have with --max-bytes]
    #[arg(long, value_name = "BYTES", value_parser = value_parser!(u64).range(1..=2 * MOST_BYTES))]
    body_memory: Option<u64>,

    /// Requests that are computed at the same time [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=MOST_WORKERS).try_map(NonZeroU16::try_from))]
    workers: Option<NonZeroU16>,

    /// Requests that wait for their turn; more are answered with 429 [default: 4 for each worker]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(..=MOST_CONNECTIONS as u64))]
    queue: Option<usize>,

    /// Connections that are open at the same time
    #[arg(
        long,
        value_name = "N",
        default_value_t = Config::default().connections,
        value_parser = value_parser!(u32).range(1..=MOST_CONNECTIONS).try_map(NonZeroU32::try_from),
    )]
    connections: NonZeroU32,

    /// Streams that are open at the same time; 0 for none
    #[arg(long, value_name = "N", default_value_t = Config::default().streams, value_parser = value_parser!(u32).range(..=MOST_CONNECTIONS))]
    streams: u32,

    /// Bytes that remembered answers may take; 0 for none
    #[arg(long, value_name = "BYTES", default_value_t = Config::default().cache_bytes, value_parser = value_parser!(u64).range(..=MOST_BYTES))]
    cache_bytes: u64,

    /// The longest that a request may take once its body is there
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    timeout: Duration,

    /// How long a request waits for a model that is loading before it is answered with 503, unless it says x-wait-for-model: true
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = at_least_a_second)]
    load_wait: Duration,

    /// The longest pause within a body or within an answer that nobody reads, and the longest that headers may take
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = seconds)]
    stall: Duration,

    /// How long requests in progress may go on after SIGTERM
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    drain: Duration,

    /// How the log on stderr is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    log: LogFormat,

    /// What the log tells; every request is told at `debug`
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: LogLevel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// Lines for people
    Human,
    /// An object a line
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

/// A tebibyte: what is meant to be more is a slip.
const MOST_BYTES: u64 = 1 << 40;

/// More threads than this make no machine faster.
const MOST_WORKERS: i64 = 1 << 10;

/// As many files as Linux lets a process have open, unless its `fs.nr_open` is raised.
const MOST_CONNECTIONS: i64 = 1 << 20;

/// The address of `HOST:PORT`, whose host may be a name. Of its addresses the first of IPv4 is taken, the default's kind, if there is one.
fn address(text: &str) -> Result<SocketAddr, String> {
    let found =
        text.to_socket_addrs().map_err(|error| format!("{error}; give an address and a port, or a name and a port"))?;
    let found: Vec<_> = found.collect();
    let preferred = found.iter().find(|address| address.is_ipv4());
    preferred.or(found.first()).copied().ok_or_else(|| "this name has no address".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    let duration = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    if duration.is_zero() || duration > LONGEST {
        Err("must be above 0 and at most a day".to_owned())
    } else {
        Ok(duration)
    }
}

const LONGEST: Duration = Duration::from_secs(24 * 3600);

fn at_least_a_second(text: &str) -> Result<Duration, String> {
    let duration = seconds(text)?;
    if duration < Duration::from_secs(1) {
        return Err("must be at least 1: some clients try again at once and without end".to_owned());
    }
    Ok(duration)
}

impl Serve {
    /// Serves until a signal says to stop.
    pub fn run(&self) -> Result<ExitCode, Error> {
        let config = self.config();
        self.check_memory(&config);
        self.start_log();
        let server = Server::bind(config)?;
        tracing::info!("listening on http://{}", server.address()?);
        server.run()?;
        Ok(ExitCode::SUCCESS)
    }

    fn config(&self) -> Config {
        let defaults = Config::default();
        let workers = self.workers.unwrap_or(defaults.workers);
        Config {
            address: self.addr,
            models: self.models.clone(),
            default_model: self.default_model.clone(),
            engine: self.engine.into(),
            api_key: self.api_key.clone(),
            allow_origin: self.allow_origin.clone(),
            default_top_k: self.default_top_k,
            audio: Limits { bytes: self.max_bytes, seconds: self.max_seconds },
            body_memory: self.body_memory.unwrap_or(defaults.body_memory),
            workers,
            queue: self.queue.unwrap_or(Config::default_queue(workers)),
            connections: self.connections,
            streams: self.streams,
            cache_bytes: self.cache_bytes,
            timeout: self.timeout,
            load_wait: self.load_wait,
            stall: self.stall,
            drain: self.drain,
            ..defaults
        }
    }

    /// Ends the process where the memory for bodies does not hold one of them.
    fn check_memory(&self, config: &Config) {
        let needed = config.body_bytes();
        if self.body_memory.is_some_and(|memory| memory < needed) {
            let text =
                format!("--body-memory must be at least {needed}: a body may have as many bytes with this --max-bytes");
            Serve::augment_args(Command::new("earmark serve")).error(ErrorKind::ValueValidation, text).exit()
        }
    }

    fn start_log(&self) {
        let level = match self.log_level {
            LogLevel::Off => LevelFilter::OFF,
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
        };
        let log = tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).with_target(false);
        match self.log {
            LogFormat::Human => log.with_ansi(io::stderr().is_terminal()).init(),
            LogFormat::Json => log.json().flatten_event(true).init(),
        }
        // A fault is a line of the log like any other.
        panic::set_hook(Box::new(|fault| tracing::error!("{}", fault.to_string().replace('\n', " "))));
    }
}
