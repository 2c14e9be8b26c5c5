//! What is in an output, in one number: `digest OUTPUT parquet|jsonl|sqlite|postgres` prints `{"rows":…,"digest":"…"}`. Outputs that hold the
//! same rows have the same digest, in whatever order the rows are and however the file is laid out.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type};
use arrow_array::{Array, ArrowPrimitiveType, RecordBatch};
use arrow_schema::DataType;
use bench_clean::{Format, Result};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use postgres::fallible_iterator::FallibleIterator as _;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

/// The columns of a clean flight; an output may have more.
static COLUMNS: [&str; 22] = [
    "year",
    "month",
    "day",
    "dep_time",
    "sched_dep_time",
    "dep_delay",
    "arr_time",
    "sched_arr_time",
    "arr_delay",
    "carrier",
    "flight",
    "tailnum",
    "origin",
    "dest",
    "air_time",
    "distance",
    "hour",
    "minute",
    "time_hour",
    "route",
    "gained",
    "speed_mph",
];

/// The same, of a length that the compiler does not know: unrolled, what is done with each of them takes it ten minutes.
#[inline(never)]
fn columns() -> &'static [&'static str] {
    &COLUMNS
}

/// A value of any output.
#[derive(Hash)]
enum Value<'v> {
    Null,
    Integer(i64),
    /// Its bits.
    Real(u64),
    Text(&'v str),
}

/// A row, as far as it has been seen.
#[derive(Clone, Copy, Default)]
struct Row(u64);

impl Row {
    fn add(&mut self, value: &Value<'_>) {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        value.hash(&mut hasher);
        self.0 = hasher.finish();
    }
}

/// All rows, in no order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rows {
    rows: u64,
    sum: u64,
}

impl Rows {
    fn add(&mut self, row: Row) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(row.0);
    }
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [output, format] = args.as_slice() else { return Err("usage: digest OUTPUT FORMAT".into()) };
    let Rows { rows, sum } = rows(Path::new(output), format.parse()?)?;
    println!(r#"{{"rows":{rows},"digest":"{sum:016x}"}}"#);
    Ok(())
}

fn rows(output: &Path, format: Format) -> Result<Rows> {
    let mut rows = Rows::default();
    match format {
        Format::Parquet => parquet(output, &mut rows)?,
        Format::Jsonl => jsonl(BufReader::new(File::open(output)?), &mut rows)?,
        Format::Sqlite => sqlite(output, &mut rows)?,
        Format::Postgres => warehouse(&mut rows)?,
        Format::Csv => return Err("a CSV is not compared".into()),
    }
    Ok(rows)
}

/// A file, or the files in a folder that have the columns.
fn parquet(path: &Path, rows: &mut Rows) -> Result<()> {
    if path.is_dir() {
        for entry in path.read_dir()? {
            let path = entry?.path();
            if path.is_dir() || path.extension().is_some_and(|extension| extension == "parquet") {
                parquet(&path, rows)?;
            }
        }
        return Ok(());
    }
    // The types of Parquet, and not what an engine takes them for.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(File::open(path)?, options)?;
    if columns().iter().any(|name| reader.schema().index_of(name).is_err()) {
        return Ok(());
    }
    for batch in reader.with_batch_size(8192).build()? {
        for row in batch_rows(&batch?)? {
            rows.add(row);
        }
    }
    Ok(())
}

fn batch_rows(batch: &RecordBatch) -> Result<Vec<Row>> {
    let mut rows = vec![Row::default(); batch.num_rows()];
    for &name in columns() {
        let column = batch.column_by_name(name).ok_or_else(|| format!("no column {name}"))?;
        match column.data_type() {
            DataType::UInt8 => numbers::<UInt8Type>(column, &mut rows),
            DataType::UInt16 => numbers::<UInt16Type>(column, &mut rows),
            DataType::UInt32 => numbers::<UInt32Type>(column, &mut rows),
            DataType::Int32 => numbers::<Int32Type>(column, &mut rows),
            DataType::Int64 => numbers::<Int64Type>(column, &mut rows),
            DataType::Float64 => {
                let values = column.as_primitive::<Float64Type>().iter();
                each(&mut rows, values.map(|value| value.map_or(Value::Null, |value| Value::Real(value.to_bits()))));
            }
            DataType::Utf8 => each(&mut rows, column.as_string::<i32>().iter().map(|text| text.map_or(Value::Null, Value::Text))),
            other => return Err(format!("{name} is of type {other}").into()),
        }
    }
    Ok(rows)
}

fn numbers<A: ArrowPrimitiveType<Native: Into<i64>>>(column: &dyn Array, rows: &mut [Row]) {
    let values = column.as_primitive::<A>().iter();
    each(rows, values.map(|value| value.map_or(Value::Null, |value| Value::Integer(value.into()))));
}

fn each<'v>(rows: &mut [Row], values: impl Iterator<Item = Value<'v>>) {
    for (row, value) in rows.iter_mut().zip(values) {
        row.add(&value);
    }
}

fn jsonl(lines: impl BufRead, rows: &mut Rows) -> Result<()> {
    for line in lines.lines() {
        let line = line?;
        let object: BTreeMap<&str, serde_json::Value> = serde_json::from_str(&line)?;
        let mut row = Row::default();
        for &name in columns() {
            row.add(&match object.get(name).ok_or_else(|| format!("no {name} in {line}"))? {
                serde_json::Value::Null => Value::Null,
                serde_json::Value::String(text) => Value::Text(text),
                number => match number.as_i64() {
                    Some(integer) => Value::Integer(integer),
                    None => Value::Real(number.as_f64().ok_or_else(|| format!("{name} is {number}"))?.to_bits()),
                },
            });
        }
        rows.add(row);
    }
    Ok(())
}

fn sqlite(path: &Path, rows: &mut Rows) -> Result<()> {
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = database.prepare(&format!("SELECT {} FROM flights", columns().join(", ")))?;
    let mut answer = statement.query([])?;
    while let Some(found) = answer.next()? {
        let mut row = Row::default();
        for (at, &name) in columns().iter().enumerate() {
            row.add(&match found.get_ref(at)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(integer) => Value::Integer(integer),
                ValueRef::Real(real) => Value::Real(real.to_bits()),
                ValueRef::Text(text) => Value::Text(std::str::from_utf8(text)?),
                ValueRef::Blob(_) => return Err(format!("{name} is a blob").into()),
            });
        }
        rows.add(row);
    }
    Ok(())
}

/// The table of the server that is measured with.
fn warehouse(rows: &mut Rows) -> Result<()> {
    let mut client = bench_clean::warehouse::connect()?;
    // All numbers as the widest ones.
    let wanted = columns().iter().map(|name| match *name {
        "carrier" | "tailnum" | "origin" | "dest" | "route" | "speed_mph" => (*name).to_owned(),
        "time_hour" => r#"to_char(time_hour AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"#.to_owned(),
        number => format!("{number}::bigint"),
    });
    let wanted: Vec<_> = wanted.collect();
    let mut answer = client.query_raw::<_, &str, _>(&format!("SELECT {} FROM flights", wanted.join(", ")), [])?;
    while let Some(found) = answer.next()? {
        let mut row = Row::default();
        for (at, &name) in columns().iter().enumerate() {
            row.add(&match found.columns()[at].type_().name() {
                "int8" => found.get::<_, Option<i64>>(at).map_or(Value::Null, Value::Integer),
                "float8" => found.get::<_, Option<f64>>(at).map_or(Value::Null, |real| Value::Real(real.to_bits())),
                "text" => found.get::<_, Option<&str>>(at).map_or(Value::Null, Value::Text),
                other => return Err(format!("{name} is of type {other}").into()),
            });
        }
        rows.add(row);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flight with this distance.
    fn line(distance: &str) -> String {
        let value = |name: &&str| match *name {
            "distance" => distance.to_owned(),
            "route" => "\"JFK-BOS\"".to_owned(),
            "speed_mph" => "400.5".to_owned(),
            _ => "null".to_owned(),
        };
        format!("{{{}}}\n", COLUMNS.iter().map(|name| format!("\"{name}\":{}", value(name))).collect::<Vec<_>>().join(","))
    }

    fn of(lines: &[String]) -> Rows {
        let mut rows = Rows::default();
        jsonl(lines.concat().as_bytes(), &mut rows).unwrap();
        rows
    }

    #[test]
    fn the_order_of_rows_is_nothing_and_their_values_are_everything() {
        let (a, b, c) = (line("187"), line("188"), line("null"));
        assert_eq!(of(&[a.clone(), b.clone()]), of(&[b.clone(), a.clone()]));
        assert_ne!(of(&[a.clone(), b.clone()]), of(&[a.clone(), a.clone()]));
        assert_ne!(of(std::slice::from_ref(&a)), of(std::slice::from_ref(&c)));
        assert_eq!(of(&[a, b, c]).rows, 3);
        assert!(jsonl(&b"{\"year\":1}\n"[..], &mut Rows::default()).is_err());
    }

    #[test]
    fn a_database_holds_the_rows_that_lines_hold() {
        let path = std::env::temp_dir().join(format!("bench-clean-digest-{}.sqlite", std::process::id()));
        let database = Connection::open(&path).unwrap();
        database.execute_batch(&format!("CREATE TABLE flights ({})", columns().join(", "))).unwrap();
        database.execute_batch("INSERT INTO flights (distance, route, speed_mph) VALUES (187, 'JFK-BOS', 400.5)").unwrap();
        database.close().unwrap();
        let held = rows(&path, Format::Sqlite);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(held.unwrap(), of(&[line("187")]));
    }
}
