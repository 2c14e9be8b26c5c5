//! Finding PostgreSQL's programs, and running them as somebody who is not root.

use std::ffi::OsStr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;

/// What a server needs.
const NEEDED: [&str; 4] = ["initdb", "pg_ctl", "postgres", "psql"];

/// Where distributions put the programs, one directory for each version.
const VERSIONED: [&str; 2] = ["/usr/lib/postgresql", "/usr/pgsql"];

/// PostgreSQL's programs, and whom they run as.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    bin: PathBuf,
    /// Somebody else, where this process is root's: PostgreSQL refuses to be.
    user: Option<User>,
}

#[derive(Debug, Clone)]
struct User {
    name: &'static str,
    id: u32,
    group: u32,
}

impl Programs {
    /// Looks where they are.
    pub(crate) fn find() -> Result<Self> {
        let bin = directories().into_iter().find(|bin| NEEDED.iter().all(|name| bin.join(name).is_file())).ok_or_else(missing)?;
        let user = if number("-u", None)? == 0 { Some(User::find()?) } else { None };
        Ok(Self { bin, user })
    }

    /// A program, run as the right user.
    pub(crate) fn command(&self, name: &str) -> Command {
        let program = self.bin.join(name);
        let mut command = match &self.user {
            None => Command::new(program),
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.arg(format!("--reuid={}", user.id)).arg(format!("--regid={}", user.group)).arg("--clear-groups").arg(program);
                command
            }
        };
        // Settings of another server are not for this one.
        for name in ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGDATA", "PGSERVICE", "PGOPTIONS"] {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        command
    }

    /// Makes a directory theirs.
    pub(crate) fn own(&self, directory: &Path) -> Result<()> {
        let Some(user) = &self.user else { return Ok(()) };
        chown(directory, Some(user.id), Some(user.group))
            .map_err(|error| format!("cannot give {} to the user {}: {error}", directory.display(), user.name))
    }
}

impl User {
    /// Somebody who is not root and is there on most machines.
    fn find() -> Result<Self> {
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| Some(Self { name, id: number("-u", Some(name)).ok()?, group: number("-g", Some(name)).ok()? }))
            .ok_or_else(|| "PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`".to_owned())
    }
}

/// Directories that may hold the programs, the likeliest first and newer versions before older ones.
fn directories() -> Vec<PathBuf> {
    let asked = Command::new("pg_config").arg("--bindir").output().ok().map(|output| String::from_utf8_lossy(&output.stdout).trim().into());
    let mut versioned: Vec<(u32, PathBuf)> = VERSIONED
        .iter()
        .filter_map(|root| std::fs::read_dir(root).ok())
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((path.file_name()?.to_str()?.parse().ok()?, path.join("bin")))
        })
        .collect();
    versioned.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    let path = std::env::var_os("PATH").unwrap_or_default();
    asked.into_iter().chain(versioned.into_iter().map(|(_, bin)| bin)).chain(std::env::split_paths(&path)).collect()
}

fn missing() -> String {
    "PostgreSQL is not installed: `apt-get install postgresql` (Debian, Ubuntu), `dnf install postgresql-server` (Fedora) or \
     `brew install postgresql` installs it; as root on Debian, `cargo xtask test` does so itself"
        .to_owned()
}

/// Installs PostgreSQL with `apt-get` where it is missing and this process is root's.
///
/// # Errors
/// It is missing and cannot be installed here: what to install by hand.
pub fn install_if_missing() -> Result<()> {
    let Err(problem) = Programs::find() else { return Ok(()) };
    let apt_get = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        // The package would start a server of its own; at this runlevel it does not.
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1").stdin(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if number("-u", None)? != 0 || !apt_get(&["--version"]) {
        return Err(problem);
    }
    if !apt_get(&["update"]) || !apt_get(&["install", "--yes", "--no-install-recommends", "postgresql"]) {
        return Err(format!("apt-get could not install postgresql; {problem}"));
    }
    Programs::find().map(drop)
}

/// What `id` answers.
fn number(what: &str, user: Option<&str>) -> Result<u32> {
    let output = run(Command::new("id").arg(what).args(user))?;
    output.trim().parse().map_err(|_| format!("`id {what}` printed no number"))
}

/// Runs a program to its end and returns what it printed on stdout.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let name = match name.as_str() {
        "setpriv" => command.get_args().map(OsStr::to_string_lossy).find(|word| word.starts_with('/')).map_or(name, Into::into),
        _ => name,
    };
    let output = command.output().map_err(|error| format!("`{name}` could not be started: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [&output.stdout[..], &output.stderr].concat();
    Err(format!("`{name}` ended with {}:\n{}", output.status, String::from_utf8_lossy(&said)))
}
