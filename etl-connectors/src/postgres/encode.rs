//! Records in the form of `COPY … (FORMAT binary)`: nothing is allocated for a field.

use etl_core::Error;
use etl_core::record::codec::{Encode, FieldVisitor};

use super::errors::rejected;
use super::shape::Binding;
use super::{calendar, numeric};

/// What stands before the first row: the signature, no flags, no extension.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What stands behind the last.
pub(super) const TRAILER: &[u8] = &(-1i16).to_be_bytes();

/// No value and no row is longer than this. The protocol's lengths are of 32 bits: a longer one would
/// make messages out of data (RUSTSEC-2024-0363).
const LONGEST: usize = 256 << 20;

/// How a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Text,
    Bytes,
    Jsonb,
    Uuid,
    Date,
    Timestamp,
    TimestampTz,
}

/// Why a field cannot be written.
#[derive(Debug)]
pub(super) struct Misfit {
    column: usize,
    what: What,
}

#[derive(Debug)]
enum What {
    OutOfRange,
    NotOfForm,
    TooLong,
}

impl Misfit {
    /// The same in words, without the value.
    pub(super) fn explain(&self, binding: &Binding) -> Error {
        let column = binding.columns.get(self.column).map_or("", |name| name.as_str());
        let of = binding.shown.get(self.column).map_or("", String::as_str);
        let cause = match self.what {
            What::OutOfRange => format!("column \"{column}\": a number is out of the range of {of}"),
            What::NotOfForm => format!("column \"{column}\": a text is not in the form of {of}"),
            What::TooLong => format!("column \"{column}\": a value is longer than {} MiB", LONGEST >> 20),
        };
        rejected(format!("cannot copy into {}", binding.table), cause)
    }
}

/// Writes a record as one row. With a `place`, that is one more column, behind the others.
pub(super) fn row<T: Encode>(record: &T, forms: &[Form], place: Option<i64>, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let start = out.len();
    let columns = forms.len() + usize::from(place.is_some());
    out.extend_from_slice(&(columns as i16).to_be_bytes());
    record.encode(&mut Row { forms, out })?;
    if let Some(place) = place {
        fixed(out, place.to_be_bytes());
    }
    if out.len() - start > LONGEST {
        return Err(Misfit { column: 0, what: What::TooLong });
    }
    Ok(())
}

struct Row<'a> {
    forms: &'a [Form],
    out: &'a mut Vec<u8>,
}

/// A value whose length is known.
#[inline]
fn fixed<const N: usize>(out: &mut Vec<u8>, bytes: [u8; N]) {
    out.extend_from_slice(&(N as i32).to_be_bytes());
    out.extend_from_slice(&bytes);
}

impl Row<'_> {
    #[inline]
    fn form(&self, column: usize) -> Form {
        self.forms[column]
    }

    #[inline]
    fn whole<N>(&mut self, column: usize, value: N, decimal: impl FnOnce(&mut Vec<u8>)) -> Result<(), Misfit>
    where
        N: TryInto<i16> + TryInto<i32> + TryInto<i64>,
    {
        let out_of_range = Misfit { column, what: What::OutOfRange };
        match self.form(column) {
            Form::Int2 => fixed(self.out, TryInto::<i16>::try_into(value).map_err(|_| out_of_range)?.to_be_bytes()),
            Form::Int4 => fixed(self.out, TryInto::<i32>::try_into(value).map_err(|_| out_of_range)?.to_be_bytes()),
            Form::Int8 => fixed(self.out, TryInto::<i64>::try_into(value).map_err(|_| out_of_range)?.to_be_bytes()),
            // The binding lets only those fields come here that the column holds exactly.
            Form::Float4 => fixed(self.out, (TryInto::<i64>::try_into(value).map_err(|_| out_of_range)? as f32).to_be_bytes()),
            Form::Float8 => fixed(self.out, (TryInto::<i64>::try_into(value).map_err(|_| out_of_range)? as f64).to_be_bytes()),
            Form::Numeric => self.measured(decimal),
            _ => return Err(Misfit { column, what: What::NotOfForm }),
        }
        Ok(())
    }

    /// A value whose length is known when it is written.
    fn measured<R>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let start = self.out.len();
        self.out.extend_from_slice(&[0; 4]);
        let result = write(self.out);
        let length = (self.out.len() - start - 4) as i32;
        self.out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        result
    }

    #[inline]
    fn slice(&mut self, column: usize, prefix: &[u8], bytes: &[u8]) -> Result<(), Misfit> {
        if bytes.len() > LONGEST {
            return Err(Misfit { column, what: What::TooLong });
        }
        self.out.extend_from_slice(&((prefix.len() + bytes.len()) as i32).to_be_bytes());
        self.out.extend_from_slice(prefix);
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// A text in a column that keeps something else than text.
    fn parsed(&mut self, column: usize, form: Form, text: &str) -> Result<(), Misfit> {
        let not_of_form = Misfit { column, what: What::NotOfForm };
        match form {
            Form::Jsonb => return self.slice(column, &[1], text.as_bytes()),
            Form::Numeric => self.measured(|out| numeric::decimal(text, out)).ok_or(not_of_form)?,
            Form::Uuid => fixed(self.out, uuid(text).ok_or(not_of_form)?),
            Form::Date => fixed(self.out, calendar::date(text).ok_or(not_of_form)?.to_be_bytes()),
            Form::Timestamp => fixed(self.out, calendar::timestamp(text).ok_or(not_of_form)?.to_be_bytes()),
            Form::TimestampTz => fixed(self.out, calendar::timestamp_with_zone(text).ok_or(not_of_form)?.to_be_bytes()),
            _ => return Err(not_of_form),
        }
        Ok(())
    }
}

/// 32 hexadecimal digits, with hyphens or without.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let mut count = 0;
    for byte in text.bytes().filter(|byte| *byte != b'-') {
        let digit = (byte as char).to_digit(16)? as u8;
        *bytes.get_mut(count / 2)? |= digit << if count % 2 == 0 { 4 } else { 0 };
        count += 1;
    }
    (count == 32).then_some(bytes)
}

impl FieldVisitor for Row<'_> {
    type Error = Misfit;

    #[inline]
    fn null(&mut self, _column: usize) -> Result<(), Misfit> {
        self.out.extend_from_slice(&(-1i32).to_be_bytes());
        Ok(())
    }

    #[inline]
    fn boolean(&mut self, _column: usize, value: bool) -> Result<(), Misfit> {
        fixed(self.out, [u8::from(value)]);
        Ok(())
    }

    #[inline]
    fn i64(&mut self, column: usize, value: i64) -> Result<(), Misfit> {
        self.whole(column, value, |out| numeric::whole(value < 0, value.unsigned_abs(), out))
    }

    #[inline]
    fn u64(&mut self, column: usize, value: u64) -> Result<(), Misfit> {
        self.whole(column, value, |out| numeric::whole(false, value, out))
    }

    #[inline]
    fn f32(&mut self, column: usize, value: f32) -> Result<(), Misfit> {
        match self.form(column) {
            Form::Float4 => fixed(self.out, value.to_be_bytes()),
            _ => fixed(self.out, f64::from(value).to_be_bytes()),
        }
        Ok(())
    }

    #[inline]
    fn f64(&mut self, _column: usize, value: f64) -> Result<(), Misfit> {
        fixed(self.out, value.to_be_bytes());
        Ok(())
    }

    #[inline]
    fn text(&mut self, column: usize, value: &str) -> Result<(), Misfit> {
        match self.form(column) {
            Form::Text => self.slice(column, &[], value.as_bytes()),
            other => self.parsed(column, other, value),
        }
    }

    #[inline]
    fn bytes(&mut self, column: usize, value: &[u8]) -> Result<(), Misfit> {
        self.slice(column, &[], value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_for_a_message_never_becomes_one() {
        let mut out = Vec::new();
        let mut row = Row { forms: &[Form::Bytes], out: &mut out };
        let refused = row.bytes(0, &vec![0; LONGEST + 1]).unwrap_err();
        assert!(matches!(refused, Misfit { column: 0, what: What::TooLong }));
        assert!(out.is_empty());
    }

    #[test]
    fn a_uuid_has_32_digits() {
        let bytes = [0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00];
        assert_eq!(uuid("123e4567-e89b-12d3-a456-426614174000"), Some(bytes));
        assert_eq!(uuid("123E4567E89B12D3A456426614174000"), Some(bytes));
        for wrong in ["", "123e4567", "123e4567-e89b-12d3-a456-4266141740000", "123e4567-e89b-12d3-a456-42661417400g"] {
            assert_eq!(uuid(wrong), None);
        }
    }
}
