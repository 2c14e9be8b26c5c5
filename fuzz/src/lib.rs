//! What the targets have in common: a file that holds the input, and reading it to its end; values made of an
//! input.
//!
//! A target is a file in `fuzz_targets` and four lines in `Cargo.toml`; its corpus is the folder of its name in
//! `corpus`. `cargo xtask fuzz` runs them all. Decoders that no other crate sees are compiled into their target
//! from where they stand, by `#[path]`: nothing becomes public for the fuzzer's sake.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use etl_core::Error;
use etl_core::position::{Cursor, Position};
use etl_core::record::codec::{EachField, FieldSource};
use etl_core::record::{Column, ColumnType, Decode, Described, Encode, Field, FieldError, Record};
use etl_core::source::{Source, Wanted};
use futures::executor::block_on;

/// The same file for every input, in memory where there is such a place.
pub fn file(content: &[u8]) -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let path = PATH.get_or_init(|| place("file"));
    fs::write(path, content).expect("the file can be written");
    path
}

/// The same folder for every input, empty.
pub fn folder() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let path = PATH.get_or_init(|| place("folder"));
    let _not_there_at_first = fs::remove_dir_all(path);
    fs::create_dir(path).expect("the folder can be made");
    path
}

fn place(what: &str) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    directory.join(format!("etl-fuzz-{}-{what}", std::process::id()))
}

/// The files of a folder and of those in it, with what they hold.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let content = fs::read(&path).expect("a file can be read");
            found.insert(path, content);
        }
    }
    found
}

/// The check sum behind the lines that the engine writes for itself: the first half of the SHA-256.
pub fn sum(bytes: &[u8]) -> String {
    hex(&hmac_sha256::Hash::hash(bytes)[..16])
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Values off the front of an input; zeros and nothings once it is used up.
#[derive(Clone, Debug)]
pub struct Choices<'d>(pub &'d [u8]);

impl<'d> Choices<'d> {
    /// Whether something is left.
    pub fn more(&self) -> bool {
        !self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(u16::from_le_bytes([self.byte(), self.byte()])) % end
    }

    /// A small number, one of the largest, or any.
    pub fn number(&mut self) -> u64 {
        match self.byte() {
            kind @ 0..200 => u64::from(kind),
            kind @ 200..220 => u64::MAX - u64::from(kind - 200),
            kind @ 220..230 => i64::MAX as u64 - u64::from(kind - 220),
            _ => u64::from_le_bytes(std::array::from_fn(|_| self.byte())),
        }
    }

    /// A number, or none.
    pub fn maybe(&mut self) -> Option<u64> {
        self.flag().then(|| self.number())
    }

    /// Up to so many bytes.
    pub fn bytes(&mut self, most: usize) -> &'d [u8] {
        let length = self.below(most + 1).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }

    /// A text of up to so many bytes before what is no UTF-8 is replaced.
    pub fn text(&mut self, most: usize) -> String {
        String::from_utf8_lossy(self.bytes(most)).into_owned()
    }
}

/// The first bytes of an input choose how the rest is read.
pub fn choices<const N: usize>(data: &[u8]) -> Option<([u8; N], &[u8])> {
    let (first, rest) = data.split_first_chunk::<N>()?;
    Some((*first, rest))
}

/// Blocks and chunks of any size, small ones as often as large ones.
pub fn wanted(records: u8, blocks: u8) -> Wanted {
    Wanted::new(usize::from(records % 32) + 1, usize::from(blocks % 4) * 3_000 + 1)
}

/// One record of a source, good or not.
#[derive(Debug, PartialEq)]
pub struct Seen<T> {
    pub record: Result<T, &'static str>,
    pub position: Position,
    pub payload: Option<Vec<u8>>,
}

/// All records, and the place behind each chunk.
pub type All<T> = (Vec<Seen<T>>, Vec<Cursor>);

/// Reads a source to its end, from a place if one is given.
///
/// # Errors
/// Those of the source.
pub fn read<T: Record>(mut source: impl Source<Record = T>, from: Option<Cursor>, wanted: Wanted) -> Result<All<T>, Error> {
    if let Some(from) = from {
        block_on(source.seek(from))?;
    }
    let (mut all, mut ends) = (Vec::new(), Vec::new());
    while let Some(chunk) = block_on(source.read(wanted))? {
        let decoded = chunk.decode();
        let inputs = decoded.inputs.unwrap_or_else(|| (0..decoded.records.len() as u32).collect());
        let good = inputs.into_iter().zip(decoded.records.into_iter().map(Ok));
        let bad = decoded.malformed.iter().map(|malformed| (malformed.index, Err(malformed.code)));
        let mut records: Vec<_> = good.chain(bad).collect();
        records.sort_by_key(|(index, _)| *index);
        let count = records.len() as u32;
        assert!(count > 0, "a chunk has records");
        ends.push(decoded.origin.end(count));
        for (expected, (index, record)) in (0..).zip(records) {
            assert_eq!(index, expected, "every record of a chunk is decoded or malformed, and once");
            let payload = decoded.origin.payload(index).map(|bytes| bytes.into_owned());
            all.push(Seen { record, position: decoded.origin.position(index), payload });
        }
    }
    Ok((all, ends))
}

/// Three columns of bytes: what the splitting of fields comes to.
#[derive(Debug, PartialEq)]
pub struct Raw {
    pub fields: [Vec<u8>; 3],
}

/// Columns of several types: what binding and numbers come to.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct Typed {
    pub id: i64,
    pub name: String,
    pub price: Option<f64>,
}

const fn column(name: &'static str, column_type: ColumnType, nullable: bool) -> Column {
    Column { name, column_type, nullable, sensitive: false, optional: false }
}

impl Described for Raw {
    const SCHEMA: &'static [Column] =
        &[column("a", ColumnType::Bytes, false), column("b", ColumnType::Bytes, false), column("c", ColumnType::Bytes, false)];
}

impl Decode for Raw {
    fn decode<S: FieldSource>(source: &mut S) -> Result<Self, FieldError> {
        let mut one = |at: usize| Field::read(source, at).map_err(|problem| FieldError { column: Self::SCHEMA[at].name, problem });
        Ok(Self { fields: [one(0)?, one(1)?, one(2)?] })
    }
}

impl Described for Typed {
    const SCHEMA: &'static [Column] =
        &[column("id", ColumnType::I64, false), column("name", ColumnType::Text, false), column("price", ColumnType::F64, true)];
}

impl Decode for Typed {
    fn decode<S: FieldSource>(source: &mut S) -> Result<Self, FieldError> {
        let fails = |at: usize| move |problem| FieldError { column: Self::SCHEMA[at].name, problem };
        Ok(Self {
            id: Field::read(source, 0).map_err(fails(0))?,
            name: Field::read(source, 1).map_err(fails(1))?,
            price: Field::read(source, 2).map_err(fails(2))?,
        })
    }
}

impl Encode for Typed {
    fn fields<D: EachField<Self>>(doing: &mut D) -> Result<(), D::Error> {
        Field::each(doing, 0, |typed: &Self| &typed.id)?;
        Field::each(doing, 1, |typed: &Self| &typed.name)?;
        Field::each(doing, 2, |typed: &Self| &typed.price)
    }
}

impl Record for Raw {}
impl Record for Typed {}
