//! The job as a user of the framework writes it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use bench_clean::{Answer, Args, Bad, Format, Reason, is_time_of_day};
use etl_connectors::{csv, jsonl, parquet, postgres, sqlite};
use etl_core::Pipeline;
use etl_core::observe::report::Report;
use etl_core::prelude::*;

#[derive(Debug, Settings)]
pub struct Config {
    input: PathBuf,
    output: PathBuf,
    rejects: PathBuf,
}

/// A line of the file.
#[derive(Record, Debug)]
pub struct RawFlight {
    year: u16,
    month: u8,
    day: u8,
    dep_time: Option<u16>,
    sched_dep_time: u16,
    dep_delay: Option<i32>,
    arr_time: Option<u16>,
    sched_arr_time: u16,
    arr_delay: Option<i32>,
    carrier: CompactString,
    flight: u32,
    tailnum: Option<CompactString>,
    origin: CompactString,
    dest: CompactString,
    air_time: Option<u32>,
    distance: i32,
    hour: u8,
    minute: u8,
    time_hour: CompactString,
}

/// A flight that keeps the rules, and what follows from it.
#[derive(Record, Debug)]
pub struct Flight {
    year: u16,
    month: u8,
    day: u8,
    dep_time: Option<u16>,
    sched_dep_time: u16,
    dep_delay: Option<i32>,
    arr_time: Option<u16>,
    sched_arr_time: u16,
    arr_delay: Option<i32>,
    carrier: CompactString,
    flight: u32,
    tailnum: Option<CompactString>,
    origin: CompactString,
    dest: CompactString,
    air_time: Option<u32>,
    distance: i32,
    hour: u8,
    minute: u8,
    time_hour: CompactString,
    route: CompactString,
    /// Minutes made up on the way.
    gained: Option<i32>,
    speed_mph: Option<f64>,
}

#[derive(Debug, thiserror::Error, StageError)]
pub enum CleanError {
    #[error("a time is not a time of day")]
    #[on_error(reject)]
    BadTime,
    #[error("there is no carrier")]
    #[on_error(reject)]
    NoCarrier,
    #[error("the distance is not positive")]
    #[on_error(reject)]
    BadDistance,
    #[error("the delay is out of range")]
    #[on_error(reject)]
    BadDelay,
}

#[extractor]
pub fn flights(config: &Config) -> Result<csv::Rows<RawFlight>> {
    csv::options().nulls(["NA"]).read(&config.input)
}

#[transform(parallel)]
pub fn clean(raw: RawFlight) -> Result<Flight, CleanError> {
    let times = [raw.dep_time.unwrap_or(0), raw.sched_dep_time, raw.arr_time.unwrap_or(0), raw.sched_arr_time];
    if !times.into_iter().all(is_time_of_day) {
        return Err(CleanError::BadTime);
    }
    if raw.carrier.is_empty() {
        return Err(CleanError::NoCarrier);
    }
    if raw.distance <= 0 {
        return Err(CleanError::BadDistance);
    }
    if raw.dep_delay.is_some_and(|delay| !(-120..=1440).contains(&delay)) {
        return Err(CleanError::BadDelay);
    }
    let mut route = raw.origin.clone();
    route.push('-');
    route.push_str(&raw.dest);
    Ok(Flight {
        route,
        gained: raw.dep_delay.zip(raw.arr_delay).map(|(departure, arrival)| departure - arrival),
        speed_mph: raw.air_time.filter(|minutes| *minutes > 0).map(|minutes| f64::from(raw.distance) * 60.0 / f64::from(minutes)),
        year: raw.year,
        month: raw.month,
        day: raw.day,
        dep_time: raw.dep_time,
        sched_dep_time: raw.sched_dep_time,
        dep_delay: raw.dep_delay,
        arr_time: raw.arr_time,
        sched_arr_time: raw.sched_arr_time,
        arr_delay: raw.arr_delay,
        carrier: raw.carrier,
        flight: raw.flight,
        tailnum: raw.tailnum,
        origin: raw.origin,
        dest: raw.dest,
        air_time: raw.air_time,
        distance: raw.distance,
        hour: raw.hour,
        minute: raw.minute,
        time_hour: raw.time_hour,
    })
}

/// For the answer only: what was loaded.
static DISTANCE: AtomicI64 = AtomicI64::new(0);

fn count(flights: &[Flight]) {
    DISTANCE.fetch_add(flights.iter().map(|flight| i64::from(flight.distance)).sum(), Ordering::Relaxed);
}

#[resource]
pub fn parquet_file(config: &Config) -> Result<parquet::File<Flight>> {
    parquet::create(&config.output)
}

#[resource]
pub fn jsonl_file(config: &Config) -> Result<jsonl::File<Flight>> {
    jsonl::create(&config.output)
}

#[resource]
pub fn database(config: &Config) -> Result<sqlite::Database> {
    sqlite::create(&config.output)
}

#[resource]
pub async fn warehouse() -> Result<postgres::Pool> {
    let address = bench_clean::warehouse::address().map_err(|error| Error::msg(error.to_string()))?;
    postgres::connect(&Secret::new(address)).await
}

#[resource]
pub fn csv_file(config: &Config) -> Result<csv::File<Flight>> {
    csv::create(&config.output)
}

#[loader(batch = 8_192)]
pub fn to_parquet(flights: &[Flight], file: &mut parquet::Writer<'_, Flight>) -> Result<()> {
    count(flights);
    file.write(flights)
}

#[loader]
pub fn to_jsonl(flights: &[Flight], file: &mut jsonl::Writer<'_, Flight>) -> Result<()> {
    count(flights);
    file.write(flights)
}

#[loader(batch = 5_000)]
pub fn to_sqlite(flights: &[Flight], tx: &mut sqlite::Transaction<'_>) -> Result<()> {
    count(flights);
    tx.insert("flights", flights)
}

#[loader(batch = 20_000, concurrency = 2)]
pub async fn to_postgres(flights: &[Flight], tx: &mut postgres::Transaction<'_>) -> Result<()> {
    count(flights);
    tx.copy_in("flights", flights).await
}

#[loader]
pub fn to_csv(flights: &[Flight], file: &mut csv::Writer<'_, Flight>) -> Result<()> {
    count(flights);
    file.write(flights)
}

pipeline! {
    pub CleanToPostgres {
        settings: Config,
        resources: [warehouse],
        flow: flights => clean => to_postgres,
        delivery: exactly_once,
        error_threshold: 1%,
        dead_letter: file(settings.rejects),
    }
}

pipeline! {
    pub CleanToCsv {
        settings: Config,
        resources: [csv_file],
        flow: flights => clean => to_csv,
        delivery: exactly_once,
        error_threshold: 1%,
        dead_letter: file(settings.rejects),
    }
}

pipeline! {
    pub CleanToParquet {
        settings: Config,
        resources: [parquet_file],
        flow: flights => clean => to_parquet,
        delivery: exactly_once,
        error_threshold: 1%,
        dead_letter: file(settings.rejects),
    }
}

pipeline! {
    pub CleanToJsonl {
        settings: Config,
        resources: [jsonl_file],
        flow: flights => clean => to_jsonl,
        delivery: exactly_once,
        error_threshold: 1%,
        dead_letter: file(settings.rejects),
    }
}

pipeline! {
    pub CleanToSqlite {
        settings: Config,
        resources: [database],
        flow: flights => clean => to_sqlite,
        delivery: exactly_once,
        error_threshold: 1%,
        dead_letter: file(settings.rejects),
    }
}

fn main() -> bench_clean::Result<()> {
    let args = Args::parse()?;
    if args.format == Format::Postgres {
        bench_clean::warehouse::empty()?;
    }
    let begun = Instant::now();
    let config = Config { input: args.input, output: args.output, rejects: args.rejects };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        match args.format {
            Format::Parquet => CleanToParquet::run(config).await,
            Format::Jsonl => CleanToJsonl::run(config).await,
            Format::Sqlite => CleanToSqlite::run(config).await,
            Format::Postgres => CleanToPostgres::run(config).await,
            Format::Csv => CleanToCsv::run(config).await,
        }
    });
    let report = report.and_then(Report::into_result).map_err(|error| format!("{error:?}"))?;
    let mut bad = Bad::default();
    for reason in &report.reasons {
        let known = match reason.code {
            "ragged" => Reason::MissingColumn,
            "field" => Reason::BadNumber,
            "not_utf8" => Reason::NotUtf8,
            "CleanError::BadTime" => Reason::BadTime,
            "CleanError::NoCarrier" => Reason::NoCarrier,
            "CleanError::BadDistance" => Reason::BadDistance,
            "CleanError::BadDelay" => Reason::BadDelay,
            _ => return Err("a reason that the job does not know".into()),
        };
        bad.add(known, reason.records);
    }
    Answer::new(begun, report.records.loaded, DISTANCE.load(Ordering::Relaxed), bad).print()
}
