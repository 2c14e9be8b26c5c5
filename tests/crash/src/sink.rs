//! Reads what arrived, by means that are not the connectors'.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::ops::Range;
use std::path::Path;

use base64::Engine as _;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use rusqlite::OpenFlags;
use serde_json::Value;

use crate::Result;
use crate::freight::{self, Row};

/// The rows of table `items` in a SQLite database.
///
/// # Errors
/// The database cannot be read.
pub fn sqlite(path: &Path) -> Result<Vec<Row>> {
    let database = rusqlite::Connection::open(path)?;
    let mut rows = database.prepare("SELECT id, amount, note, stamp FROM items")?;
    let rows = rows.query_map([], sqlite_row)?.collect::<rusqlite::Result<_>>()?;
    let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if sound == "ok" { Ok(rows) } else { Err("the database is damaged".into()) }
}

/// What one reader sees at one moment: the rows, and the parts of the source that the ledger says are
/// there. `None` while there is no ledger, or while the database is locked.
#[must_use]
pub fn sqlite_snapshot(path: &Path) -> Option<(Vec<Row>, Vec<Range<u64>>)> {
    let mut database = rusqlite::Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    let moment = database.transaction().ok()?;
    let mut ledger = moment.prepare("SELECT start_pos, end_pos FROM _etl_ledger").ok()?;
    let range = |row: &rusqlite::Row<'_>| Ok(row.get::<_, i64>(0)?.cast_unsigned()..row.get::<_, i64>(1)?.cast_unsigned());
    let ranges = ledger.query_map([], range).ok()?.collect::<rusqlite::Result<_>>().ok()?;
    let mut rows = moment.prepare("SELECT id, amount, note, stamp FROM items").ok()?;
    let rows = rows.query_map([], sqlite_row).ok()?.collect::<rusqlite::Result<_>>().ok()?;
    Some((rows, ranges))
}

fn sqlite_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let id: i64 = row.get(0)?;
    Ok(Row { id: id.cast_unsigned(), amount: row.get(1)?, note: row.get(2)?, stamp: row.get(3)? })
}

/// How many rows table `items` has, without touching the files: the next run must find them as they
/// were left. `None` where there is no such table yet.
///
/// # Errors
/// The files cannot be copied.
pub fn sqlite_count(path: &Path) -> Result<Option<u64>> {
    let copy = tempfile::tempdir()?;
    for suffix in ["", "-journal", "-wal"] {
        let name = |directory: &Path, path: &Path| directory.join(format!("{}{suffix}", path.file_name().unwrap_or_default().display()));
        match fs::copy(name(path.parent().unwrap_or(path), path), name(copy.path(), path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    let database = rusqlite::Connection::open(copy.path().join(path.file_name().unwrap_or_default()))?;
    Ok(database.query_row("SELECT count(*) FROM items", [], |row| row.get::<_, i64>(0)).ok().map(i64::cast_unsigned))
}

/// The lines of a CSV file.
///
/// # Errors
/// It is no CSV file with our columns.
pub fn csv(path: &Path) -> Result<Vec<Row>> {
    let mut reader = csv::Reader::from_path(path)?;
    if reader.headers()? != ["id", "amount", "note", "stamp"].as_slice() {
        return Err("the CSV file has another header".into());
    }
    let row = |record: csv::Result<csv::StringRecord>| {
        let record = record?;
        Ok(Row { id: record[0].parse()?, amount: record[1].parse()?, note: record[2].to_owned(), stamp: record[3].parse()? })
    };
    reader.into_records().map(row).collect()
}

/// The lines of a file of JSON lines.
///
/// # Errors
/// A line is no object with our keys.
pub fn jsonl(read: impl io::Read) -> Result<Vec<Row>> {
    let row = |line: io::Result<String>| {
        let object: Value = serde_json::from_str(&line?)?;
        let row = || {
            Some(Row {
                id: object["id"].as_u64()?,
                amount: object["amount"].as_i64()?,
                note: object["note"].as_str()?.to_owned(),
                stamp: object["stamp"].as_i64()?,
            })
        };
        row().ok_or_else(|| "a JSON line has other keys".into())
    };
    BufReader::new(read).lines().map(row).collect()
}

/// The rows of a Parquet file.
///
/// # Errors
/// It is no Parquet file with our columns.
pub fn parquet(path: &Path) -> Result<Vec<Row>> {
    let reader = SerializedFileReader::new(File::open(path)?)?;
    let mut rows = Vec::new();
    for found in reader.get_row_iter(None)? {
        let mut row = Row { id: 0, amount: 0, note: String::new(), stamp: 0 };
        for (name, field) in found?.get_column_iter() {
            match (name.as_str(), field) {
                ("id", Field::ULong(id)) => row.id = *id,
                ("id", Field::Long(id)) => row.id = id.cast_unsigned(),
                ("amount", Field::Long(amount)) => row.amount = *amount,
                ("note", Field::Str(note)) => row.note.clone_from(note),
                ("stamp", Field::Long(stamp)) => row.stamp = *stamp,
                _ => return Err("the Parquet file has other columns".into()),
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

/// The rows of the Parquet files that the newest manifest of a directory lists.
///
/// # Errors
/// There is no manifest, or a file is missing or has another size than it says.
pub fn dataset(directory: &Path) -> Result<Vec<Row>> {
    let manifest = manifest(directory).ok_or("there is no manifest")?;
    let mut rows = Vec::new();
    for part in manifest["parts"].as_array().into_iter().flatten() {
        let path = directory.join(part["name"].as_str().unwrap_or_default());
        if Some(fs::metadata(&path)?.len()) != part["bytes"].as_u64() {
            return Err("a part has another size than the manifest says".into());
        }
        rows.extend(parquet(&path)?);
    }
    Ok(rows)
}

/// The newest manifest of a directory.
#[must_use]
pub fn manifest(directory: &Path) -> Option<Value> {
    let names = fs::read_dir(directory).ok()?.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let generation = |name: &String| name.strip_prefix("manifest-")?.strip_suffix(".json")?.parse::<u64>().ok();
    let newest = names.filter_map(|name| Some((generation(&name)?, name))).max()?;
    serde_json::from_slice(&fs::read(directory.join(newest.1)).ok()?).ok()
}

/// The files of a directory that its manifest does not know of.
///
/// # Errors
/// The directory cannot be read.
pub fn unlisted(directory: &Path) -> Result<Vec<String>> {
    let manifest = manifest(directory).unwrap_or_default();
    let listed = manifest["parts"].as_array().into_iter().flatten().filter_map(|part| part["name"].as_str());
    let listed: BTreeSet<&str> = listed.collect();
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !listed.contains(&*name) && !name.starts_with("manifest-") && !name.ends_with("lock") {
            names.push(format!("out/{name}"));
        }
    }
    Ok(names)
}

/// How many lines a file has; none where there is no file.
#[must_use]
pub fn lines(path: &Path) -> u64 {
    fs::read(path).map_or(0, |content| content.iter().filter(|byte| **byte == b'\n').count() as u64)
}

/// The lines of a text file, with tabs between the fields. A line that a kill has torn is none: its
/// record was not written.
///
/// # Errors
/// A line is neither a row nor the beginning of one of ours.
pub fn text(path: &Path) -> Result<Vec<Row>> {
    let row = |line: &str| -> Option<Row> {
        let mut fields = line.split('\t');
        let row = Row {
            id: fields.next()?.parse().ok()?,
            amount: fields.next()?.parse().ok()?,
            note: fields.next()?.to_owned(),
            stamp: fields.next()?.parse().ok()?,
        };
        (row.stamp == freight::row(row.id).stamp).then_some(row)
    };
    let mut rows = Vec::new();
    for line in String::from_utf8_lossy(&fs::read(path)?).lines() {
        match row(line) {
            Some(row) => rows.push(row),
            None if is_torn(line) => {}
            None => return Err("a line is none of ours".into()),
        }
    }
    Ok(rows)
}

/// Whether a line is only the beginning of one.
fn is_torn(line: &str) -> bool {
    let line = line.trim_end_matches(char::REPLACEMENT_CHARACTER);
    let (id, rest) = line.split_once('\t').unwrap_or((line, ""));
    let Ok(id) = id.parse() else { return line.is_empty() };
    let Row { amount, note, stamp, .. } = freight::row(id);
    format!("{amount}\t{note}\t{stamp}").starts_with(rest)
}

/// The numbers of the records in a file of dead letters; a missing file holds none.
///
/// # Errors
/// It cannot be read, or a line of it is no JSON.
pub fn dead_letters(path: &Path) -> Result<Vec<Option<u64>>> {
    let content = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        content => content?,
    };
    content.lines().map(|line| Ok(record_of(&serde_json::from_str(line)?))).collect()
}

/// The record of a dead letter: its place in the source and the bytes that it holds must agree.
fn record_of(letter: &Value) -> Option<u64> {
    let ordinal = letter["id"]["ordinal"].as_u64()?;
    let payload = base64::engine::general_purpose::STANDARD.decode(letter["payload"].as_str()?).ok()?;
    (payload.trim_ascii_end() == crate::freight::line(ordinal).as_bytes()).then_some(ordinal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_is_known_by_place_and_bytes() {
        let letter = |ordinal: u64, bytes: &str| {
            record_of(&serde_json::json!({
                "id": {"ordinal": ordinal},
                "payload": base64::engine::general_purpose::STANDARD.encode(bytes),
            }))
        };
        assert_eq!(letter(7, &freight::line(7)), Some(7));
        assert_eq!(letter(7, &(freight::line(7) + "\n")), Some(7));
        assert_eq!(letter(7, &freight::line(36)), None, "another record's bytes");
        assert_eq!(record_of(&Value::Null), None);
    }

    #[test]
    fn a_torn_line_is_no_row_and_a_garbled_one_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let line = |id| {
            let Row { id, amount, note, stamp } = freight::row(id);
            format!("{id}\t{amount}\t{note}\t{stamp}\n")
        };
        fs::write(file.path(), format!("{}{}\n1\n{}", line(1), &line(2)[..9], line(3))).unwrap();
        assert_eq!(text(file.path()).unwrap(), [freight::row(1), freight::row(3)]);
        fs::write(file.path(), format!("1{}", line(2))).unwrap();
        assert!(text(file.path()).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("torn");
        fs::write(&path, "id,amount,note,stamp\n1,2").unwrap();
        for read in [sqlite, csv, parquet, text] {
            assert!(read(&path).is_err());
        }
        assert!(jsonl(&b"{\"id\":1}\n"[..]).is_err());
        assert!(dead_letters(&path).is_err());
        assert_eq!(dead_letters(&directory.path().join("none")).unwrap(), []);
    }
}
