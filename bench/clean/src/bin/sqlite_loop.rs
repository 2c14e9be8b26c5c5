//! The job into SQLite as a good engineer writes it: one thread, `csv::ByteRecord` parsed field by
//! field, one prepared statement, 5,000 rows a transaction, and the same pragmas as the framework
//! uses for a new database.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::Instant;

use bench_clean::{Answer, Args, Bad, Format, Reason, Result, is_time_of_day};
use csv::ByteRecord;
use rusqlite::{Connection, Statement, params};
use serde::Serialize;

const BATCH: u64 = 5_000;

const TABLE: &str = "CREATE TABLE flights (
    year INTEGER NOT NULL, month INTEGER NOT NULL, day INTEGER NOT NULL, dep_time INTEGER, sched_dep_time INTEGER NOT NULL,
    dep_delay INTEGER, arr_time INTEGER, sched_arr_time INTEGER NOT NULL, arr_delay INTEGER, carrier TEXT NOT NULL,
    flight INTEGER NOT NULL, tailnum TEXT, origin TEXT NOT NULL, dest TEXT NOT NULL, air_time INTEGER, distance INTEGER NOT NULL,
    hour INTEGER NOT NULL, minute INTEGER NOT NULL, time_hour TEXT NOT NULL, route TEXT NOT NULL, gained INTEGER, speed_mph REAL)";

/// A line of the dead letters.
#[derive(Serialize)]
struct Letter<'a> {
    line: u64,
    reason: Reason,
    record: Vec<std::borrow::Cow<'a, str>>,
}

struct Flight<'r> {
    year: u16,
    month: u8,
    day: u8,
    dep_time: Option<u16>,
    sched_dep_time: u16,
    dep_delay: Option<i32>,
    arr_time: Option<u16>,
    sched_arr_time: u16,
    arr_delay: Option<i32>,
    carrier: &'r str,
    flight: u32,
    tailnum: Option<&'r str>,
    origin: &'r str,
    dest: &'r str,
    air_time: Option<u32>,
    distance: i32,
    hour: u8,
    minute: u8,
    time_hour: &'r str,
}

impl<'r> Flight<'r> {
    fn parse(record: &'r ByteRecord) -> Result<Self, Reason> {
        if record.len() != 19 {
            return Err(Reason::MissingColumn);
        }
        Ok(Self {
            year: number(record, 0)?,
            month: number(record, 1)?,
            day: number(record, 2)?,
            dep_time: optional(record, 3, number)?,
            sched_dep_time: number(record, 4)?,
            dep_delay: optional(record, 5, number)?,
            arr_time: optional(record, 6, number)?,
            sched_arr_time: number(record, 7)?,
            arr_delay: optional(record, 8, number)?,
            carrier: text(record, 9)?,
            flight: number(record, 10)?,
            tailnum: optional(record, 11, text)?,
            origin: text(record, 12)?,
            dest: text(record, 13)?,
            air_time: optional(record, 14, number)?,
            distance: number(record, 15)?,
            hour: number(record, 16)?,
            minute: number(record, 17)?,
            time_hour: text(record, 18)?,
        })
    }

    fn check(&self) -> Result<(), Reason> {
        let times = [self.dep_time.unwrap_or(0), self.sched_dep_time, self.arr_time.unwrap_or(0), self.sched_arr_time];
        if !times.into_iter().all(is_time_of_day) {
            return Err(Reason::BadTime);
        }
        if self.carrier.is_empty() {
            return Err(Reason::NoCarrier);
        }
        if self.distance <= 0 {
            return Err(Reason::BadDistance);
        }
        if self.dep_delay.is_some_and(|delay| !(-120..=1440).contains(&delay)) {
            return Err(Reason::BadDelay);
        }
        Ok(())
    }

    fn insert(&self, statement: &mut Statement<'_>, route: &mut String) -> rusqlite::Result<usize> {
        route.clear();
        route.push_str(self.origin);
        route.push('-');
        route.push_str(self.dest);
        let gained = self.dep_delay.zip(self.arr_delay).map(|(departure, arrival)| departure - arrival);
        let speed_mph = self.air_time.filter(|minutes| *minutes > 0).map(|minutes| f64::from(self.distance) * 60.0 / f64::from(minutes));
        statement.execute(params![
            self.year,
            self.month,
            self.day,
            self.dep_time,
            self.sched_dep_time,
            self.dep_delay,
            self.arr_time,
            self.sched_arr_time,
            self.arr_delay,
            self.carrier,
            self.flight,
            self.tailnum,
            self.origin,
            self.dest,
            self.air_time,
            self.distance,
            self.hour,
            self.minute,
            self.time_hour,
            &*route,
            gained,
            speed_mph,
        ])
    }
}

fn text(record: &ByteRecord, at: usize) -> Result<&str, Reason> {
    std::str::from_utf8(&record[at]).map_err(|_| Reason::NotUtf8)
}

fn number<T: std::str::FromStr>(record: &ByteRecord, at: usize) -> Result<T, Reason> {
    std::str::from_utf8(&record[at]).ok().and_then(|text| text.parse().ok()).ok_or(Reason::BadNumber)
}

fn optional<'r, T>(
    record: &'r ByteRecord,
    at: usize,
    read: impl FnOnce(&'r ByteRecord, usize) -> Result<T, Reason>,
) -> Result<Option<T>, Reason> {
    if &record[at] == b"NA" { Ok(None) } else { read(record, at).map(Some) }
}

fn main() -> Result<()> {
    let args = Args::parse()?;
    if args.format != Format::Sqlite {
        return Err("this one writes sqlite".into());
    }
    let begun = Instant::now();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(&args.input)?;
    let mut rejects = BufWriter::new(File::create(&args.rejects)?);
    let database = Connection::open(&args.output)?;
    database.execute_batch(
        "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -2048;",
    )?;
    database.execute_batch(TABLE)?;
    let mut insert = database.prepare(&format!("INSERT INTO flights VALUES ({})", vec!["?"; 22].join(", ")))?;
    let (mut record, mut route) = (ByteRecord::new(), String::new());
    let (mut good, mut sum_distance, mut bad) = (0, 0, Bad::default());
    database.execute_batch("BEGIN IMMEDIATE")?;
    while reader.read_byte_record(&mut record)? {
        match Flight::parse(&record).and_then(|flight| flight.check().map(|()| flight)) {
            Ok(flight) => {
                flight.insert(&mut insert, &mut route)?;
                good += 1;
                sum_distance += i64::from(flight.distance);
                if good % BATCH == 0 {
                    database.execute_batch("COMMIT; BEGIN IMMEDIATE")?;
                }
            }
            Err(reason) => {
                bad.add(reason, 1);
                let line = record.position().map_or(0, csv::Position::line);
                let letter = Letter { line, reason, record: record.iter().map(String::from_utf8_lossy).collect() };
                serde_json::to_writer(&mut rejects, &letter)?;
                rejects.write_all(b"\n")?;
            }
        }
    }
    database.execute_batch("COMMIT")?;
    drop(insert);
    database.close().map_err(|(_, error)| error)?;
    rejects.flush()?;
    Answer::new(begun, good, sum_distance, bad).print()
}
