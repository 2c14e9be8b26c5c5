//! Lists the legal twins of the wrong programs, each as a module of the test `twins`: all of them are
//! one compilation, and not one each.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let folder = Path::new(&var("CARGO_MANIFEST_DIR")).join("ui/pass");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut modules = String::new();
    for class in entries(&folder).into_iter().filter(|path| path.is_dir()) {
        println!("cargo::rerun-if-changed={}", class.display());
        for program in entries(&class).into_iter().filter(|path| path.extension().is_some_and(|found| found == "rs")) {
            // as text of Rust, so that a backslash in it stays one
            writeln!(modules, "#[path = {:?}]\nmod {}_{};", program.display().to_string(), name(&class), name(&program)).unwrap();
        }
    }
    std::fs::write(Path::new(&var("OUT_DIR")).join("twins.rs"), modules).unwrap();
}

fn var(name: &str) -> String {
    std::env::var(name).unwrap()
}

/// What is in a folder, in the order of the names.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}
