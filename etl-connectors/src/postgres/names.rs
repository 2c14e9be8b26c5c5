//! Names of tables and columns in statements: every one goes through [`Ident`].

use std::fmt;

use etl_core::{Error, ErrorKind, Result};

/// The longest name that a server keeps whole; it would cut a longer one off, to one that may be
/// another's.
const LONGEST: usize = 63;

/// A name as SQL writes it, whatever is in it. Its `Display` is quoted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ident(String);

impl Ident {
    /// A name, as it is in the catalog: letters keep their case.
    ///
    /// # Errors
    /// It is empty, longer than 63 bytes, or has a NUL in it ([`ErrorKind::Config`]).
    pub fn new(name: &str) -> Result<Self> {
        let problem = match name {
            "" => "is empty",
            _ if name.len() > LONGEST => "is longer than 63 bytes",
            _ if name.contains('\0') => "has a NUL in it",
            _ => return Ok(Self(name.to_owned())),
        };
        Err(Error::new(ErrorKind::Config, format!("the SQL name {name:?} {problem}")))
    }

    /// The name without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// A table's name, with its schema or without. Its `Display` is quoted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Table {
    schema: Option<Ident>,
    name: Ident,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => self.name.fmt(f),
        }
    }
}

/// What names a table: `"flights"`, looked for along the `search_path`, or `("raw", "flights")`. A dot
/// is a letter like any other.
pub trait IntoTable {
    /// The name.
    ///
    /// # Errors
    /// It cannot be one, see [`Ident::new`].
    fn into_table(self) -> Result<Table>;
}

impl IntoTable for &str {
    fn into_table(self) -> Result<Table> {
        Ok(Table { schema: None, name: Ident::new(self)? })
    }
}

impl IntoTable for (&str, &str) {
    fn into_table(self) -> Result<Table> {
        Ok(Table { schema: Some(Ident::new(self.0)?), name: Ident::new(self.1)? })
    }
}

impl IntoTable for &Table {
    fn into_table(self) -> Result<Table> {
        Ok(self.clone())
    }
}

/// Quoted names with commas between them.
pub(super) fn list(names: &[Ident]) -> String {
    names.iter().map(Ident::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_and_one_that_cannot_be_is_refused() {
        assert_eq!(Ident::new("a\"b; DROP TABLE x").unwrap().to_string(), "\"a\"\"b; DROP TABLE x\"");
        assert_eq!(("raw", "a.b").into_table().unwrap().to_string(), "\"raw\".\"a.b\"");
        for wrong in ["", "a\0b", &"x".repeat(64), &"\u{e4}".repeat(32)] {
            assert!(Ident::new(wrong).is_err(), "{wrong:?}");
        }
        assert!(Ident::new(&"x".repeat(63)).is_ok());
    }
}
