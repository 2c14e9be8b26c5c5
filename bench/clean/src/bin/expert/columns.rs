//! Arrow columns, filled value by value, and encoded as Parquet while they are in the cache.

use std::sync::Arc;

use arrow_array::types::{Float64Type, Int32Type, UInt8Type, UInt16Type, UInt32Type};
use arrow_array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray, StringArray};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bench_clean::Result;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, compute_leaves};

use super::parse::{Row, Text};

/// Rows that the encoders are fed at a time.
const FEED: usize = 8192;

pub(crate) fn schema() -> SchemaRef {
    let field = |(name, data_type, nullable): (&str, DataType, bool)| Field::new(name, data_type, nullable);
    let fields = [
        ("year", DataType::UInt16, false),
        ("month", DataType::UInt8, false),
        ("day", DataType::UInt8, false),
        ("dep_time", DataType::UInt16, true),
        ("sched_dep_time", DataType::UInt16, false),
        ("dep_delay", DataType::Int32, true),
        ("arr_time", DataType::UInt16, true),
        ("sched_arr_time", DataType::UInt16, false),
        ("arr_delay", DataType::Int32, true),
        ("carrier", DataType::Utf8, false),
        ("flight", DataType::UInt32, false),
        ("tailnum", DataType::Utf8, true),
        ("origin", DataType::Utf8, false),
        ("dest", DataType::Utf8, false),
        ("air_time", DataType::UInt32, true),
        ("distance", DataType::Int32, false),
        ("hour", DataType::UInt8, false),
        ("minute", DataType::UInt8, false),
        ("time_hour", DataType::Utf8, false),
        ("route", DataType::Utf8, false),
        ("gained", DataType::Int32, true),
        ("speed_mph", DataType::Float64, true),
    ];
    Arc::new(Schema::new(fields.map(field).to_vec()))
}

/// Which values are there.
#[derive(Default)]
struct Validity {
    words: Vec<u64>,
    word: u64,
    length: usize,
}

impl Validity {
    #[inline(always)]
    fn push(&mut self, valid: bool) {
        self.word |= u64::from(valid) << (self.length % 64);
        self.length += 1;
        if self.length.is_multiple_of(64) {
            self.words.push(std::mem::take(&mut self.word));
        }
    }

    fn finish(&mut self) -> NullBuffer {
        self.words.push(std::mem::take(&mut self.word));
        let words = std::mem::replace(&mut self.words, Vec::with_capacity(FEED / 64 + 1));
        let length = std::mem::take(&mut self.length);
        NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(words), 0, length))
    }
}

struct Numbers<A: ArrowPrimitiveType>(Vec<A::Native>);

impl<A: ArrowPrimitiveType> Default for Numbers<A> {
    fn default() -> Self {
        Self(Vec::with_capacity(FEED))
    }
}

impl<A: ArrowPrimitiveType> Numbers<A> {
    #[inline(always)]
    fn push(&mut self, value: A::Native) {
        self.0.push(value);
    }

    fn take(&mut self, nulls: Option<NullBuffer>) -> ArrayRef {
        let values = std::mem::replace(&mut self.0, Vec::with_capacity(FEED));
        Arc::new(PrimitiveArray::<A>::new(ScalarBuffer::from(values), nulls))
    }
}

struct Optional<A: ArrowPrimitiveType>(Numbers<A>, Validity);

impl<A: ArrowPrimitiveType> Default for Optional<A> {
    fn default() -> Self {
        Self(Numbers::default(), Validity::default())
    }
}

impl<A: ArrowPrimitiveType> Optional<A> {
    #[inline(always)]
    fn push(&mut self, value: Option<A::Native>) {
        self.0.push(value.unwrap_or_default());
        self.1.push(value.is_some());
    }

    fn take(&mut self) -> ArrayRef {
        let nulls = self.1.finish();
        self.0.take(Some(nulls))
    }
}

struct Texts {
    offsets: Vec<i32>,
    bytes: Vec<u8>,
}

impl Default for Texts {
    fn default() -> Self {
        let mut offsets = Vec::with_capacity(FEED + 1);
        offsets.push(0);
        Self { offsets, bytes: Vec::with_capacity(FEED * 8) }
    }
}

impl Texts {
    #[inline(always)]
    fn append(&mut self, text: &[u8]) {
        const SHORT: usize = 32;
        if text.len() > SHORT {
            self.bytes.extend_from_slice(text);
            return;
        }
        self.bytes.reserve(SHORT);
        // SAFETY: there is room for as many bytes, and padding behind the text.
        unsafe {
            let end = self.bytes.as_mut_ptr().add(self.bytes.len());
            end.copy_from_nonoverlapping(text.as_ptr(), SHORT);
            self.bytes.set_len(self.bytes.len() + text.len());
        }
    }

    #[inline(always)]
    fn end(&mut self) {
        self.offsets.push(self.bytes.len() as i32);
    }

    #[inline(always)]
    fn push(&mut self, text: Text<'_>) {
        self.append(text.bytes());
        self.end();
    }

    fn take(&mut self, nulls: Option<NullBuffer>) -> ArrayRef {
        let Self { offsets, bytes } = std::mem::take(self);
        // A lease is less than 2 GiB.
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        // SAFETY: the texts were checked when they were read, and offsets are where they end.
        Arc::new(unsafe { StringArray::new_unchecked(offsets, Buffer::from_vec(bytes), nulls) })
    }
}

#[derive(Default)]
struct Fill {
    year: Numbers<UInt16Type>,
    month: Numbers<UInt8Type>,
    day: Numbers<UInt8Type>,
    dep_time: Optional<UInt16Type>,
    sched_dep_time: Numbers<UInt16Type>,
    dep_delay: Optional<Int32Type>,
    arr_time: Optional<UInt16Type>,
    sched_arr_time: Numbers<UInt16Type>,
    arr_delay: Optional<Int32Type>,
    carrier: Texts,
    flight: Numbers<UInt32Type>,
    tailnum: Texts,
    tailnum_valid: Validity,
    origin: Texts,
    dest: Texts,
    air_time: Optional<UInt32Type>,
    distance: Numbers<Int32Type>,
    hour: Numbers<UInt8Type>,
    minute: Numbers<UInt8Type>,
    time_hour: Texts,
    route: Texts,
    gained: Optional<Int32Type>,
    speed_mph: Optional<Float64Type>,
}

impl Fill {
    #[inline(always)]
    fn push(&mut self, row: &Row<'_>) {
        self.year.push(row.year);
        self.month.push(row.month);
        self.day.push(row.day);
        self.dep_time.push(row.dep_time);
        self.sched_dep_time.push(row.sched_dep_time);
        self.dep_delay.push(row.dep_delay);
        self.arr_time.push(row.arr_time);
        self.sched_arr_time.push(row.sched_arr_time);
        self.arr_delay.push(row.arr_delay);
        self.carrier.push(row.carrier);
        self.flight.push(row.flight);
        self.tailnum_valid.push(row.tailnum.is_some());
        match row.tailnum {
            Some(tailnum) => self.tailnum.push(tailnum),
            None => self.tailnum.end(),
        }
        self.origin.push(row.origin);
        self.dest.push(row.dest);
        self.air_time.push(row.air_time);
        self.distance.push(row.distance);
        self.hour.push(row.hour);
        self.minute.push(row.minute);
        self.time_hour.push(row.time_hour);
        self.route.append(row.origin.bytes());
        self.route.bytes.push(b'-');
        self.route.append(row.dest.bytes());
        self.route.end();
        self.gained.push(row.gained());
        self.speed_mph.push(row.speed_mph());
    }

    fn take(&mut self) -> [ArrayRef; 22] {
        let tailnum_valid = self.tailnum_valid.finish();
        [
            self.year.take(None),
            self.month.take(None),
            self.day.take(None),
            self.dep_time.take(),
            self.sched_dep_time.take(None),
            self.dep_delay.take(),
            self.arr_time.take(),
            self.sched_arr_time.take(None),
            self.arr_delay.take(),
            self.carrier.take(None),
            self.flight.take(None),
            self.tailnum.take(Some(tailnum_valid)),
            self.origin.take(None),
            self.dest.take(None),
            self.air_time.take(),
            self.distance.take(None),
            self.hour.take(None),
            self.minute.take(None),
            self.time_hour.take(None),
            self.route.take(None),
            self.gained.take(),
            self.speed_mph.take(),
        ]
    }
}

/// A row group that is being made.
pub(crate) struct Columns {
    schema: SchemaRef,
    writers: Vec<ArrowColumnWriter>,
    fill: Box<Fill>,
    rows: usize,
}

impl Columns {
    pub(crate) fn new(schema: SchemaRef, writers: Vec<ArrowColumnWriter>) -> Self {
        Self { schema, writers, fill: Box::default(), rows: 0 }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, row: &Row<'_>) -> Result<()> {
        self.fill.push(row);
        self.rows += 1;
        if self.rows == FEED { self.encode() } else { Ok(()) }
    }

    #[inline(never)]
    fn encode(&mut self) -> Result<()> {
        self.rows = 0;
        for ((array, field), writer) in self.fill.take().iter().zip(self.schema.fields()).zip(&mut self.writers) {
            for leaf in compute_leaves(field, array)? {
                writer.write(&leaf)?;
            }
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<Vec<ArrowColumnChunk>> {
        if self.rows > 0 {
            self.encode()?;
        }
        Ok(self.writers.into_iter().map(ArrowColumnWriter::close).collect::<Result<_, _>>()?)
    }
}
