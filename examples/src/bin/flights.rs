//! Cleans a month of departures from New York, looks up carrier and plane, and loads them into
//! SQLite.
//!
//! ```text
//! cargo run --release --bin flights -- run \
//!     --set input=examples/data/flights.csv --set output=flights.sqlite --set rejects=rejects.jsonl
//! ```
//!
//! Everything below is an ordinary function: the tests at the end call the stages directly.

use std::collections::HashMap;
use std::path::Path;

use etl_connectors::{csv, sqlite};
use etl_core::prelude::*;

/// What the operator sets.
#[derive(Debug, Settings)]
pub struct Config {
    /// The carriers' export, with `airlines.csv` and `planes.csv` beside it.
    input: PathBuf,
    /// The database that is made.
    output: PathBuf,
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

/// A flight that has been cleaned, and looked up.
#[derive(Record, Validate, Debug, Clone)]
#[garde(allow_unvalidated)]
pub struct Flight {
    year: u16,
    month: u8,
    day: u8,
    sched_dep_time: u16,
    dep_time: Option<u16>,
    /// Minutes after midnight.
    dep_minutes: Option<u16>,
    #[garde(range(min = -120, max = 1440))]
    dep_delay: Option<i32>,
    arr_delay: Option<i32>,
    carrier: CompactString,
    carrier_name: Option<CompactString>,
    flight: u32,
    tailnum: Sensitive<Option<CompactString>>,
    plane_year: Option<u16>,
    manufacturer: Option<CompactString>,
    model: Option<CompactString>,
    seats: Option<u32>,
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

/// Why a flight cannot be looked up.
#[derive(Debug, thiserror::Error, StageError)]
pub enum LookupError {
    /// The run stops; leaving a variant without a class does not compile.
    #[error("carrier is not in the registry")]
    #[on_error(fail)]
    #[hint("is airlines.csv, beside the input, as new as the input?")]
    UnknownCarrier,
}

/// Carriers by code, planes by tail number.
#[derive(Debug, Default)]
pub struct Registry {
    carriers: HashMap<CompactString, CompactString>,
    planes: HashMap<CompactString, Plane>,
}

#[derive(Debug, Clone)]
struct Plane {
    year: Option<u16>,
    manufacturer: Option<CompactString>,
    model: Option<CompactString>,
    seats: Option<u32>,
}

/// Made once per run, lent to the stages that ask for it.
#[resource]
pub fn registry(config: &Config) -> Result<Registry> {
    let beside = config.input.parent().unwrap_or(Path::new(""));
    Registry::read(&beside.join("airlines.csv"), &beside.join("planes.csv"))
}

/// The database, which appears when everything is in it.
#[resource]
pub fn warehouse(config: &Config) -> Result<sqlite::Database> {
    sqlite::create(&config.output)
}

/// Reads the export.
#[extractor]
pub fn flights(config: &Config) -> Result<csv::Rows<RawFlight>> {
    csv::options().nulls(["", "NA"]).read(&config.input)
}

/// Checks the times, derives minutes and speed.
#[transform(parallel, batch = 500, validate(output))]
pub fn clean(raw: RawFlight) -> Result<Flight, CleanError> {
    minutes_after_midnight(raw.sched_dep_time).ok_or(CleanError::BadTime)?;
    let dep_minutes = raw.dep_time.map(|time| minutes_after_midnight(time).ok_or(CleanError::BadTime)).transpose()?;
    let hours = raw.air_time.filter(|minutes| *minutes > 0).map(|minutes| f64::from(minutes) / 60.0);
    Ok(Flight {
        year: raw.year,
        month: raw.month,
        day: raw.day,
        sched_dep_time: raw.sched_dep_time,
        dep_time: raw.dep_time,
        dep_minutes,
        dep_delay: raw.dep_delay,
        arr_delay: raw.arr_delay,
        carrier: raw.carrier,
        carrier_name: None,
        flight: raw.flight,
        tailnum: Sensitive::new(raw.tailnum),
        plane_year: None,
        manufacturer: None,
        model: None,
        seats: None,
        origin: raw.origin,
        dest: raw.dest,
        air_time: raw.air_time,
        distance: raw.distance,
        speed_mph: hours.map(|hours| f64::from(raw.distance) / hours),
    })
}

/// Adds the carrier's name and what is known of the plane.
#[transform(parallel)]
pub fn look_up(mut flight: Flight, registry: &Registry) -> Result<Flight, LookupError> {
    flight.carrier_name = Some(registry.carriers.get(&flight.carrier).ok_or(LookupError::UnknownCarrier)?.clone());
    if let Some(plane) = flight.tailnum.reveal().as_ref().and_then(|tailnum| registry.planes.get(tailnum)) {
        flight.plane_year = plane.year;
        flight.manufacturer.clone_from(&plane.manufacturer);
        flight.model.clone_from(&plane.model);
        flight.seats = plane.seats;
    }
    Ok(flight)
}

/// Leaves out flights that were cancelled.
#[filter]
pub fn departed(flight: &Flight) -> bool {
    flight.dep_delay.is_some()
}

/// Writes to the database, 5,000 flights a transaction.
#[loader(batch = 5_000, retries = 3)]
pub fn flights_table(flights: &[Flight], tx: &mut sqlite::Transaction<'_>) -> Result<()> {
    tx.insert("flights", flights)
}

pipeline! {
    /// Cleans the carriers' exports and loads them into the warehouse.
    pub Flights {
        settings: Config,
        resources: [registry, warehouse],
        flow: flights => clean => look_up => departed => flights_table,
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

/// A line of `airlines.csv`.
#[derive(Deserialize)]
struct AirlineLine {
    carrier: CompactString,
    name: CompactString,
}

/// A line of `planes.csv`; `NA` is no value.
#[derive(Deserialize)]
struct PlaneLine {
    tailnum: CompactString,
    year: CompactString,
    manufacturer: CompactString,
    model: CompactString,
    seats: CompactString,
}

impl Registry {
    fn read(airlines: &Path, planes: &Path) -> Result<Self> {
        let carriers = lines(airlines)?.into_iter().map(|line: AirlineLine| (line.carrier, line.name)).collect();
        let planes = lines(planes)?
            .into_iter()
            .map(|line: PlaneLine| {
                let given = |text: CompactString| (text != "NA").then_some(text);
                let plane = Plane {
                    year: line.year.parse().ok(),
                    manufacturer: given(line.manufacturer),
                    model: given(line.model),
                    seats: line.seats.parse().ok(),
                };
                (line.tailnum, plane)
            })
            .collect();
        Ok(Self { carriers, planes })
    }
}

/// All lines of a small table.
fn lines<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let cannot = |_error| Error::msg(format!("cannot read {}", path.display())).hint("it must stand beside the input");
    ::csv::Reader::from_path(path).and_then(|mut reader| reader.deserialize().collect()).map_err(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw() -> RawFlight {
        RawFlight {
            year: 2013,
            month: 1,
            day: 1,
            dep_time: Some(517),
            sched_dep_time: 515,
            dep_delay: Some(2),
            arr_delay: Some(11),
            carrier: "UA".into(),
            flight: 1545,
            tailnum: Some("N14228".into()),
            origin: "EWR".into(),
            dest: "IAH".into(),
            air_time: Some(227),
            distance: 1400,
        }
    }

    #[test]
    fn a_stage_is_tested_by_calling_it() {
        let flight = clean(raw()).unwrap();
        assert_eq!(flight.dep_minutes, Some(5 * 60 + 17));
        assert!((flight.speed_mph.unwrap() - 370.044).abs() < 0.001);
        assert!(departed(&flight));
        assert!(matches!(clean(RawFlight { dep_time: Some(575), ..raw() }), Err(CleanError::BadTime)));
        assert!(matches!(look_up(flight, &Registry::default()), Err(LookupError::UnknownCarrier)));
    }
}
