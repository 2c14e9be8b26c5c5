//! Small pipelines, each of which leans on one part of what every record goes through.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use etl_connectors::{csv, jsonl};
use etl_core::Pipeline;
use etl_core::engine::RunOptions;
use etl_core::observe::report::Report;
use etl_core::prelude::*;

#[derive(Debug, Settings)]
pub struct Config {
    records: u64,
    input: PathBuf,
    output: PathBuf,
    rejects: PathBuf,
}

/// Nothing but a number.
#[derive(Record, Debug)]
pub struct Number {
    value: u64,
}

/// What tables are made of: numbers, short texts, and nothing where there may be nothing.
#[derive(Record, Debug, Clone)]
pub struct Reading {
    station: CompactString,
    day: u16,
    sensor: u32,
    celsius: Option<f64>,
    note: Option<CompactString>,
}

/// The same with a text of the heap.
#[derive(Record, Debug)]
pub struct Owned {
    station: String,
    day: u16,
    sensor: u32,
    celsius: Option<f64>,
}

#[derive(Debug, thiserror::Error, StageError)]
pub enum ReadingError {
    #[error("no day of a year")]
    #[on_error(reject)]
    Day,
}

#[extractor(batch = 500)]
pub fn numbers(config: &Config) -> impl Iterator<Item = Number> {
    (0..config.records).map(|value| Number { value })
}

#[transform]
pub fn tripled(number: Number) -> Number {
    Number { value: 3 * number.value }
}

#[filter]
pub fn odd(number: &Number) -> bool {
    number.value % 2 == 1
}

static SUM: AtomicU64 = AtomicU64::new(0);

#[loader(batch = 500)]
pub fn summed(numbers: &[Number]) {
    SUM.fetch_add(numbers.iter().map(|number| number.value).sum(), Ordering::Relaxed);
}

#[extractor]
pub fn read(config: &Config) -> Result<csv::Rows<Reading>> {
    csv::options().nulls(["NA"]).read(&config.input)
}

#[extractor]
pub fn read_owned(config: &Config) -> Result<csv::Rows<Owned>> {
    csv::options().nulls(["NA"]).read(&config.input)
}

#[extractor]
pub fn made(config: &Config) -> impl Iterator<Item = Reading> {
    (0..config.records).map(|number| Reading {
        station: CompactString::const_new("KJFK"),
        day: (number % 366) as u16,
        sensor: number as u32,
        celsius: (number % 7 > 0).then_some(number as f64 / 8.0),
        note: (number % 3 == 0).then_some(CompactString::const_new("checked")),
    })
}

#[transform(parallel)]
pub fn checked(reading: Reading) -> Result<Reading, ReadingError> {
    if reading.day > 365 { Err(ReadingError::Day) } else { Ok(reading) }
}

#[loader]
pub fn dropped(readings: &[Reading]) {
    SUM.fetch_add(readings.iter().map(|reading| u64::from(reading.day)).sum(), Ordering::Relaxed);
}

#[loader]
pub fn dropped_owned(readings: &[Owned]) {
    SUM.fetch_add(readings.iter().map(|reading| u64::from(reading.day)).sum(), Ordering::Relaxed);
}

#[resource]
pub fn lines(config: &Config) -> Result<jsonl::File<Reading>> {
    jsonl::create(&config.output)
}

#[loader]
pub fn written(readings: &[Reading], file: &mut jsonl::Writer<'_, Reading>) -> Result<()> {
    file.write(readings)
}

pipeline! { Light { settings: Config, flow: numbers => tripled => odd => summed } }
pipeline! { Decode { settings: Config, flow: read => dropped } }
pipeline! { DecodeOwned { settings: Config, flow: read_owned => dropped_owned } }
pipeline! { Encode { settings: Config, resources: [lines], flow: made => written } }
pipeline! {
    Clean {
        settings: Config,
        resources: [lines],
        flow: read => checked => written,
        delivery: exactly_once,
        dead_letter: file(settings.rejects),
    }
}

/// The names of the flows.
pub const FLOWS: [&str; 5] = ["light", "decode", "decode-owned", "encode", "clean"];

/// Writes an input of so many records, of which one in two hundred is no reading.
pub fn make_input(folder: &Path, records: u64) -> std::io::Result<()> {
    let mut text = String::from("station,day,sensor,celsius,note\n");
    for number in 0..records {
        let day = if number % 200 == 199 { 999 } else { number % 366 };
        let note = if number % 3 == 0 { "\"checked, twice\"" } else { "NA" };
        let _infallible = match number % 7 {
            0 => writeln!(text, "KJFK,{day},{number},NA,{note}"),
            tenths => writeln!(text, "KLGA,{day},{number},{}.{tenths},{note}", number % 40),
        };
    }
    std::fs::write(folder.join("input.csv"), text)
}

/// Runs a flow over `records`, or the whole input of the folder.
pub async fn run(flow: &str, folder: &Path, records: u64) -> Result<Report> {
    let place = |name| folder.join(name);
    // Of an earlier run.
    let _absent = (std::fs::remove_file(place("output.jsonl")), std::fs::remove_file(place("rejects.jsonl")));
    let _absent = std::fs::remove_dir_all(place("state"));
    let elsewhere = |options: &mut RunOptions| options.state = Some(place("state"));
    let config = Config { records, input: place("input.csv"), output: place("output.jsonl"), rejects: place("rejects.jsonl") };
    let report = match flow {
        "light" => Light::run_with(config, elsewhere).await,
        "decode" => Decode::run_with(config, elsewhere).await,
        "decode-owned" => DecodeOwned::run_with(config, elsewhere).await,
        "encode" => Encode::run_with(config, elsewhere).await,
        _ => Clean::run_with(config, elsewhere).await,
    };
    report.and_then(Report::into_result)
}
