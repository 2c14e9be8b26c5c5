//! Reads the settings of a pipeline from the merged tree, by serde and without a schema: serde says
//! which fields there are when it asks for the struct.
//!
//! Text (from the environment, from flags, and from strings of a file) is read as the type that is
//! asked for: `5` is a number for a `u16` and a text for a `String`, `a, b` is a list where a list is
//! asked for, `30s` a `Duration`. An empty text is `None` where an `Option` is asked for.
//!
//! serde stops at the first error. To report all of them, what failed is replaced by a stand-in and
//! the settings are read again; what comes out of that is thrown away.

mod access;
mod de;
mod error;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use self::de::De;
use self::error::{Kind, SettingError};
use super::origin::{Origin, Shown};
use super::problem::Problem;
use super::tree::Node;
use crate::contract::record::MASK;

/// More wrong settings than this are not listed one by one.
const MOST_PROBLEMS: usize = 50;

/// What became of the settings.
pub(super) struct Read<S> {
    pub(super) settings: Option<S>,
    pub(super) missing: Vec<String>,
    pub(super) problems: Vec<Problem>,
    pub(super) shown: Vec<Shown>,
}

/// Reads the settings. `reserved` are the names that settings cannot have.
pub(super) fn read<S: DeserializeOwned>(tree: &Node, reserved: &[&str]) -> Read<S> {
    let mut stand_ins = BTreeSet::new();
    let mut errors: Vec<SettingError> = Vec::new();
    loop {
        let pass = Pass { stand_ins, reserved, seen: RefCell::default(), secrets: RefCell::default(), problems: RefCell::default() };
        let result = S::deserialize(De::root(tree, &pass)).map_err(|error| error.within(""));
        let again = match &result {
            Ok(_) => false,
            Err(error) => {
                let path = error.path.as_deref().unwrap_or_default();
                // With stand-ins in place, an error of the whole may be about a stand-in.
                let believed = pass.stand_ins.is_empty() || !path.is_empty();
                believed && !pass.stand_ins.contains(path) && errors.len() < MOST_PROBLEMS
            }
        };
        let Pass { stand_ins: mut seen_stand_ins, seen, secrets, problems, .. } = pass;
        match result {
            Err(error) if again => {
                let path = error.path.clone().unwrap_or_default();
                errors.push(error);
                if !path.is_empty() {
                    seen_stand_ins.insert(path);
                    stand_ins = seen_stand_ins;
                    continue;
                }
            }
            Ok(settings) if errors.is_empty() && problems.borrow().is_empty() => {
                return Read { settings: Some(settings), missing: Vec::new(), problems: Vec::new(), shown: shown(seen.into_inner()) };
            }
            _ => {}
        }
        return failed(&errors, seen.into_inner(), &secrets.into_inner(), problems.into_inner());
    }
}

fn failed<S>(errors: &[SettingError], seen: Vec<Seen>, secrets: &[String], mut problems: Vec<Problem>) -> Read<S> {
    let is_missing = |error: &&SettingError| matches!(error.kind, Kind::Missing(_));
    let wrong: Vec<_> = errors.iter().filter(|error| !is_missing(error)).filter_map(|error| error.path.as_deref()).collect();
    // What stands in for a wrong struct is empty, but nothing of it is missing.
    let paths: Vec<_> = errors
        .iter()
        .filter(is_missing)
        .filter_map(|error| error.path.clone())
        .filter(|path| !wrong.iter().any(|wrong| is_below(path, wrong)))
        .collect();
    // A missing struct was read again with nothing in it; its own missing fields say more.
    let mut missing: Vec<_> = paths.iter().filter(|path| !paths.iter().any(|other| is_below(other, path))).cloned().collect();
    missing.sort_by_key(|path| seen.iter().position(|one| one.path == *path || is_below(path, &one.path)));
    let hide =
        |text: &str| secrets.iter().filter(|secret| !secret.is_empty()).fold(text.to_owned(), |text, secret| text.replace(secret, MASK));
    problems.extend(errors.iter().filter(|error| !is_missing(error)).map(|error| error.problem(hide)));
    Read { settings: None, shown: shown(seen), missing, problems }
}

/// What one reading of the settings saw.
struct Pass<'a> {
    stand_ins: BTreeSet<String>,
    reserved: &'a [&'a str],
    seen: RefCell<Vec<Seen>>,
    secrets: RefCell<Vec<String>>,
    problems: RefCell<Vec<Problem>>,
}

/// One setting that the pipeline has.
struct Seen {
    path: String,
    given: Option<(String, Origin)>,
    showing: Showing,
    /// Whether it is a struct, whose fields are shown instead.
    parent: bool,
}

/// Whether a value may be shown. Until its type is known, it may not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Showing {
    Unknown,
    Open,
    Hidden,
}

impl Pass<'_> {
    /// A setting exists; in the order in which the structs have them.
    fn saw(&self, path: &str, node: Option<&Node>) {
        let given = node.and_then(|node| {
            let origin = node.origin()?.clone();
            let value = node.leaf.as_ref().map_or_else(|| format!("{} keys", node.children.len()), super::tree::Leaf::shown);
            Some((value, origin))
        });
        let mut seen = self.seen.borrow_mut();
        if !seen.iter().any(|one| one.path == path) {
            seen.push(Seen { path: path.to_owned(), given, showing: Showing::Unknown, parent: false });
        }
    }

    /// The type of a setting is known, and with it whether the value is secret. Once hidden, it
    /// stays hidden, and so does everything that it is a part of.
    fn typed(&self, path: &str, secret: bool) {
        for one in self.seen.borrow_mut().iter_mut() {
            if secret && (one.path == path || is_below(path, &one.path)) {
                one.showing = Showing::Hidden;
            } else if one.path == path && one.showing == Showing::Unknown {
                one.showing = Showing::Open;
            }
        }
    }

    fn is_parent(&self, path: &str) {
        if let Some(one) = self.seen.borrow_mut().iter_mut().find(|one| one.path == path) {
            one.parent = true;
        }
    }
}

fn shown(seen: Vec<Seen>) -> Vec<Shown> {
    // What is inside the elements of a list is shown with the list.
    let alone = seen.into_iter().filter(|one| !one.parent && !one.path.contains('['));
    alone
        .map(|one| match one.given {
            Some((value, origin)) => {
                Shown { key: one.path, value: Some(if one.showing == Showing::Open { value } else { MASK.to_owned() }), origin }
            }
            None => Shown { key: one.path, value: None, origin: Origin::Default },
        })
        .collect()
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn is_below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.starts_with(['.', '[']))
}
