//! What is shipped: every record is a function of its number, and so is what must become of it.
//!
//! The programs under test never see this: they read the file that is written here.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The records `0..records`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freight {
    /// How many there are.
    pub records: u64,
}

/// What must become of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives, once.
    Loaded,
    /// A filter leaves it out.
    Filtered,
    /// It is a dead letter: a stage rejects it.
    Refused,
    /// It is a dead letter: it cannot be decoded.
    Malformed,
}

/// A record as it must arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub id: u64,
    /// The amount of the source, times three plus one.
    pub amount: i64,
    /// The note of the source, backwards.
    pub note: String,
    /// A sum over the others.
    pub stamp: i64,
}

impl Fate {
    /// Of record `id`.
    #[must_use]
    pub fn of(id: u64) -> Self {
        match id {
            id if id % 97 == 11 => Self::Malformed,
            id if id % 29 == 7 => Self::Refused,
            id if id % 13 == 4 => Self::Filtered,
            _ => Self::Loaded,
        }
    }

    /// Whether it is a dead letter.
    #[must_use]
    pub fn is_dead_letter(self) -> bool {
        matches!(self, Self::Refused | Self::Malformed)
    }
}

impl Freight {
    /// How many records arrive.
    #[must_use]
    pub fn loaded(self) -> u64 {
        (0..self.records).filter(|id| Fate::of(*id) == Fate::Loaded).count() as u64
    }

    /// Writes the file that the pipelines read.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::new(std::fs::File::create(path)?);
        writeln!(file, "id,kind,amount,note")?;
        for id in 0..self.records {
            writeln!(file, "{}", line(id))?;
        }
        file.flush()
    }
}

/// The line of record `id` in the source, without its end.
#[must_use]
pub fn line(id: u64) -> String {
    let kind = match Fate::of(id) {
        Fate::Loaded | Fate::Malformed => "keep",
        Fate::Filtered => "drop",
        Fate::Refused => "bad",
    };
    let amount = if Fate::of(id) == Fate::Malformed { "plenty".to_owned() } else { amount(id).to_string() };
    format!("{id},{kind},{amount},\"{}\"", note(id).replace('"', "\"\""))
}

/// Record `id` as it must arrive.
#[must_use]
pub fn row(id: u64) -> Row {
    let (amount, note) = (amount(id) * 3 + 1, note(id).chars().rev().collect::<String>());
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    for byte in [&id.to_le_bytes()[..], &amount.to_le_bytes(), note.as_bytes()].concat() {
        sum = (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    Row { id, amount, note, stamp: i64::try_from(sum >> 1).unwrap_or(i64::MAX) }
}

/// The rows of all records before `records`, for a judge: made once, since every round is judged by them.
pub fn with_rows<T>(records: u64, judge: impl FnOnce(&[Row]) -> T) -> T {
    static ROWS: Mutex<Vec<Row>> = Mutex::new(Vec::new());
    let mut rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
    let made = rows.len() as u64;
    rows.extend((made..records).map(row));
    judge(&rows)
}

fn amount(id: u64) -> i64 {
    i64::from(fastrand::Rng::with_seed(id).u32(..))
}

/// Between 8 and 70 characters, among them some that formats trip over.
fn note(id: u64) -> String {
    const LETTERS: [char; 16] = ['a', 'e', 'i', 'o', 'u', 'n', 'r', 's', 't', 'l', ' ', ',', '"', 'ü', '€', '\\'];
    let mut rng = fastrand::Rng::with_seed(!id);
    (0..rng.usize(8..70)).map(|_| LETTERS[rng.usize(..LETTERS.len())]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fate_is_there_and_a_record_is_the_same_whenever_it_is_asked_for() {
        let count = |fate| (0..1_000).filter(|id| Fate::of(*id) == fate).count();
        assert_eq!(count(Fate::Malformed), 11);
        assert_eq!(count(Fate::Refused), 35);
        assert_eq!(count(Fate::Filtered), 74);
        assert_eq!(Freight { records: 1_000 }.loaded(), 1_000 - 11 - 35 - 74);
        assert_eq!(row(5), row(5));
        assert_ne!(row(5).stamp, row(6).stamp);
    }

    #[test]
    fn the_file_is_csv_with_the_notes_as_they_are() {
        let file = tempfile::NamedTempFile::new().unwrap();
        Freight { records: 300 }.write(file.path()).unwrap();
        let lines: Vec<_> = csv::Reader::from_path(file.path()).unwrap().into_records().map(Result::unwrap).collect();
        assert_eq!(lines.len(), 300);
        for (id, line) in (0..).zip(&lines) {
            assert_eq!(line[0].parse(), Ok(id));
            assert_eq!(line[3].chars().rev().collect::<String>(), row(id).note);
        }
    }
}
