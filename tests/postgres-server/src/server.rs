//! One server, from `initdb` to its end.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Result;
use crate::programs::{Programs, run};

/// Stops a server whose owner was killed, and removes its directory: `keeper OWNER DIRECTORY STOP…`.
const KEEPER: &str = r#"
owner=$1 directory=$2
shift 2
while kill -0 "$owner" 2>/dev/null && [ -d "$directory" ]; do sleep 0.5; done
if [ -d "$directory" ]; then
    "$@"
    rm -rf "$directory" "$directory.lock"
fi
"#;

/// A running PostgreSQL with its data in a temporary directory; stopped when it is dropped.
#[derive(Debug)]
pub struct Server {
    programs: Programs,
    directory: PathBuf,
    settings: Vec<String>,
    /// Whether it ends with this value.
    ours: bool,
}

impl Server {
    /// Starts one.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or does not start: what to do, or what it said.
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// The same with settings of `postgresql.conf`, such as `("max_wal_size", "4GB")`.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(settings: &[(&str, &str)]) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("etl-pg-")
            .tempdir_in(parent())
            .map_err(|error| format!("cannot make a temporary directory: {error}"))?
            .keep();
        Self::start_in(directory, std::process::id(), true, settings)
    }

    /// Starts one in a directory that is there and empty. It ends with the process `owner`, or with the value if it is `ours`.
    pub(crate) fn start_in(directory: PathBuf, owner: u32, ours: bool, settings: &[(&str, &str)]) -> Result<Self> {
        let programs = Programs::find()?;
        let settings = settings.iter().map(|(name, value)| format!("-c {name}={value}")).collect();
        let server = Self { programs, directory, settings, ours };
        server.programs.own(&server.directory)?;
        run(server
            .programs
            .command("initdb")
            .args(["--auth=trust", "--username=etl", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions", "-D"])
            .arg(server.data())
            .current_dir(&server.directory))?;
        server.resume()?;
        server.keep(owner)?;
        Ok(server)
    }

    /// Starts it again after [`crash`](Self::crash).
    ///
    /// # Errors
    /// It does not start: what it said.
    pub fn resume(&self) -> Result<()> {
        let options = format!("-k {} -c listen_addresses= -c fsync=on {}", self.directory.display(), self.settings.join(" "));
        run(self.pg_ctl(&["start", "-w", "-t", "60", "-l"]).arg(self.directory.join("log")).args(["-o", &options]))
            .map(drop)
            .map_err(|problem| format!("{problem}\n{}", self.log()))
    }

    /// Ends it as a loss of power to the process would: nothing is written that was not written yet.
    ///
    /// # Errors
    /// It was not running.
    pub fn crash(&self) -> Result<()> {
        run(&mut self.pg_ctl(&["stop", "-m", "immediate", "-w"])).map(drop)
    }

    /// The directory of its socket, `.s.PGSQL.5432`.
    #[must_use]
    pub fn socket_directory(&self) -> &Path {
        &self.directory
    }

    /// Where its database `postgres` is, for clients of any language.
    #[must_use]
    pub fn url(&self) -> String {
        connection(&self.directory, "postgres")
    }

    /// Makes a new empty database, and says where it is.
    ///
    /// # Errors
    /// The server is away.
    pub fn database(&self) -> Result<String> {
        new_database(&self.url())
    }

    /// The client, of the same version, that a statement can be given to.
    #[must_use]
    pub fn psql(&self, url: &str) -> Command {
        let mut psql = self.programs.command("psql");
        psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", url]).current_dir("/");
        psql
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Command {
        let mut command = self.programs.command("pg_ctl");
        command.arg("-D").arg(self.data()).args(arguments).current_dir(&self.directory);
        command
    }

    /// Starts the process that outlives the owner.
    fn keep(&self, owner: u32) -> Result<()> {
        let stop = self.pg_ctl(&["stop", "-m", "immediate", "-w"]);
        Command::new("sh")
            .args(["-c", KEEPER, "keeper", &owner.to_string()])
            .arg(&self.directory)
            .arg(stop.get_program())
            .args(stop.get_args())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A key that interrupts the tests does not interrupt it.
            .process_group(0)
            .spawn()
            .map(drop)
            .map_err(|error| format!("cannot start the keeper of a server: {error}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.ours {
            // It may have been stopped already; and what is left in a temporary directory is no reason to fail.
            let _stopped = self.crash();
            let _removed = std::fs::remove_dir_all(&self.directory);
        }
    }
}

/// Where the directories of servers are made: the path of a socket may have about a hundred bytes.
pub(crate) fn parent() -> PathBuf {
    let usual = std::env::temp_dir();
    if usual.as_os_str().len() <= 40 { usual } else { "/tmp".into() }
}

/// The address of a database of the server with this directory.
#[must_use]
pub fn connection(directory: &Path, database: &str) -> String {
    format!("postgresql:///{database}?user=etl&host={}", directory.display())
}

/// Makes a new empty database on the server of `url`, and says where it is.
///
/// # Errors
/// The server is away.
pub fn new_database(url: &str) -> Result<String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let (_, rest) = url.split_once("///").ok_or("the address of the server has no `///`")?;
    let (_, options) = rest.split_once('?').ok_or("the address of the server has no options")?;
    let create = format!("CREATE DATABASE {name}");
    run(Programs::find()?.command("psql").args(["--no-psqlrc", "--quiet", "--dbname", url, "--command", &create]).current_dir("/"))?;
    Ok(format!("postgresql:///{name}?{options}"))
}
