//! `dlq show`: single letters.
//!
//! A letter keeps its record as it is in the source. Where that is a JSON object its fields are shown,
//! the sensitive ones masked; what cannot be masked is printed only where the operator says `--raw` (I8).

use std::fmt::Write as _;

use super::choice::choose;
use super::masked::Columns;
use super::{Found, plural};
use crate::cli::args::ShowArgs;
use crate::cli::exit;
use crate::cli::host::Host;
use crate::cli::terminal::{escaped, escaped_record};
use crate::contract::error::Result;
use crate::contract::hex::hex;
use crate::delivery::dead_letters::{Encoding, Letter};
use crate::observe::progress::grouped;

pub(super) fn show(found: &Found, columns: &Columns, args: &ShowArgs, host: &mut Host<'_>) -> Result<u8> {
    let chosen = choose(&found.letters, &args.choice)?;
    let mut without = 0;
    for (place, letter) in chosen.iter().enumerate() {
        let payload = found.letters.payload(letter)?;
        without += usize::from(payload.is_none());
        let code = match (args.raw, payload) {
            (true, Some(record)) => host.data(&raw(record, host.shown)),
            (true, None) => exit::DONE,
            (false, record) => {
                let between = if place == 0 { "" } else { "\n" };
                host.data(format!("{between}{}", words(letter, columns, record.as_deref())).as_bytes())
            }
        };
        if code != exit::DONE {
            return Ok(code);
        }
    }
    if args.raw && without > 0 {
        host.say(&format!("{} kept no record: the source has no bytes, and the record no JSON\n", plural(without)));
    } else if !args.raw && without < chosen.len() {
        host.say("  next: `--raw` prints the records themselves; nothing in them is masked\n");
    }
    Ok(exit::DONE)
}

/// The record in a line of its own. To a file it goes as it is; a terminal would obey its control
/// characters.
fn raw(mut record: Vec<u8>, shown: bool) -> Vec<u8> {
    if shown {
        record = escaped_record(&record).into_bytes();
    }
    if !record.ends_with(b"\n") {
        record.push(b'\n');
    }
    record
}

fn words(letter: &Letter, columns: &Columns, record: Option<&[u8]>) -> String {
    let mut text = format!("letter {}\n", letter.id);
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:10}  {}", escaped(value));
    };
    row("record", &letter.position.to_string());
    row("stage", &letter.stage);
    row("reason", &letter.message);
    row("code", &format!("{} ({})", letter.code, letter.kind));
    if let Some(column) = &letter.column {
        row("column", column);
    }
    row("attempts", &letter.attempts.to_string());
    row("first seen", &letter.first_seen);
    if letter.last_seen != letter.first_seen {
        row("last seen", &letter.last_seen);
    }
    row("run", &letter.run_id);
    let kept = match (record, letter.encoding) {
        (Some(record), Encoding::Json) => format!("{} bytes of JSON", grouped(record.len() as u64)),
        (Some(record), _) => format!("{} bytes of the source", grouped(record.len() as u64)),
        (None, _) => "nothing of the record".to_owned(),
    };
    row("kept", &kept);
    if let Some(digest) = &letter.digest {
        row("sha256", &hex(digest));
    }
    if let Some(fields) = record.and_then(|record| columns.fields(record)) {
        let width = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        text.push_str("  fields\n");
        for (name, value) in fields {
            let _ = writeln!(text, "    {name:width$}  {value}");
        }
    }
    text
}
