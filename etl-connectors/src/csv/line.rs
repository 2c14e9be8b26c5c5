//! One record as a source of fields.

use etl_core::record::Problem;
use etl_core::record::codec::FieldSource;

use super::fields::{Place, Split};
use super::number::{parse_bool, parse_f32, parse_f64, parse_i64, parse_u64, short_i64, short_u64};
use super::options::Nulls;
use crate::serde_rows::{Any, AnySource};

/// One record of the file, split, whose columns are numbered as a schema numbers them.
pub(super) struct Line<'a> {
    pub(super) split: Split<'a>,
    /// The field of each column; none has that number where the file lacks an optional column.
    pub(super) columns: &'a [u32],
    pub(super) nulls: &'a Nulls,
}

impl<'a> Line<'a> {
    /// Inlined everywhere, so that an optional column, which is asked twice, is looked up once.
    #[inline(always)]
    fn place(&self, column: usize) -> Option<Place> {
        let index = *self.columns.get(column)?;
        self.split.places.get(index as usize).copied()
    }

    #[inline(always)]
    fn field(&self, column: usize) -> Option<&'a [u8]> {
        self.place(column).map(|place| &self.split.bytes[place.range()])
    }

    /// A number or truth value. What stands for a missing value is called missing, not wrong.
    ///
    /// Kept out of the way of short numbers, which would save registers for it.
    #[inline(never)]
    fn parsed<T>(&self, column: usize, parse: impl FnOnce(&[u8]) -> Result<T, Problem>) -> Result<T, Problem> {
        let field = self.field(column).ok_or(Problem::Missing)?;
        parse(field).map_err(|problem| if self.nulls.contains(field) { Problem::Missing } else { problem })
    }
}

impl FieldSource for Line<'_> {
    #[inline(always)]
    fn null(&mut self, column: usize) -> bool {
        self.field(column).is_none_or(|field| self.nulls.contains(field))
    }

    fn boolean(&mut self, column: usize) -> Result<bool, Problem> {
        self.parsed(column, parse_bool)
    }

    #[inline]
    fn i64(&mut self, column: usize) -> Result<i64, Problem> {
        let short = self.place(column).and_then(|place| short_i64(self.split.bytes, place));
        short.map_or_else(|| self.parsed(column, parse_i64), Ok)
    }

    #[inline]
    fn u64(&mut self, column: usize) -> Result<u64, Problem> {
        let short = self.place(column).and_then(|place| short_u64(self.split.bytes, place));
        short.map_or_else(|| self.parsed(column, parse_u64), Ok)
    }

    fn f32(&mut self, column: usize) -> Result<f32, Problem> {
        self.parsed(column, parse_f32)
    }

    fn f64(&mut self, column: usize) -> Result<f64, Problem> {
        self.parsed(column, parse_f64)
    }

    #[inline]
    fn text(&mut self, column: usize) -> Result<&str, Problem> {
        let place = self.place(column).ok_or(Problem::Missing)?;
        match self.split.text.and_then(|text| text.get(place.range())) {
            Some(text) => Ok(text),
            None => std::str::from_utf8(&self.split.bytes[place.range()]).map_err(|_| Problem::NotUtf8),
        }
    }

    fn bytes(&mut self, column: usize) -> Result<&[u8], Problem> {
        self.field(column).ok_or(Problem::Missing)
    }
}

/// For types that take whatever stands there: a number if it looks like one.
impl AnySource for Line<'_> {
    fn any(&mut self, column: usize) -> Result<Any<'_>, Problem> {
        let Some(field) = self.field(column) else { return Ok(Any::Null) };
        if self.nulls.contains(field) {
            return Ok(Any::Null);
        }
        Ok(match field {
            b"true" => Any::Bool(true),
            b"false" => Any::Bool(false),
            _ => match (parse_u64(field), parse_i64(field), parse_f64(field)) {
                (Ok(value), ..) => Any::U64(value),
                (_, Ok(value), _) => Any::I64(value),
                (.., Ok(value)) => Any::F64(value),
                _ => Any::Text(std::str::from_utf8(field).map_err(|_| Problem::NotUtf8)?),
            },
        })
    }
}
