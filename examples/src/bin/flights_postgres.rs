//! Cleans a month of departures from New York and loads them into PostgreSQL, each exactly once,
//! whatever is killed on the way.
//!
//! The table must be there: `psql --file examples/data/flights_postgres.sql "$DATABASE"`.
//!
//! ```text
//! ETL__DATABASE="$DATABASE" cargo run --release --bin flights_postgres -- run \
//!     --set input=examples/data/flights.csv --set rejects=rejects.jsonl
//! ```

use etl_connectors::{csv, postgres};
use etl_core::prelude::*;

/// What the operator sets.
#[derive(Debug, Settings)]
pub struct Config {
    /// The carriers' export.
    input: PathBuf,
    /// Where the warehouse is: `postgresql://user:password@host/database`.
    database: Secret<String>,
    /// Where rejected records go.
    rejects: PathBuf,
}

/// A line of `flights.csv`, as far as the job uses it.
#[derive(Record, Debug, Clone)]
pub struct RawFlight {
    year: u16,
    month: u8,
    day: u8,
    dep_time: Option<u16>,
    sched_dep_time: u16,
    dep_delay: Option<i32>,
    arr_delay: Option<i32>,
    carrier: CompactString,
    flight: u32,
    tailnum: Option<CompactString>,
    origin: CompactString,
    dest: CompactString,
    air_time: Option<u32>,
    distance: i32,
}

/// A flight that has been cleaned: a row of the table `flights`.
#[derive(Record, Validate, Debug, Clone)]
#[garde(allow_unvalidated)]
pub struct Flight {
    /// The day of departure, as ISO 8601 writes it.
    departed_on: CompactString,
    sched_dep_time: u16,
    dep_time: Option<u16>,
    /// Minutes after midnight.
    dep_minutes: Option<u16>,
    #[garde(range(min = -120, max = 1440))]
    dep_delay: Option<i32>,
    arr_delay: Option<i32>,
    carrier: CompactString,
    flight: u32,
    tail_number: Sensitive<Option<CompactString>>,
    origin: CompactString,
    dest: CompactString,
    air_time: Option<u32>,
    #[garde(range(min = 1))]
    distance: i32,
    speed_mph: Option<f64>,
}

/// Why a line is no flight.
#[derive(Debug, thiserror::Error, StageError)]
pub enum CleanError {
    /// This record goes to the dead letters, the run goes on.
    #[error("departure time is not a time of day")]
    #[on_error(reject)]
    BadTime,
}

/// Made once per run, lent to the stages that ask for it.
#[resource]
pub async fn warehouse(config: &Config) -> Result<postgres::Pool> {
    postgres::connect(&config.database).await
}

/// Reads the export.
#[extractor]
pub fn flights(config: &Config) -> Result<csv::Rows<RawFlight>> {
    csv::options().nulls(["", "NA"]).read(&config.input)
}

/// Checks the times, derives the date, minutes and speed.
#[transform(parallel, batch = 500, validate(output))]
pub fn clean(raw: RawFlight) -> Result<Flight, CleanError> {
    minutes_after_midnight(raw.sched_dep_time).ok_or(CleanError::BadTime)?;
    let dep_minutes = raw.dep_time.map(|time| minutes_after_midnight(time).ok_or(CleanError::BadTime)).transpose()?;
    let hours = raw.air_time.filter(|minutes| *minutes > 0).map(|minutes| f64::from(minutes) / 60.0);
    Ok(Flight {
        departed_on: compact_str::format_compact!("{:04}-{:02}-{:02}", raw.year, raw.month, raw.day),
        sched_dep_time: raw.sched_dep_time,
        dep_time: raw.dep_time,
        dep_minutes,
        dep_delay: raw.dep_delay,
        arr_delay: raw.arr_delay,
        carrier: raw.carrier,
        flight: raw.flight,
        tail_number: Sensitive::new(raw.tailnum),
        origin: raw.origin,
        dest: raw.dest,
        air_time: raw.air_time,
        distance: raw.distance,
        speed_mph: hours.map(|hours| f64::from(raw.distance) / hours),
    })
}

/// Leaves out flights that were cancelled.
#[filter]
pub fn departed(flight: &Flight) -> bool {
    flight.dep_delay.is_some()
}

/// Copies into the warehouse, 5,000 flights at a time.
#[loader(batch = 5_000, retries = 3, timeout = "30s")]
pub async fn flights_table(flights: &[Flight], tx: &mut postgres::Transaction<'_>) -> Result<()> {
    tx.copy_in("flights", flights).await
}

pipeline! {
    /// Cleans the carriers' exports and loads them into the warehouse.
    pub Flights {
        settings: Config,
        resources: [warehouse],
        flow: flights => clean => departed => flights_table,
        delivery: exactly_once,
        error_threshold: 1%,
        dead_letter: file(settings.rejects),
    }
}

etl_core::main!(Flights);

/// 517 is 05:17; 2400 is midnight at the end of the day.
fn minutes_after_midnight(hhmm: u16) -> Option<u16> {
    let (hours, minutes) = (hhmm / 100, hhmm % 100);
    (hhmm <= 2400 && minutes < 60).then_some(hours * 60 + minutes)
}
