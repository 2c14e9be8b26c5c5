//! The server that the tests of one run share.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::parent_id;
use std::path::Path;
use std::sync::OnceLock;

use crate::Result;
use crate::server::{Server, connection, new_database, parent};

/// The variable that names a running server to the tests.
pub const ENV: &str = "ETL_TEST_POSTGRES";

/// The address of a new empty database, on the server that [`ENV`] names or on one that is started here and ends with the run.
///
/// # Panics
/// There is no server and none can be started: a test that needs one has failed then, and is not skipped.
#[must_use]
pub fn database() -> String {
    static SERVER: OnceLock<Result<String>> = OnceLock::new();
    let server = SERVER.get_or_init(|| match std::env::var(ENV) {
        Ok(url) => Ok(url),
        Err(_) => shared(),
    });
    server.clone().and_then(|url| new_database(&url)).unwrap_or_else(|problem| panic!("{problem}"))
}

/// One server for all processes of a run: nextest gives each test its own.
fn shared() -> Result<String> {
    let (run, owner) = match std::env::var("NEXTEST_RUN_ID") {
        Ok(run) => (run, parent_id()),
        Err(_) => (String::new(), std::process::id()),
    };
    let name: String = run.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    let directory = parent().join(format!("etl-pg-run-{owner}-{name}"));
    let cannot = |error: std::io::Error| format!("cannot make {}: {error}", directory.display());
    let lock = File::create(directory.with_extension("lock")).map_err(cannot)?;
    lock.lock().map_err(cannot)?;
    if !directory.join("ready").exists() {
        start(&directory, owner)?;
    }
    Ok(connection(&directory, "postgres"))
}

fn start(directory: &Path, owner: u32) -> Result<()> {
    let cannot = |error: std::io::Error| format!("cannot make {}: {error}", directory.display());
    // Left over of a start that failed.
    let _nothing = std::fs::remove_dir_all(directory);
    DirBuilder::new().mode(0o700).create(directory).map_err(cannot)?;
    Server::start_in(directory.to_owned(), owner, false, &[])?;
    File::create(directory.join("ready")).map_err(cannot).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_starts_survives_a_crash_and_leaves_nothing() {
        let server = Server::start().expect("a server");
        let database = server.database().expect("a database");
        assert!(database.starts_with("postgresql:///t"), "{database}");
        server.crash().expect("a crash");
        assert!(server.database().is_err());
        server.resume().expect("a server again");
        server.database().expect("a database");
        let directory = server.socket_directory().to_owned();
        drop(server);
        assert!(!directory.exists());
    }

    #[test]
    fn tests_share_a_server_and_have_databases_of_their_own() {
        assert_ne!(database(), database());
    }
}
