//! A proxy before a server that loses answers to commits.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::Result;
use crate::server::parent;

/// The socket in the directory that an address names.
const SOCKET: &str = ".s.PGSQL.5432";

/// A socket beside that of a server: what is said to it is said to the server.
#[derive(Debug)]
pub struct Proxy {
    directory: tempfile::TempDir,
    plan: Arc<Mutex<Plan>>,
}

/// Which answers are lost.
#[derive(Debug, Default)]
struct Plan {
    behind: u32,
    count: u32,
}

impl Plan {
    /// Whether that of the next commit is.
    fn loses(&mut self) -> bool {
        if self.behind > 0 {
            self.behind -= 1;
            return false;
        }
        let loses = self.count > 0;
        self.count = self.count.saturating_sub(1);
        loses
    }
}

impl Proxy {
    /// Before the server of a database's address.
    ///
    /// # Errors
    /// The address names no directory of a socket, or the socket cannot be made.
    pub fn before(url: &str) -> Result<Self> {
        let (_, host) = url.split_once("host=").ok_or("the address names no host")?;
        let server = PathBuf::from(host).join(SOCKET);
        let cannot = |error: io::Error| format!("cannot make a socket: {error}");
        let directory = tempfile::Builder::new().prefix("etl-pg-proxy-").tempdir_in(parent()).map_err(cannot)?;
        let listener = UnixListener::bind(directory.path().join(SOCKET)).map_err(cannot)?;
        let plan = Arc::default();
        let proxy = Self { directory, plan: Arc::clone(&plan) };
        // It ends with the process.
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(io::Result::ok) {
                let (server, plan) = (server.clone(), Arc::clone(&plan));
                std::thread::spawn(move || forward(client, &server, &plan));
            }
        });
        Ok(proxy)
    }

    /// The same database, through it.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        let (address, _) = url.split_once("host=").unwrap_or((url, ""));
        format!("{address}host={}", self.directory.path().display())
    }

    /// Behind the next `behind` commits, loses the answers to `count` more: the server does each, and the client finds its
    /// connection closed.
    pub fn lose_commits(&self, behind: u32, count: u32) {
        *self.plan() = Plan { behind, count };
    }

    /// How many answers are still to be lost.
    #[must_use]
    pub fn still_to_lose(&self) -> u32 {
        self.plan().count
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Passes on what is said in one connection, until an answer is to be lost.
fn forward(mut client: UnixStream, server: &Path, plan: &Mutex<Plan>) -> Option<()> {
    let mut server = UnixStream::connect(server).ok()?;
    let (mut answers, mut to_client) = (server.try_clone().ok()?, client.try_clone().ok()?);
    let is_mute = Arc::new(AtomicBool::new(false));
    let mute = Arc::clone(&is_mute);
    std::thread::spawn(move || {
        let mut said = vec![0; 1 << 16];
        while let Ok(count @ 1..) = answers.read(&mut said) {
            if !is_mute.load(Ordering::SeqCst) && to_client.write_all(&said[..count]).is_err() {
                break;
            }
        }
        let _closed = to_client.shutdown(Shutdown::Both);
    });
    let mut said = vec![0; 1 << 16];
    loop {
        let count = client.read(&mut said).ok().filter(|count| *count > 0)?;
        let is_commit = said[..count].windows(7).any(|window| window == b"COMMIT\0");
        if is_commit && plan.lock().unwrap_or_else(PoisonError::into_inner).loses() {
            mute.store(true, Ordering::SeqCst);
            server.write_all(&said[..count]).ok()?;
            // The server has time to do what it was told.
            std::thread::sleep(Duration::from_millis(100));
            return client.shutdown(Shutdown::Both).ok();
        }
        server.write_all(&said[..count]).ok()?;
    }
}
