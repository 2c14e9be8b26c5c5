//! The compile-fail suite: what the macros say to a wrong program, in the compiler's own words.
//!
//! `cargo xtask bless` writes the expected texts anew. One mistake is one error, except in
//! `ui/several`, where the first line of a program says how many there are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[test]
fn each_mistake_gets_its_message() {
    let tests = trybuild::TestCases::new();
    tests.pass("ui/pass/*.rs");
    for class in classes() {
        tests.compile_fail(class.join("*.rs"));
    }
}

#[test]
fn one_mistake_is_one_error() {
    let mut wrong = Vec::new();
    for program in classes().iter().flat_map(|class| files(class, "rs")) {
        let source = std::fs::read_to_string(&program).unwrap();
        let wanted =
            source.lines().next().and_then(|line| line.split_once("errors: ")).map_or(1, |(_, number)| number.trim().parse().unwrap());
        let Ok(expected) = std::fs::read_to_string(program.with_extension("stderr")) else {
            wrong.push(format!("{}: has no .stderr", program.display()));
            continue;
        };
        let errors = distinct_errors(&expected);
        if errors != wanted {
            wrong.push(format!("{}: {errors} errors instead of {wanted}", program.display()));
        }
        for line in expected.lines().filter(|line| line.starts_with("warning")) {
            wrong.push(format!("{}: {line}", program.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How many errors a user of cargo sees: it prints once what the compiler says twice in the same words.
fn distinct_errors(expected: &str) -> usize {
    let mut errors: Vec<String> = Vec::new();
    for line in expected.lines() {
        if line.starts_with("error:") || line.starts_with("error[") || line.starts_with("warning:") {
            errors.push(String::new());
        }
        if let Some(error) = errors.last_mut() {
            error.push_str(line.trim_end());
            error.push('\n');
        }
    }
    errors.iter_mut().for_each(|error| error.truncate(error.trim_end().len()));
    errors.into_iter().collect::<BTreeSet<_>>().len()
}

/// The folders of programs that must not compile.
fn classes() -> Vec<PathBuf> {
    let mut classes: Vec<_> = std::fs::read_dir("ui").unwrap().map(|entry| entry.unwrap().path()).collect();
    classes.retain(|path| path.is_dir() && path.file_name().is_some_and(|name| name != "pass"));
    classes.sort();
    classes
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files.sort();
    files
}
