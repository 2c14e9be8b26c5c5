//! The job as one writes it first: csv and serde into owned structs, one thread.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray, UInt8Array, UInt16Array, UInt32Array};
use arrow_schema::{DataType, Field, Schema};
use bench_clean::{Answer, Args, Bad, Format, Reason, Result, is_time_of_day};
use csv::ErrorKind;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Deserializer, Serialize};

const BATCH: usize = 8192;

#[derive(Serialize, Deserialize)]
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
    arr_time: Option<u16>,
    sched_arr_time: u16,
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
    hour: u8,
    minute: u8,
    time_hour: String,
}

#[derive(Serialize)]
struct Flight {
    #[serde(flatten)]
    raw: RawFlight,
    route: String,
    gained: Option<i32>,
    speed_mph: Option<f64>,
}

/// A line of the dead letters.
#[derive(Serialize)]
struct Letter<'a> {
    line: u64,
    reason: Reason,
    record: Option<&'a RawFlight>,
}

/// `NA` is no value.
fn na<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = <&str>::deserialize(deserializer)?;
    if text == "NA" { Ok(None) } else { text.parse().map(Some).map_err(|_| serde::de::Error::custom("not a number")) }
}

fn clean(raw: RawFlight) -> Result<Flight, Box<(RawFlight, Reason)>> {
    let times = [raw.dep_time.unwrap_or(0), raw.sched_dep_time, raw.arr_time.unwrap_or(0), raw.sched_arr_time];
    if !times.into_iter().all(is_time_of_day) {
        return Err(Box::new((raw, Reason::BadTime)));
    }
    if raw.carrier.is_empty() {
        return Err(Box::new((raw, Reason::NoCarrier)));
    }
    if raw.distance <= 0 {
        return Err(Box::new((raw, Reason::BadDistance)));
    }
    if raw.dep_delay.is_some_and(|delay| !(-120..=1440).contains(&delay)) {
        return Err(Box::new((raw, Reason::BadDelay)));
    }
    Ok(Flight {
        route: format!("{}-{}", raw.origin, raw.dest),
        gained: raw.dep_delay.zip(raw.arr_delay).map(|(departure, arrival)| departure - arrival),
        speed_mph: raw.air_time.filter(|minutes| *minutes > 0).map(|minutes| f64::from(raw.distance) * 60.0 / f64::from(minutes)),
        raw,
    })
}

enum Sink {
    Parquet(Box<ArrowWriter<File>>),
    Jsonl(BufWriter<File>),
}

impl Sink {
    fn write(&mut self, flights: &[Flight]) -> Result<()> {
        match self {
            Self::Parquet(writer) => writer.write(&batch(flights)?)?,
            Self::Jsonl(writer) => {
                for flight in flights {
                    serde_json::to_writer(&mut *writer, flight)?;
                    writer.write_all(b"\n")?;
                }
            }
        }
        Ok(())
    }

    fn close(self) -> Result<()> {
        match self {
            Self::Parquet(writer) => drop(writer.close()?),
            Self::Jsonl(mut writer) => writer.flush()?,
        }
        Ok(())
    }
}

fn schema() -> Arc<Schema> {
    Arc::new(Schema::new(vec![
        Field::new("year", DataType::UInt16, false),
        Field::new("month", DataType::UInt8, false),
        Field::new("day", DataType::UInt8, false),
        Field::new("dep_time", DataType::UInt16, true),
        Field::new("sched_dep_time", DataType::UInt16, false),
        Field::new("dep_delay", DataType::Int32, true),
        Field::new("arr_time", DataType::UInt16, true),
        Field::new("sched_arr_time", DataType::UInt16, false),
        Field::new("arr_delay", DataType::Int32, true),
        Field::new("carrier", DataType::Utf8, false),
        Field::new("flight", DataType::UInt32, false),
        Field::new("tailnum", DataType::Utf8, true),
        Field::new("origin", DataType::Utf8, false),
        Field::new("dest", DataType::Utf8, false),
        Field::new("air_time", DataType::UInt32, true),
        Field::new("distance", DataType::Int32, false),
        Field::new("hour", DataType::UInt8, false),
        Field::new("minute", DataType::UInt8, false),
        Field::new("time_hour", DataType::Utf8, false),
        Field::new("route", DataType::Utf8, false),
        Field::new("gained", DataType::Int32, true),
        Field::new("speed_mph", DataType::Float64, true),
    ]))
}

fn batch(flights: &[Flight]) -> Result<RecordBatch> {
    fn texts<'f>(flights: &'f [Flight], get: impl Fn(&'f Flight) -> &'f String) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(flights.iter().map(get)))
    }
    let all = || flights.iter();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt16Array::from_iter_values(all().map(|flight| flight.raw.year))),
        Arc::new(UInt8Array::from_iter_values(all().map(|flight| flight.raw.month))),
        Arc::new(UInt8Array::from_iter_values(all().map(|flight| flight.raw.day))),
        Arc::new(all().map(|flight| flight.raw.dep_time).collect::<UInt16Array>()),
        Arc::new(UInt16Array::from_iter_values(all().map(|flight| flight.raw.sched_dep_time))),
        Arc::new(all().map(|flight| flight.raw.dep_delay).collect::<Int32Array>()),
        Arc::new(all().map(|flight| flight.raw.arr_time).collect::<UInt16Array>()),
        Arc::new(UInt16Array::from_iter_values(all().map(|flight| flight.raw.sched_arr_time))),
        Arc::new(all().map(|flight| flight.raw.arr_delay).collect::<Int32Array>()),
        texts(flights, |flight| &flight.raw.carrier),
        Arc::new(UInt32Array::from_iter_values(all().map(|flight| flight.raw.flight))),
        Arc::new(all().map(|flight| flight.raw.tailnum.as_deref()).collect::<StringArray>()),
        texts(flights, |flight| &flight.raw.origin),
        texts(flights, |flight| &flight.raw.dest),
        Arc::new(all().map(|flight| flight.raw.air_time).collect::<UInt32Array>()),
        Arc::new(Int32Array::from_iter_values(all().map(|flight| flight.raw.distance))),
        Arc::new(UInt8Array::from_iter_values(all().map(|flight| flight.raw.hour))),
        Arc::new(UInt8Array::from_iter_values(all().map(|flight| flight.raw.minute))),
        texts(flights, |flight| &flight.raw.time_hour),
        texts(flights, |flight| &flight.route),
        Arc::new(all().map(|flight| flight.gained).collect::<Int32Array>()),
        Arc::new(all().map(|flight| flight.speed_mph).collect::<Float64Array>()),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}

fn main() -> Result<()> {
    let args = Args::parse()?;
    let begun = Instant::now();
    let file = File::create(&args.output)?;
    let mut sink = match args.format {
        Format::Parquet => {
            let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
            Sink::Parquet(Box::new(ArrowWriter::try_new(file, schema(), Some(properties))?))
        }
        Format::Jsonl => Sink::Jsonl(BufWriter::new(file)),
        _ => return Err("this program writes parquet and jsonl; see sqlite_loop".into()),
    };
    let mut rejects = BufWriter::new(File::create(&args.rejects)?);
    let mut reader = csv::Reader::from_reader(BufReader::new(File::open(&args.input)?));
    let (mut flights, mut bad) = (Vec::with_capacity(BATCH), Bad::default());
    let (mut good, mut sum_distance) = (0, 0);
    let mut rows = reader.deserialize::<RawFlight>();
    loop {
        let line = rows.reader().position().line();
        let Some(row) = rows.next() else { break };
        let cleaned = match row {
            Ok(raw) => clean(raw).map_err(|refused| {
                let (raw, reason) = *refused;
                (Some(raw), reason)
            }),
            Err(error) => match error.kind() {
                ErrorKind::UnequalLengths { .. } => Err((None, Reason::MissingColumn)),
                ErrorKind::Deserialize { .. } => Err((None, Reason::BadNumber)),
                ErrorKind::Utf8 { .. } => Err((None, Reason::NotUtf8)),
                _ => return Err(error.into()),
            },
        };
        match cleaned {
            Ok(flight) => {
                good += 1;
                sum_distance += i64::from(flight.raw.distance);
                flights.push(flight);
                if flights.len() == BATCH {
                    sink.write(&flights)?;
                    flights.clear();
                }
            }
            Err((raw, reason)) => {
                bad.add(reason, 1);
                serde_json::to_writer(&mut rejects, &Letter { line, reason, record: raw.as_ref() })?;
                rejects.write_all(b"\n")?;
            }
        }
    }
    sink.write(&flights)?;
    sink.close()?;
    rejects.flush()?;
    Answer::new(begun, good, sum_distance, bad).print()
}
