//! The header of a file, and which of its fields is which column.

use std::path::Path;
use std::sync::Arc;

use etl_core::record::Column;
use etl_core::{Error, ErrorKind, Result};

use super::fields::Fields;
use super::options::Options;
use crate::files::Cut;

/// The columns of a file, and where those of the schema are among them.
#[derive(Debug)]
pub(super) struct Header {
    /// The names in the file.
    pub(super) names: Vec<Box<str>>,
    /// The field of each column of the schema; [`ABSENT`] where the file lacks an optional one.
    pub(super) columns: Vec<u32>,
}

/// No field has this number: records end long before.
const ABSENT: u32 = u32::MAX;

impl Header {
    /// Reads the header from the first record of the file at `path`. Without a schema every column
    /// is its own.
    pub(super) fn read(path: &Path, record: &[u8], options: &Options, schema: Option<&[Column]>) -> Result<Arc<Self>> {
        let fails = |what: String| Error::new(ErrorKind::Extraction, format!("{}: {what}", path.display()));
        if record.starts_with(b"\xFF\xFE") || record.starts_with(b"\xFE\xFF") {
            return Err(fails("the file is UTF-16".into()).hint("save it as UTF-8"));
        }
        let mut fields = Fields::new(record, options.delimiter, options.quote);
        let fields = fields.split(&Cut { bytes: record, text: None, range: 0..record.len() });
        let names = fields
            .places
            .iter()
            .enumerate()
            .map(|(index, place)| {
                let name = std::str::from_utf8(&fields.bytes[place.range()]);
                name.map(Box::from)
                    .map_err(|_| fails(format!("the header's column {} is not valid UTF-8", index + 1)).hint("save the file as UTF-8"))
            })
            .collect::<Result<Vec<Box<str>>>>()?;
        let columns = match schema {
            Some(schema) => bind(&names, schema, &fails)?,
            None => {
                let first_of = |(at, name)| names[..at].iter().position(|earlier| earlier == name).map(|first| (first, at));
                if let Some((first, second)) = names.iter().enumerate().find_map(first_of) {
                    // The first line may be a record, where a header was forgotten (I8).
                    let twice = format!("the header has the same name for columns {} and {}", first + 1, second + 1);
                    return Err(fails(twice).hint("rename one of them in the file; the first line must be a header"));
                }
                (0..names.len() as u32).collect()
            }
        };
        Ok(Arc::new(Self { names, columns }))
    }
}

fn bind(names: &[Box<str>], schema: &[Column], fails: &impl Fn(String) -> Error) -> Result<Vec<u32>> {
    let mut missing = Vec::new();
    let mut columns = Vec::with_capacity(schema.len());
    for column in schema {
        let mut found = names.iter().enumerate().filter(|(_, name)| ***name == *column.name).map(|(at, _)| at as u32);
        let first = found.next();
        if found.next().is_some() {
            return Err(fails(format!("the header has the column `{}` more than once", column.name)).hint("rename one of them in the file"));
        }
        if first.is_none() && !column.optional {
            missing.push(column.name);
        }
        columns.push(first.unwrap_or(ABSENT));
    }
    if missing.is_empty() {
        return Ok(columns);
    }
    let error = fails(format!("the header lacks {}", listed(&missing)));
    Err(if columns.iter().all(|column| *column == ABSENT) {
        // Nothing says that this is a header: a record is not quoted (I8).
        error
            .caused_by(format!("the first line has {} fields, none of which is the name of a column", names.len()))
            .hint("the first line must be a header; check it, and the delimiter")
    } else {
        error.caused_by(format!("it has {}", listed(&names.iter().map(|name| &**name).collect::<Vec<_>>()))).hint(
            "names are compared as they are, upper and lower case included; `#[record(rename = \"…\")]` gives a field another one, `#[record(default)]` lets it be absent",
        )
    })
}

/// Names for a message: not more than a screen of them, and none longer than a line.
fn listed(names: &[&str]) -> String {
    const MOST: usize = 30;
    let shown: Vec<_> =
        names.iter().take(MOST).map(|name| format!("`{}`", name.chars().take(60).collect::<String>().escape_debug())).collect();
    let more = names.len().saturating_sub(MOST);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}
