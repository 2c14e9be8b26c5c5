//! Reads the layers that the operator has: files, environment, flags.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::origin::Origin;
use super::problem::Problem;
use super::tree::{Leaf, Node, Written};

/// The variables of the process, or those of a test.
pub(crate) type Environment = BTreeMap<String, String>;

/// What every variable that sets something begins with.
pub(crate) const PREFIX: &str = "ETL__";

/// What the operator gave.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// The files, the strongest last.
    pub(crate) files: Vec<PathBuf>,
    /// The variables that set something.
    pub(crate) env: Environment,
    /// Flags with the keys that they set, the strongest last.
    pub(crate) flags: Vec<(&'static str, String, String)>,
}

/// Merges the layers.
pub(crate) fn collect(given: Given) -> Result<Node, Vec<Problem>> {
    let mut tree = Node::default();
    let mut problems = Vec::new();
    for (order, path) in given.files.iter().enumerate() {
        match file(path, order) {
            Ok(table) => tree.overlay(table),
            Err(problem) => problems.push(problem),
        }
    }
    for (name, value) in given.env {
        if let Some(key) = name.strip_prefix(PREFIX) {
            let key = key.to_ascii_lowercase();
            let origin = Origin::Env(name);
            match path_of(&key, "__") {
                Some(path) => tree.overlay(Node::at(&path, Leaf { written: Written::Text(value), origin })),
                None => problems.push(Problem::of(key, &origin, "is not a key; write `ETL__SETTING` or `ETL__STAGE__OPTION`")),
            }
        }
    }
    for (flag, key, value) in given.flags {
        let origin = Origin::Flag(flag);
        match path_of(&key, ".") {
            Some(path) => tree.overlay(Node::at(&path, Leaf { written: Written::Text(value), origin })),
            None => problems.push(Problem::of(key, &origin, "is not a key; write `--set setting=…` or `--set stage.option=…`")),
        }
    }
    if problems.is_empty() { Ok(tree) } else { Err(problems) }
}

fn path_of<'k>(key: &'k str, separator: &str) -> Option<Vec<&'k str>> {
    let path: Vec<_> = key.split(separator).map(str::trim).collect();
    path.iter().all(|part| !part.is_empty()).then_some(path)
}

fn file(path: &Path, order: usize) -> Result<Node, Problem> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Problem::new(format!("cannot read the configuration file {shown}: {error}"))
            .hint("it is named by `--config` or ETL_CONFIG, relative to the working directory")
    })?;
    let origin = Origin::File { order, path: shown.clone() };
    match toml::from_str::<toml::Table>(&text) {
        Ok(table) => Ok(Node::of_toml(toml::Value::Table(table), &origin)),
        Err(error) => Err(Problem::new(format!("{shown} is not TOML: {}", snippet(&text, &error)))),
    }
}

/// The place in the file, with a caret, as TOML's own errors show it. What stands behind the `=` is
/// left out, because it may be a secret, and so is a line inside a value (I8).
fn snippet(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().trim();
    let Some(span) = error.span() else { return message.to_owned() };
    let start = span.start.min(text.len());
    let before = text.get(..start).unwrap_or_default();
    let number = before.matches('\n').count() + 1;
    let from = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text[from..].lines().next().unwrap_or_default();
    let column = before[from..].chars().count();
    // Inside a text or a list of several lines, anything may look like a key or a heading.
    let inside_a_value = text[..from].parse::<toml::Table>().is_err();
    let (line, column, carets) = match line.find('=').filter(|_| !inside_a_value) {
        Some(equals) => {
            let key = &line[..=equals];
            let shown = key.chars().count() + 1;
            let inside = column < shown;
            let carets = if inside { text.get(span.clone()).map_or(1, |part| part.chars().count()).clamp(1, shown - column) } else { 3 };
            (format!("{key} ***"), if inside { column } else { shown }, carets)
        }
        // A line without a `=` is a heading, or the inside of a longer value.
        None if !inside_a_value && line.trim_start().starts_with('[') => (line.to_owned(), column, 1),
        None => ("***".to_owned(), 0, 3),
    };
    let gutter = " ".repeat(number.to_string().len());
    let mut shown = format!("line {number}, column {}\n", before[from..].chars().count() + 1);
    let _ = writeln!(shown, "{gutter} |");
    let _ = writeln!(shown, "{number} | {line}");
    let _ = writeln!(shown, "{gutter} | {}{}", " ".repeat(column), "^".repeat(carets));
    shown + message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str) -> String {
        snippet(text, &toml::from_str::<toml::Table>(text).unwrap_err())
    }

    #[test]
    fn i8_a_syntax_error_points_at_the_place_and_shows_no_value() {
        let text = broken("input = \"a.csv\"\ndatabase = postgres://user:hunter2@host/db\n");
        assert!(text.starts_with("line 2, column 12\n"), "{text}");
        assert!(text.contains("2 | database = ***\n  |            ^^^\n"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");

        for value in ["\"\"\"\nhunter2\n\\q\n\"\"\"", "\"\"\"\nhunter2=\\q\n\"\"\"", "\"\"\"\nhunter2=", "[\n[\"hunter2\" \"\"\n"] {
            let text = broken(&format!("key = {value}"));
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn a_broken_heading_is_shown() {
        let text = broken("[clean\nbatch = 1\n");
        assert!(text.contains("1 | [clean\n"), "{text}");
    }

    #[test]
    fn an_empty_key_is_refused_in_the_environment_and_in_flags() {
        let given = Given {
            env: Environment::from([("ETL____BATCH".to_owned(), "1".to_owned())]),
            flags: vec![("--set", "clean..batch".to_owned(), "1".to_owned())],
            ..Given::default()
        };
        assert_eq!(collect(given).unwrap_err().len(), 2);
    }
}
