//! `cargo xtask editor`: what an editor says of the examples, in which everything is right.
//!
//! The tests hold what an editor lives on (the function is emitted first and as it was written, whatever is wrong); this asks a
//! real one. It is no part of the build, because rust-analyzer and the sources of the standard library are not everywhere.

use std::path::PathBuf;

use crate::step::{Result, command, output, run, step, works};

/// Runs rust-analyzer over the examples.
pub(crate) fn editor() -> Result<()> {
    if !works(command("rust-analyzer").arg("--version")) || !standard_library()?.is_dir() {
        return Err(
            "rust-analyzer or the sources of the standard library were not found: rustup component add rust-analyzer rust-src".into()
        );
    }
    step("rust-analyzer on the examples", || run(command("rust-analyzer").args(["diagnostics", "examples"])))
}

/// Where the component rust-src puts them.
fn standard_library() -> Result<PathBuf> {
    let sysroot = output(command("rustc").args(["--print", "sysroot"]))?;
    Ok(PathBuf::from(sysroot.trim()).join("lib/rustlib/src/rust/library"))
}
