//! Named, timed steps and the commands that they run.

use std::error::Error;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

/// An error is a sentence for the contributor.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Runs one step: its name before, its time after, its name in the error.
pub(crate) fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("==> {name}");
    let start = Instant::now();
    let outcome = work();
    let seconds = start.elapsed().as_secs_f64();
    match outcome {
        Ok(()) => {
            println!("==> {name}: done in {seconds:.1} s");
            Ok(())
        }
        Err(problem) => {
            println!("==> {name}: failed after {seconds:.1} s");
            Err(format!("step `{name}` failed: {problem}").into())
        }
    }
}

/// The root of the workspace: commands run there, wherever `cargo xtask` was called.
///
/// Asked of cargo when this runs and not when it is compiled: two checkouts may share a target directory, and cargo
/// then takes the program that the other one compiled for its own.
pub(crate) fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let root = package.as_deref().and_then(Path::parent);
    root.unwrap_or(Path::new(".")).to_owned()
}

/// A command at the root, without input: nothing here may wait for a key.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// The cargo that runs this program.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(arguments);
    cargo
}

/// Runs a command to its end; anything but success is an error that says which command it was.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| not_started(command, &error))?;
    succeeded(command, status)
}

/// As [`run`], and returns what the command printed on stdout.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| not_started(command, &error))?;
    succeeded(command, output.status)?;
    Ok(String::from_utf8(output.stdout)?)
}

/// `rustc 1.95.0`, without the commit.
pub(crate) fn rustc_version() -> Result<String> {
    let version = output(command("rustc").arg("--version"))?;
    Ok(version.split(" (").next().unwrap_or_default().trim().to_owned())
}

/// Whether a command exists and succeeds, with nothing printed.
pub(crate) fn works(command: &mut Command) -> bool {
    let silent = command.stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    Err(format!("`{}` ended with {status}", line(command)).into())
}

fn not_started(command: &Command, error: &std::io::Error) -> String {
    format!("`{}` could not be started: {error}", line(command))
}

/// The command as one would type it.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let words = program.file_stem().into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
