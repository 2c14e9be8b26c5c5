//! Whether two builds give the same bytes: what the macros write must not depend on anything but the source.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::step::{Result, cargo, output, root};

/// The test that is compiled of more expansions than any other.
const SUBJECT: [&str; 4] = ["-p", "etl-tests", "--test", "twins"];

/// Builds the subject twice, each time from nothing, and compares the two programs byte by byte.
pub(crate) fn reproducible() -> Result<()> {
    let first = fs::read(build("first")?)?;
    let second = fs::read(build("second")?)?;
    if first != second {
        let at = first.iter().zip(&second).take_while(|(one, other)| one == other).count();
        return Err(format!("two builds of the same source differ, from byte {at} on").into());
    }
    println!("two builds of {} bytes are the same", first.len());
    Ok(())
}

/// Compiles the subject; `name` is where the compiler keeps what it knows of it, which is nothing yet.
fn build(name: &str) -> Result<PathBuf> {
    let known = target()?.join("reproducible").join(name);
    if known.exists() {
        fs::remove_dir_all(&known)?;
    }
    fs::create_dir_all(&known)?;
    let mut command = cargo(&["rustc", "--all-features", "--message-format", "json-render-diagnostics"]);
    command.args(SUBJECT).arg("--").arg("-C").arg(format!("incremental={}", known.display()));
    let messages = output(&mut command)?;
    fs::remove_dir_all(&known)?;
    let program = messages.lines().rev().find_map(program).ok_or("cargo named no program that it has built")?;
    let copy = known.with_extension("bin");
    fs::copy(program, &copy)?;
    Ok(copy)
}

/// The program that a message of cargo says was made.
fn program(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let named = message["target"]["name"] == SUBJECT[3];
    message["executable"].as_str().filter(|_| named).map(PathBuf::from)
}

/// Where cargo builds.
fn target() -> Result<PathBuf> {
    let metadata: Value = serde_json::from_str(&output(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?)?;
    Ok(metadata["target_directory"].as_str().map_or_else(|| root().join("target"), PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_in_the_messages_of_cargo() {
        let artifact = r#"{"reason":"compiler-artifact","target":{"name":"twins"},"executable":"/t/debug/deps/twins-1"}"#;
        assert_eq!(program(artifact), Some(PathBuf::from("/t/debug/deps/twins-1")));
        let library = r#"{"reason":"compiler-artifact","target":{"name":"etl_core"},"executable":null}"#;
        assert_eq!((program(library), program("no json")), (None, None));
    }
}
