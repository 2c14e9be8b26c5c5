//! One record as a source of fields.

use etl_core::record::Problem;
use etl_core::record::codec::FieldSource;

use super::fields::Fields;
use super::number::{parse_bool, parse_f32, parse_f64, parse_i64, parse_u64};
use super::options::Nulls;
use crate::serde_rows::{Any, AnySource};

/// One record of the file, split, whose columns are numbered as a schema numbers them.
pub(super) struct Line<'a> {
    pub(super) record: &'a [u8],
    pub(super) fields: &'a Fields,
    /// The field of each column; `None` where the file lacks an optional one.
    pub(super) columns: &'a [Option<u32>],
    pub(super) nulls: &'a Nulls,
}

impl<'a> Line<'a> {
    #[inline]
    fn field(&self, column: usize) -> Option<&'a [u8]> {
        let index = (*self.columns.get(column)?)?;
        Some(self.fields.get(self.record, index as usize))
    }

    /// A number or truth value. What stands for a missing value is called missing, not wrong.
    #[inline]
    fn parsed<T>(&self, column: usize, parse: impl FnOnce(&[u8]) -> Result<T, Problem>) -> Result<T, Problem> {
        let field = self.field(column).ok_or(Problem::Missing)?;
        parse(field).map_err(|problem| if self.nulls.contains(field) { Problem::Missing } else { problem })
    }
}

impl FieldSource for Line<'_> {
    #[inline]
    fn null(&mut self, column: usize) -> bool {
        self.field(column).is_none_or(|field| self.nulls.contains(field))
    }

    fn boolean(&mut self, column: usize) -> Result<bool, Problem> {
        self.parsed(column, parse_bool)
    }

    #[inline]
    fn i64(&mut self, column: usize) -> Result<i64, Problem> {
        self.parsed(column, parse_i64)
    }

    #[inline]
    fn u64(&mut self, column: usize) -> Result<u64, Problem> {
        self.parsed(column, parse_u64)
    }

    fn f32(&mut self, column: usize) -> Result<f32, Problem> {
        self.parsed(column, parse_f32)
    }

    fn f64(&mut self, column: usize) -> Result<f64, Problem> {
        self.parsed(column, parse_f64)
    }

    #[inline]
    fn text(&mut self, column: usize) -> Result<&str, Problem> {
        std::str::from_utf8(self.field(column).ok_or(Problem::Missing)?).map_err(|_| Problem::NotUtf8)
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
