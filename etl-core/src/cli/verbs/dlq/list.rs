//! `dlq list`: how many letters there are, by stage and reason. What the records hold stays in the file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::choice::fits;
use super::{Found, plural};
use crate::cli::args::ListArgs;
use crate::cli::host::Host;
use crate::cli::terminal::{escaped, table};
use crate::contract::hex::hex;
use crate::delivery::dead_letters::{Encoding, Letter};
use crate::observe::progress::grouped;

/// The version of the schema; raised when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// How much of an id is enough for people.
const SHORT_ID: usize = 12;

/// The schema of `dlq list --json`.
#[derive(Debug, Serialize)]
struct ListModel<'l> {
    version: u32,
    pipeline: &'l str,
    file: String,
    letters: usize,
    groups: Vec<GroupModel<'l>>,
    /// Those that were asked for by `--all` or `--limit`.
    each: Vec<LetterModel<'l>>,
}

/// Letters of one stage with one code.
#[derive(Debug, Serialize)]
struct GroupModel<'l> {
    stage: &'l str,
    code: &'l str,
    letters: usize,
    /// The reason of the first of them.
    message: &'l str,
    /// Whether others have other reasons.
    more_messages: bool,
    first_seen: &'l str,
    last_seen: &'l str,
}

#[derive(Debug, Serialize)]
struct LetterModel<'l> {
    id: String,
    stage: &'l str,
    kind: &'l str,
    code: &'l str,
    message: &'l str,
    column: Option<&'l str>,
    partition: &'l str,
    ordinal: u64,
    offset: Option<u64>,
    line: Option<u64>,
    attempts: u32,
    first_seen: &'l str,
    last_seen: &'l str,
    run_id: &'l str,
    payload_encoding: &'static str,
    payload_sha256: Option<String>,
}

pub(super) fn list(found: &Found, args: &ListArgs, host: &mut Host<'_>) -> u8 {
    let letters: Vec<_> = found.letters.all.iter().filter(|letter| fits(letter, &args.filter)).collect();
    let each = match (args.all, args.limit) {
        (true, _) => &letters[..],
        (false, limit) => &letters[letters.len().saturating_sub(limit.unwrap_or(0))..],
    };
    if args.json {
        let model = ListModel {
            version: VERSION,
            pipeline: found.pipeline,
            file: found.path.display().to_string(),
            letters: letters.len(),
            groups: groups(&letters),
            each: each.iter().map(|letter| letter_model(letter)).collect(),
        };
        return host.data((serde_json::to_string_pretty(&model).unwrap_or_default() + "\n").as_bytes());
    }
    let code = host.data(words(found, &letters, each).as_bytes());
    if !letters.is_empty() {
        let program = host.program.clone();
        let name = if each.is_empty() { format!("`{program} dlq list --all` names each; ") } else { String::new() };
        host.say(&format!("  next: {name}`dlq show`, `dlq replay` and `dlq discard` take ids, `--stage`, `--code` or `--all`\n"));
    }
    code
}

fn words(found: &Found, letters: &[&Letter], each: &[&Letter]) -> String {
    let place = found.path.display();
    if letters.is_empty() {
        return format!("{} has no dead letters in {place}\n", found.pipeline);
    }
    let mut text = format!("{} has {} in {place}\n\n", found.pipeline, plural(letters.len()));
    let groups = groups(letters);
    let rows: Vec<_> = groups
        .iter()
        .map(|group| {
            let count = grouped(group.letters as u64);
            vec![count, escaped(group.stage), escaped(group.code), escaped(group.first_seen), escaped(group.last_seen)]
        })
        .collect();
    let mut lines = table(&["letters", "stage", "code", "first seen", "last seen"], &[0], &rows).into_iter();
    let _ = writeln!(text, "{}", lines.next().unwrap_or_default());
    for (line, group) in lines.zip(&groups) {
        let more = if group.more_messages { ", and other reasons" } else { "" };
        let _ = writeln!(text, "{line}\n           {}{more}", escaped(group.message));
    }
    if !each.is_empty() {
        let rows: Vec<_> = each
            .iter()
            .map(|letter| {
                let mut id = letter.id.to_string();
                id.truncate(SHORT_ID);
                let record = escaped(&letter.position.to_string());
                vec![id, escaped(&letter.stage), escaped(&letter.code), letter.attempts.to_string(), escaped(&letter.last_seen), record]
            })
            .collect();
        text.push('\n');
        for line in table(&["id", "stage", "code", "attempts", "last seen", "record"], &[3], &rows) {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// The largest first.
fn groups<'l>(letters: &[&'l Letter]) -> Vec<GroupModel<'l>> {
    let mut groups = BTreeMap::<_, GroupModel<'l>>::new();
    for letter in letters {
        let group = groups.entry((&*letter.stage, &*letter.code)).or_insert_with(|| GroupModel {
            stage: &letter.stage,
            code: &letter.code,
            letters: 0,
            message: &letter.message,
            more_messages: false,
            first_seen: &letter.first_seen,
            last_seen: &letter.last_seen,
        });
        group.letters += 1;
        group.more_messages |= *letter.message != *group.message;
        group.first_seen = group.first_seen.min(&letter.first_seen);
        group.last_seen = group.last_seen.max(&letter.last_seen);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.letters));
    groups
}

fn letter_model(letter: &Letter) -> LetterModel<'_> {
    LetterModel {
        id: letter.id.to_string(),
        stage: &letter.stage,
        kind: &letter.kind,
        code: &letter.code,
        message: &letter.message,
        column: letter.column.as_deref(),
        partition: &letter.position.partition,
        ordinal: letter.position.ordinal,
        offset: letter.position.byte,
        line: letter.position.line,
        attempts: letter.attempts,
        first_seen: &letter.first_seen,
        last_seen: &letter.last_seen,
        run_id: &letter.run_id,
        payload_encoding: Encoding::as_str(letter.encoding),
        payload_sha256: letter.digest.as_ref().map(|digest| hex(digest)),
    }
}
