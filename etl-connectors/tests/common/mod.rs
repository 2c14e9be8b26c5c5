//! Driving sources and targets by hand, and records to drive them with.
#![allow(dead_code, unused_macros, unused_imports, reason = "every test uses a part")]

use std::path::Path;
use std::sync::Arc;

use etl_core::Error;
use etl_core::position::Position;
use etl_core::record::Record;
use etl_core::source::{IntoSource, Malformed, Source, Wanted};
use etl_core::target::{Abandoned, Preparation, Target, Transaction};
use futures::executor::block_on;

/// Implements what `#[derive(Record)]` does.
macro_rules! record {
    ($type:ident { $($field:ident: $of:ty $(= $default:expr)?),* $(,)? }) => {
        impl etl_core::record::Described for $type {
            const SCHEMA: &'static [etl_core::record::Column] = &[$(etl_core::record::Column {
                name: stringify!($field),
                column_type: <$of as etl_core::record::Field>::TYPE,
                nullable: <$of as etl_core::record::Field>::NULLABLE,
                sensitive: <$of as etl_core::record::Field>::SENSITIVE,
                optional: record!(@optional $($default)?),
            }),*];
        }

        impl etl_core::record::Decode for $type {
            fn decode<S: etl_core::record::codec::FieldSource>(source: &mut S) -> Result<Self, etl_core::record::FieldError> {
                let mut column = 0..;
                Ok(Self { $($field: {
                    let at = column.next().unwrap();
                    record!(@read source, at, $of $(, $default)?)
                        .map_err(|problem| etl_core::record::FieldError { column: stringify!($field), problem })?
                }),* })
            }
        }

        impl etl_core::record::Encode for $type {
            fn fields<D: etl_core::record::codec::EachField<Self>>(doing: &mut D) -> Result<(), D::Error> {
                let mut column = 0..;
                $(<$of as etl_core::record::Field>::each(doing, column.next().unwrap(), |record: &Self| &record.$field)?;)*
                let _ = column;
                Ok(())
            }
        }

        impl etl_core::record::Record for $type {}
    };
    (@optional) => { false };
    (@optional $default:expr) => { true };
    (@read $source:ident, $at:ident, $of:ty) => { <$of as etl_core::record::Field>::read($source, $at) };
    (@read $source:ident, $at:ident, $of:ty, $default:expr) => {
        if $source.null($at) { Ok($default) } else { <$of as etl_core::record::Field>::read($source, $at) }
    };
}
pub(crate) use record;

/// Everything that a source yields.
#[derive(Debug)]
pub(crate) struct All<T> {
    pub(crate) records: Vec<T>,
    /// Where each of them came from, and its bytes.
    pub(crate) origins: Vec<(Position, Option<Vec<u8>>)>,
    pub(crate) malformed: Vec<(Position, Malformed, Option<Vec<u8>>)>,
    pub(crate) chunks: usize,
    pub(crate) source_bytes: u64,
}

impl<T> All<T> {
    /// The codes of the malformed records, with the lines on which they start.
    pub(crate) fn codes(&self) -> Vec<(&'static str, u64)> {
        self.malformed.iter().map(|(position, malformed, _)| (malformed.code, position.line.unwrap_or(position.ordinal))).collect()
    }
}

pub(crate) const WANTED: Wanted = Wanted::new(1_000, 1 << 20);

/// Reads a source to its end and decodes every chunk, each into the memory of the one before.
pub(crate) fn drive<T: Record>(source: impl Source<Record = T>, wanted: Wanted) -> Result<All<T>, Error> {
    let mut source = source;
    block_on(source.validate())?;
    let mut all = All { records: Vec::new(), origins: Vec::new(), malformed: Vec::new(), chunks: 0, source_bytes: 0 };
    let mut room = Vec::new();
    while let Some(chunk) = block_on(source.read(wanted))? {
        all.chunks += 1;
        all.source_bytes += chunk.source_bytes();
        let mut decoded = chunk.decode_into(room);
        let count = decoded.records.len();
        let inputs = decoded.inputs.unwrap_or_else(|| (0..count as u32).collect());
        assert_eq!(inputs.len(), count);
        let of = |index: u32| (decoded.origin.position(index), decoded.origin.payload(index).map(|bytes| bytes.into_owned()));
        all.origins.extend(inputs.iter().map(|index| of(*index)));
        let mut seen: Vec<u32> = inputs.iter().copied().chain(decoded.malformed.iter().map(|malformed| malformed.index)).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..seen.len() as u32).collect::<Vec<_>>(), "every record of a chunk is decoded or malformed");
        all.records.append(&mut decoded.records);
        room = decoded.records;
        for malformed in decoded.malformed {
            let (position, payload) = of(malformed.index);
            all.malformed.push((position, malformed, payload));
        }
    }
    assert!(block_on(source.read(wanted))?.is_none(), "the end stays the end");
    let mut ordinals: Vec<u64> = all
        .origins
        .iter()
        .map(|(position, _)| position.ordinal)
        .chain(all.malformed.iter().map(|(position, ..)| position.ordinal))
        .collect();
    ordinals.sort_unstable();
    assert_eq!(ordinals, (0..ordinals.len() as u64).collect::<Vec<_>>(), "ordinals are without gaps");
    Ok(all)
}

/// Prepares a target and connects to it.
pub(crate) fn connected<T: Target>(target: &T, replace: bool) -> Result<T::Connection, Error> {
    block_on(async {
        target.prepare(Preparation::new(replace, false)).await?;
        target.connect().await
    })
}

/// Begins a transaction.
pub(crate) fn begin<'c, T: Target>(_target: &T, connection: &'c mut T::Connection) -> T::Transaction<'c> {
    block_on(T::begin(connection)).unwrap()
}

pub(crate) fn commit(transaction: impl Transaction) {
    block_on(transaction.commit()).unwrap();
}

pub(crate) fn publish<T: Target>(target: &T, connection: T::Connection) {
    block_on(target.publish(connection)).unwrap();
}

/// Writes batches, a transaction each, and publishes.
macro_rules! written {
    ($target:expr, $batches:expr) => {{
        let target = $target;
        let mut connection = common::connected(&target, false).unwrap();
        for batch in $batches {
            let mut writer = common::begin(&target, &mut connection);
            writer.write(batch).unwrap();
            common::commit(writer);
        }
        common::publish(&target, connection);
    }};
}
pub(crate) use written;

/// Names of the files in a directory, hidden ones included.
pub(crate) fn listing(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// One field of every type.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Everything {
    pub(crate) truth: bool,
    pub(crate) tiny: i8,
    pub(crate) small: i16,
    pub(crate) medium: i32,
    pub(crate) large: i64,
    pub(crate) utiny: u8,
    pub(crate) usmall: u16,
    pub(crate) umedium: u32,
    pub(crate) ularge: u64,
    pub(crate) single: f32,
    pub(crate) double: f64,
    pub(crate) text: String,
    pub(crate) compact: compact_str::CompactString,
    pub(crate) maybe_truth: Option<bool>,
    pub(crate) maybe_number: Option<i64>,
    pub(crate) maybe_double: Option<f64>,
    pub(crate) maybe_text: Option<String>,
    pub(crate) hidden: etl_core::record::Sensitive<String>,
}

record!(Everything {
    truth: bool,
    tiny: i8,
    small: i16,
    medium: i32,
    large: i64,
    utiny: u8,
    usmall: u16,
    umedium: u32,
    ularge: u64,
    single: f32,
    double: f64,
    text: String,
    compact: compact_str::CompactString,
    maybe_truth: Option<bool>,
    maybe_number: Option<i64>,
    maybe_double: Option<f64>,
    maybe_text: Option<String>,
    hidden: etl_core::record::Sensitive<String>,
});

/// Bytes, which not every format has.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Blobs {
    pub(crate) id: i64,
    pub(crate) blob: Vec<u8>,
    pub(crate) maybe_blob: Option<Vec<u8>>,
}

record!(Blobs { id: i64, blob: Vec<u8>, maybe_blob: Option<Vec<u8>> });

/// A record of which most tests need no more.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Item {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) price: Option<f64>,
}

record!(Item { id: i64, name: String, price: Option<f64> });

pub(crate) fn item(id: i64, name: &str, price: Option<f64>) -> Item {
    Item { id, name: name.into(), price }
}

/// Random records; floats are finite, and no optional text is empty, because CSV cannot tell it
/// from a missing one.
pub(crate) fn everything() -> impl proptest::strategy::Strategy<Value = Everything> {
    use proptest::prelude::*;
    let text = || proptest::string::string_regex("[\\x00-\\x7F\u{e4}\u{1F600}]{0,12}").unwrap();
    let some_text = || proptest::string::string_regex("[ -~\n\r\u{e4}]{1,40}").unwrap();
    let finite32 = any::<f32>().prop_map(|x| if x.is_finite() { x } else { 0.5 });
    let finite64 = || any::<f64>().prop_map(|x| if x.is_finite() { x } else { 0.25 });
    (
        (any::<bool>(), any::<i8>(), any::<i16>(), any::<i32>(), any::<i64>()),
        (any::<u8>(), any::<u16>(), any::<u32>(), 0..=i64::MAX as u64),
        (finite32, finite64(), text(), text()),
        (any::<Option<bool>>(), any::<Option<i64>>(), proptest::option::of(finite64()), proptest::option::of(some_text()), text()),
    )
        .prop_map(|(a, b, c, d)| Everything {
            truth: a.0,
            tiny: a.1,
            small: a.2,
            medium: a.3,
            large: a.4,
            utiny: b.0,
            usmall: b.1,
            umedium: b.2,
            ularge: b.3,
            single: c.0,
            double: c.1,
            text: c.2,
            compact: c.3.into(),
            maybe_truth: d.0,
            maybe_number: d.1,
            maybe_double: d.2,
            maybe_text: d.3,
            hidden: d.4.into(),
        })
}
