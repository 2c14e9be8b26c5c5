//! Enriches weather observations by asking a service about each station, politely: at most so many
//! requests a second, again where it is busy.
//!
//! One binary, two pipelines: `weather to-parquet run …` writes a Parquet file, `weather
//! to-noticeboard run …` writes through a loader on a type of this program, with no connector.
//!
//! ```text
//! cargo run --release --bin weather -- to-parquet run \
//!     --set input=examples/data/weather.csv --set output=weather.parquet --set rejects=rejects.jsonl
//! ```
//!
//! The service is a part of this example: it listens on a free port of the loopback address, knows
//! the airports, and says that it is busy now and then.

mod service;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::num::NonZeroU32;
use std::sync::Mutex;

use etl_connectors::{csv, parquet};
use etl_core::ErrorKind;
use etl_core::prelude::*;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use service::{Answer, Client, Service};

/// What the operator sets.
#[derive(Debug, Settings)]
pub struct Config {
    /// The observations, with `airports.csv` beside them.
    input: PathBuf,
    /// The file that is made.
    output: PathBuf,
    /// Where rejected records go.
    rejects: PathBuf,
    /// How often the service may be asked.
    #[serde(default = "usual_rate")]
    requests_per_second: NonZeroU32,
}

fn usual_rate() -> NonZeroU32 {
    NonZeroU32::new(5_000).unwrap_or(NonZeroU32::MIN)
}

/// A line of `weather.csv`, as far as the job uses it.
#[derive(Record, Debug, Clone)]
pub struct Observation {
    origin: CompactString,
    time_hour: CompactString,
    temp: Option<f64>,
    wind_speed: Option<f64>,
    /// At sea level, in hPa.
    pressure: Option<f64>,
}

/// An observation, and what the service says about its station.
#[derive(Record, Debug, Clone)]
pub struct Enriched {
    station: CompactString,
    station_name: String,
    elevation_ft: i32,
    time_hour: CompactString,
    temp: Option<f64>,
    wind_speed: Option<f64>,
    pressure: Option<f64>,
    /// At the station's elevation, in hPa.
    station_pressure: Option<f64>,
}

/// Why the service did not answer.
#[derive(Debug, thiserror::Error, StageError)]
pub enum AskError {
    /// It will be asked again.
    #[error("the service is busy")]
    #[on_error(retry)]
    Busy,
    /// It will be asked again.
    #[error("the service does not answer")]
    #[on_error(retry)]
    Unreachable(#[source] std::io::Error),
    /// This observation is set aside.
    #[error("the service does not know the station")]
    #[on_error(reject)]
    UnknownStation,
}

/// The service, started for this run.
#[resource]
async fn stations(config: &Config) -> Result<Service> {
    Service::start(&config.input.with_file_name("airports.csv")).await
}

/// The way to it; a resource may need one that is listed before it.
#[resource]
fn client(stations: &Service) -> Result<Client> {
    Ok(Client::new(stations.address()))
}

/// Shared by all calls, so that together they stay below the rate.
#[resource]
fn limiter(config: &Config) -> Result<DefaultDirectRateLimiter> {
    Ok(RateLimiter::direct(Quota::per_second(config.requests_per_second)))
}

/// The Parquet file, which appears when everything is in it.
#[resource]
fn archive(config: &Config) -> Result<parquet::File<Enriched>> {
    parquet::create(&config.output)
}

/// Reads the observations.
#[extractor]
fn observations(config: &Config) -> Result<csv::Rows<Observation>> {
    csv::options().nulls(["", "NA"]).read(&config.input)
}

/// Asks the service, 32 questions at once, each up to four times.
#[transform(concurrency = 32, retries = 3, backoff = "5ms", timeout = "2s")]
async fn enrich(seen: &Observation, client: &Client, limiter: &DefaultDirectRateLimiter) -> Result<Enriched, AskError> {
    limiter.until_ready().await;
    let station = match client.ask(&seen.origin).await.map_err(AskError::Unreachable)? {
        Answer::Station(station) => station,
        Answer::Busy => return Err(AskError::Busy),
        Answer::Unknown => return Err(AskError::UnknownStation),
    };
    Ok(Enriched {
        station: seen.origin.clone(),
        elevation_ft: station.elevation_ft,
        time_hour: seen.time_hour.clone(),
        temp: seen.temp,
        wind_speed: seen.wind_speed,
        pressure: seen.pressure,
        station_pressure: seen.pressure.map(|pressure| at_elevation(pressure, station.elevation_ft)),
        station_name: station.name,
    })
}

/// Writes the Parquet file.
#[loader(batch = 8_192)]
fn parquet_file(rows: &[Enriched], tx: &mut parquet::Writer<'_, Enriched>) -> Result<()> {
    tx.write(rows)
}

/// A target of this program's own: a text file for people.
#[derive(Debug)]
pub struct Noticeboard(Mutex<BufWriter<File>>);

/// Made before any record moves.
#[resource]
fn noticeboard(config: &Config) -> Result<Noticeboard> {
    let file = File::create_new(&config.output)
        .map_err(|error| Error::io(ErrorKind::Config, format!("cannot make {}", config.output.display()), &error))?;
    Ok(Noticeboard(Mutex::new(BufWriter::new(file))))
}

/// Pins a line for each observation to the noticeboard.
#[loader(batch = 500)]
fn notices(rows: &[Enriched], board: &Noticeboard) -> Result<(), std::io::Error> {
    let mut board = board.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for row in rows {
        let temperature = row.temp.map_or_else(|| "no reading".to_owned(), |temp| format!("{temp:.1} °F"));
        writeln!(board, "{} {} ({} ft): {temperature}", row.time_hour, row.station_name, row.elevation_ft)?;
    }
    board.flush()
}

pipeline! {
    /// Weather with its stations, as a Parquet file.
    pub ToParquet {
        settings: Config,
        resources: [stations, client, limiter, archive],
        flow: observations => enrich => parquet_file,
        dead_letter: file(settings.rejects),
    }
}

pipeline! {
    /// Weather with its stations, as lines of text.
    pub ToNoticeboard {
        settings: Config,
        resources: [stations, client, limiter, noticeboard],
        flow: observations => enrich => notices,
        dead_letter: file(settings.rejects),
    }
}

etl_core::main!(ToParquet, ToNoticeboard);

/// The barometric formula of the standard atmosphere, up to 11 km.
fn at_elevation(sea_level: f64, elevation_ft: i32) -> f64 {
    let metres = f64::from(elevation_ft) * 0.3048;
    sea_level * (1.0 - 0.0065 * metres / 288.15).powf(5.255)
}
