//! Which letters the operator means.

use std::collections::BTreeSet;

use crate::cli::args::{ChoiceArgs, FilterArgs};
use crate::cli::terminal::escaped;
use crate::contract::error::{Error, ErrorKind, Result};
use crate::delivery::dead_letters::{Encoding, Letter, LetterId, Letters};
use crate::delivery::selection::{Chosen, Selection};

/// How much of an id must be written.
const SHORTEST_ID: usize = 4;

/// How many sources an error names.
const NAMED: usize = 5;

/// The letters that are meant, in the order of the file: at least one.
///
/// # Errors
/// An id names none, or several; or nothing fits.
pub(super) fn choose<'l>(letters: &'l Letters, choice: &ChoiceArgs) -> Result<Vec<&'l Letter>> {
    let ids: BTreeSet<LetterId> = choice.ids.iter().map(|id| named(letters, id)).collect::<Result<_>>()?;
    let chosen: Vec<_> =
        letters.all.iter().filter(|letter| (ids.is_empty() || ids.contains(&letter.id)) && fits(letter, &choice.filter)).collect();
    if chosen.is_empty() {
        return Err(missing("no dead letter fits"));
    }
    Ok(chosen)
}

pub(super) fn fits(letter: &Letter, filter: &FilterArgs) -> bool {
    let is = |wanted: &Option<String>, text: &str| wanted.as_deref().is_none_or(|wanted| wanted == text);
    is(&filter.stage, &letter.stage) && is(&filter.code, &letter.code) && is(&filter.partition, &letter.position.partition)
}

/// The one id that begins so.
fn named(letters: &Letters, start: &str) -> Result<LetterId> {
    let start = start.to_ascii_lowercase();
    let shown = escaped(&start);
    if start.len() < SHORTEST_ID || !start.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(missing(format!(
            "`{shown}` is no id of a dead letter: an id is of hexadecimal digits, at least {SHORTEST_ID} of them"
        )));
    }
    let ids: BTreeSet<_> = letters.all.iter().map(|letter| letter.id).filter(|id| id.to_string().starts_with(&start)).collect();
    match ids.first() {
        Some(id) if ids.len() == 1 => Ok(*id),
        Some(_) => Err(missing(format!("{} dead letters have ids that begin with `{shown}`", ids.len()))),
        None => Err(missing(format!("no dead letter has an id that begins with `{shown}`"))),
    }
}

fn missing(text: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Other, text).hint("`dlq list` tells what is there, and `dlq list --all` each id")
}

/// The records of the letters, to be read again: of one part of the source, because a run has one.
///
/// # Errors
/// They are of several.
pub(super) fn selection(chosen: &[&Letter]) -> Result<Selection> {
    let partitions: BTreeSet<&str> = chosen.iter().map(|letter| &*letter.position.partition).collect();
    if partitions.len() > 1 {
        let names: Vec<_> = partitions.iter().take(NAMED).map(|name| escaped(name)).collect();
        let more = if partitions.len() > NAMED { ", …" } else { "" };
        return Err(Error::new(
            ErrorKind::Config,
            format!("the records are of {} sources, and a run reads one: {}{more}", partitions.len(), names.join(", ")),
        )
        .hint("replay one after the other by `--partition NAME`, each with the settings that name that source"));
    }
    let records = chosen.iter().map(|letter| {
        // The digest of a record as JSON is not that of bytes in the source.
        let digest = letter.digest.filter(|_| letter.encoding == Encoding::Source);
        let letters = vec![letter.id];
        (letter.position.ordinal, Chosen { letters, attempts: letter.attempts, first_seen: letter.first_seen.clone(), digest })
    });
    Selection::new(partitions.first().copied().unwrap_or_default(), records)
}
