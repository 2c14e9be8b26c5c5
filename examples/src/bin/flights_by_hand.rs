//! The job of `flights.rs` written by hand on tokio, as people do today: the other side of the comparison.
//!
//! It reads `flights.csv`, rejects what cannot be true, looks up the carrier and the plane, leaves out what never departed and
//! loads the rest into a new SQLite table, 5,000 flights a transaction; rejects go to a file of JSON lines. Nothing makes it
//! longer or slower than it need be: three tasks with batches between them, `serde` for the decoding, one prepared insert.
//!
//! ```sh
//! cargo run --release --bin flights_by_hand -- examples/data/flights.csv flights.sqlite rejects.jsonl
//! ```
//!
//! **295 lines of code**, not counting blank lines and comments
//! (`grep -cvE '^\s*(//|$)' examples/src/bin/flights_by_hand.rs`). What they do not buy:
//!
//! - **Retries.** The first transient error of the target ends the run.
//! - **An error threshold.** With the wrong file every line is a reject, and the run ends well.
//! - **A batch of which one record is bad.** It fails as a whole, and with it the run.
//! - **Dead letters that say enough.** A reject has its line, its reason and its fields, but no stage, no class, no run and no
//!   bytes of the source, and whoever may read the directory may read it.
//! - **An output that is whole or not there.** A run that dies leaves a part of a database behind.
//! - **Sanitised errors.** An error may print what stands in a record, as the one about an unknown carrier does.
//! - **The sums.** Each counter is raised where somebody remembered to; nothing checks that they add up to what was read.
//! - **Memory in bytes.** A line of 100 MiB is read as a whole.
//! - **Being watched or stopped.** No metrics, traces, progress or report, and no clean end on a signal.
//! - **A command line.** No `check`, `plan` or dry run; settings are positions and constants.
//! - **The policy as a type.** What is rejected and what ends the run is decided by which of two returns a line of `clean` uses;
//!   the compiler has no say in it.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;

use csv::{ByteRecord, ReaderBuilder};
use rusqlite::{Connection, params};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{JoinHandle, spawn_blocking};

type BoxError = Box<dyn Error + Send + Sync>;

/// Lines handed from the reader to the cleaner at once.
const READ_BATCH: usize = 1_000;
/// Flights in one transaction.
const LOAD_BATCH: usize = 5_000;
/// Batches that may wait in a channel: a slow target stops the reader instead of filling the memory.
const WAITING: usize = 4;

const CREATE: &str = "CREATE TABLE flights (
    year INTEGER NOT NULL, month INTEGER NOT NULL, day INTEGER NOT NULL,
    sched_dep_time INTEGER NOT NULL, dep_time INTEGER, dep_minutes INTEGER, dep_delay INTEGER NOT NULL,
    arr_delay INTEGER, carrier TEXT NOT NULL, carrier_name TEXT NOT NULL, flight INTEGER NOT NULL,
    tailnum TEXT, plane_year INTEGER, manufacturer TEXT, model TEXT, seats INTEGER,
    origin TEXT NOT NULL, dest TEXT NOT NULL, air_time INTEGER, distance INTEGER NOT NULL, speed_mph REAL
)";
const INSERT: &str = "INSERT INTO flights VALUES
    (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)";

/// A line of `flights.csv`, as far as the job uses it.
#[derive(Deserialize)]
struct RawFlight {
    year: u16,
    month: u8,
    day: u8,
    #[serde(deserialize_with = "na")]
    dep_time: Option<u16>,
    sched_dep_time: u16,
    #[serde(deserialize_with = "na")]
    dep_delay: Option<i32>,
    #[serde(deserialize_with = "na")]
    arr_delay: Option<i32>,
    carrier: String,
    flight: u32,
    #[serde(deserialize_with = "na")]
    tailnum: Option<String>,
    origin: String,
    dest: String,
    #[serde(deserialize_with = "na")]
    air_time: Option<u32>,
    distance: i32,
}

/// A row of the target.
struct Flight {
    raw: RawFlight,
    dep_minutes: Option<u16>,
    dep_delay: i32,
    speed_mph: Option<f64>,
    carrier_name: Arc<str>,
    plane: Option<Arc<Plane>>,
}

#[derive(Deserialize)]
struct Airline {
    carrier: String,
    name: String,
}

#[derive(Deserialize)]
struct Plane {
    tailnum: String,
    #[serde(deserialize_with = "na")]
    year: Option<u16>,
    #[serde(deserialize_with = "na")]
    manufacturer: Option<String>,
    #[serde(deserialize_with = "na")]
    model: Option<String>,
    #[serde(deserialize_with = "na")]
    seats: Option<u32>,
}

struct Lookups {
    carriers: HashMap<String, Arc<str>>,
    planes: HashMap<String, Arc<Plane>>,
}

/// What becomes of one line; an error on top of it stops the run.
enum Outcome {
    Load(Flight),
    Filtered,
    Rejected(String),
}

#[derive(Serialize)]
struct Reject<'a> {
    line: u64,
    reason: &'a str,
    fields: Vec<String>,
}

#[derive(Default)]
struct Counts {
    loaded: u64,
    filtered: u64,
    rejected: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [input, output, rejects] = args.as_slice() else {
        eprintln!("usage: flights_by_hand INPUT.csv OUTPUT.sqlite REJECTS.jsonl");
        return ExitCode::from(2);
    };
    match run(input, output, rejects).await {
        Ok((read, counts)) => {
            let Counts { loaded, filtered, rejected } = counts;
            println!("read {read}, loaded {loaded}, filtered {filtered}, rejected {rejected}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Three tasks in a row, batches between them: read, clean, load.
async fn run(input: &Path, output: &Path, rejects: &Path) -> Result<(u64, Counts), BoxError> {
    let lookups = Lookups::beside(input)?;
    let mut reader = ReaderBuilder::new().flexible(true).from_path(input).map_err(at(input))?;
    let headers = reader.byte_headers().map_err(at(input))?.clone();
    let connection = create(output).map_err(at(output))?;
    let rejects = BufWriter::new(File::create(rejects).map_err(at(rejects))?);

    let (to_clean, lines) = mpsc::channel(WAITING);
    let (to_load, flights) = mpsc::channel(WAITING);
    let reading = spawn_blocking(move || read(reader, &to_clean));
    let cleaning = spawn_blocking(move || clean_all(lines, &headers, &lookups, rejects, &to_load));
    let loading = spawn_blocking(move || load(connection, flights));
    let (read, mut counts, loaded) = tokio::try_join!(joined(reading), joined(cleaning), joined(loading))?;
    counts.loaded = loaded;
    Ok((read, counts))
}

/// A panic of a task is an error as well.
async fn joined<T>(task: JoinHandle<Result<T, BoxError>>) -> Result<T, BoxError> {
    task.await?
}

/// Bytes and not text, and of any width: a broken line is the cleaner's to reject.
fn read(mut reader: csv::Reader<File>, out: &Sender<Vec<ByteRecord>>) -> Result<u64, BoxError> {
    let mut count = 0;
    let mut batch = Vec::with_capacity(READ_BATCH);
    for record in reader.byte_records() {
        batch.push(record?);
        count += 1;
        if batch.len() == READ_BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(READ_BATCH));
            if out.blocking_send(full).is_err() {
                return Ok(count); // the cleaner has failed, and its error is the one to report
            }
        }
    }
    let _ = out.blocking_send(batch);
    Ok(count)
}

fn clean_all(
    mut lines: Receiver<Vec<ByteRecord>>,
    headers: &ByteRecord,
    lookups: &Lookups,
    mut rejects: BufWriter<File>,
    out: &Sender<Vec<Flight>>,
) -> Result<Counts, BoxError> {
    let mut counts = Counts::default();
    let mut batch = Vec::with_capacity(LOAD_BATCH);
    while let Some(records) = lines.blocking_recv() {
        for record in records {
            match clean(&record, headers, lookups)? {
                Outcome::Load(flight) => batch.push(flight),
                Outcome::Filtered => counts.filtered += 1,
                Outcome::Rejected(reason) => {
                    counts.rejected += 1;
                    write_reject(&mut rejects, &record, &reason)?;
                }
            }
            if batch.len() == LOAD_BATCH {
                let full = std::mem::replace(&mut batch, Vec::with_capacity(LOAD_BATCH));
                if out.blocking_send(full).is_err() {
                    return Ok(counts); // the loader has failed, and its error is the one to report
                }
            }
        }
    }
    rejects.flush()?;
    let _ = out.blocking_send(batch);
    Ok(counts)
}

fn clean(record: &ByteRecord, headers: &ByteRecord, lookups: &Lookups) -> Result<Outcome, BoxError> {
    let reject = |reason: &str| Ok(Outcome::Rejected(reason.to_owned()));
    if record.len() != headers.len() {
        return reject("the line has another number of fields than the header");
    }
    let raw: RawFlight = match record.deserialize(Some(headers)) {
        Ok(raw) => raw,
        Err(error) => return reject(&error.to_string()),
    };
    let dep_minutes = raw.dep_time.map(minutes_after_midnight);
    if dep_minutes == Some(None) || minutes_after_midnight(raw.sched_dep_time).is_none() {
        return reject("a departure time is not a time of day");
    }
    if raw.dep_delay.is_some_and(|delay| !(-120..=1440).contains(&delay)) {
        return reject("the departure delay is out of range");
    }
    if raw.distance <= 0 {
        return reject("the distance is not positive");
    }
    let Some(carrier_name) = lookups.carriers.get(&raw.carrier) else {
        let line = record.position().map_or(0, csv::Position::line);
        return Err(format!("line {line}: carrier {} is not in airlines.csv", raw.carrier).into());
    };
    let Some(dep_delay) = raw.dep_delay else {
        return Ok(Outcome::Filtered); // it never departed
    };
    let plane = raw.tailnum.as_ref().and_then(|tailnum| lookups.planes.get(tailnum));
    let air_time = raw.air_time.filter(|minutes| *minutes > 0);
    Ok(Outcome::Load(Flight {
        dep_minutes: dep_minutes.flatten(),
        dep_delay,
        speed_mph: air_time.map(|minutes| f64::from(raw.distance) / (f64::from(minutes) / 60.0)),
        carrier_name: Arc::clone(carrier_name),
        plane: plane.map(Arc::clone),
        raw,
    }))
}

/// 517 is 05:17; 2400 is midnight at the end of the day.
fn minutes_after_midnight(hhmm: u16) -> Option<u16> {
    let (hours, minutes) = (hhmm / 100, hhmm % 100);
    (hhmm <= 2400 && minutes < 60).then_some(hours * 60 + minutes)
}

fn write_reject(out: &mut impl Write, record: &ByteRecord, reason: &str) -> Result<(), BoxError> {
    let line = record.position().map_or(0, csv::Position::line);
    let fields = record.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect();
    serde_json::to_writer(&mut *out, &Reject { line, reason, fields })?;
    out.write_all(b"\n")?;
    Ok(())
}

fn create(output: &Path) -> Result<Connection, BoxError> {
    File::create_new(output)?; // never into a database that holds something already
    let connection = Connection::open(output)?;
    connection.execute_batch(CREATE)?;
    Ok(connection)
}

fn load(mut connection: Connection, mut batches: Receiver<Vec<Flight>>) -> Result<u64, BoxError> {
    let mut loaded = 0;
    while let Some(batch) = batches.blocking_recv() {
        let tx = connection.transaction()?;
        let mut insert = tx.prepare_cached(INSERT)?;
        for Flight { raw, dep_minutes, dep_delay, speed_mph, carrier_name, plane } in &batch {
            let plane = plane.as_deref();
            insert.execute(params![
                raw.year,
                raw.month,
                raw.day,
                raw.sched_dep_time,
                raw.dep_time,
                dep_minutes,
                dep_delay,
                raw.arr_delay,
                raw.carrier,
                carrier_name,
                raw.flight,
                raw.tailnum,
                plane.and_then(|plane| plane.year),
                plane.and_then(|plane| plane.manufacturer.as_deref()),
                plane.and_then(|plane| plane.model.as_deref()),
                plane.and_then(|plane| plane.seats),
                raw.origin,
                raw.dest,
                raw.air_time,
                raw.distance,
                speed_mph,
            ])?;
        }
        drop(insert);
        tx.commit()?;
        loaded += batch.len() as u64;
    }
    Ok(loaded)
}

impl Lookups {
    /// Reads `airlines.csv` and `planes.csv` from the directory of the input.
    fn beside(input: &Path) -> Result<Self, BoxError> {
        let airlines = read_table::<Airline>(&input.with_file_name("airlines.csv"))?;
        let planes = read_table::<Plane>(&input.with_file_name("planes.csv"))?;
        Ok(Self {
            carriers: airlines.into_iter().map(|airline| (airline.carrier, airline.name.into())).collect(),
            planes: planes.into_iter().map(|p| (p.tailnum.clone(), Arc::new(p))).collect(),
        })
    }
}

fn read_table<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Vec<T>, BoxError> {
    let mut reader = csv::Reader::from_path(path).map_err(at(path))?;
    reader.deserialize().collect::<Result<_, _>>().map_err(at(path))
}

/// `NA` is R's null. `csv::invalid_option` would read `NA` as null too, and any nonsense with it.
fn na<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = String::deserialize(deserializer)?;
    if text == "NA" { Ok(None) } else { text.parse().map(Some).map_err(D::Error::custom) }
}

/// Says which file an error is about.
fn at<E: Display>(path: &Path) -> impl FnOnce(E) -> BoxError {
    move |error| format!("{}: {error}", path.display()).into()
}
