//! The connection to the server is cut after so many bytes, of what the run says or of what the server
//! answers, also in the middle of the answer to a commit.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Result;
use crate::class::{Class, Place};
use crate::outcome::Outcome;
use crate::voyage::PATIENCE;
use crate::yard::Yard;

/// The socket in the directory that an address names.
const SOCKET: &str = ".s.PGSQL.5432";

/// The exit codes by which a run says that its target has gone.
const GONE: [i32; 2] = [75, 1];

/// Who says the last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// The run.
    Run,
    /// The server.
    Server,
}

/// A socket before that of the server.
#[derive(Debug)]
pub struct Proxy {
    directory: tempfile::TempDir,
    line: Arc<Mutex<Line>>,
}

/// What has gone through, and when it is cut.
#[derive(Debug, Default)]
struct Line {
    /// How many bytes each side has said.
    said: [u64; 2],
    /// Where in it commits and the answers to them are.
    commits: [Vec<u64>; 2],
    cut: Option<(Says, u64)>,
    was_cut: bool,
}

impl Line {
    /// Takes what one side says; how much of it still goes through, if not all.
    fn passes(&mut self, says: Says, bytes: &[u8]) -> Option<usize> {
        let said = self.said[says as usize];
        self.said[says as usize] += bytes.len() as u64;
        let commits = bytes.windows(7).enumerate().filter(|(_, window)| *window == b"COMMIT\0");
        self.commits[says as usize].extend(commits.map(|(at, _)| said + at as u64));
        match self.cut {
            Some((side, at)) if side == says && at < said + bytes.len() as u64 => {
                // Once: another connection may go through.
                (self.cut, self.was_cut) = (None, true);
                Some(usize::try_from(at.saturating_sub(said)).unwrap_or(usize::MAX))
            }
            _ => None,
        }
    }
}

impl Proxy {
    /// Before the socket in `directory`.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn before(directory: &Path) -> Result<Self> {
        let server = directory.join(SOCKET);
        // The path of a socket may have about a hundred bytes.
        let directory = tempfile::Builder::new().prefix("etl-cut-").tempdir_in("/tmp")?;
        let listener = UnixListener::bind(directory.path().join(SOCKET))?;
        let line = Arc::default();
        let proxy = Self { directory, line: Arc::clone(&line) };
        // It ends when its directory is gone and somebody knocks once more.
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(std::io::Result::ok) {
                if Arc::strong_count(&line) == 1 {
                    break;
                }
                let _gone = connect(client, &server, &line);
            }
        });
        Ok(proxy)
    }

    /// The same database, through it.
    #[must_use]
    pub fn address(&self, url: &str) -> String {
        let (database, _) = url.split_once("host=").unwrap_or((url, ""));
        format!("{database}host={}", self.directory.path().display())
    }

    /// Cuts once, after byte `at` of what `says` says from now on.
    pub fn cut(&self, says: Says, at: u64) {
        *self.line() = Line { cut: Some((says, at)), ..Line::default() };
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let knock: PathBuf = self.directory.path().join(SOCKET);
        self.line = Arc::default();
        let _nobody_there = UnixStream::connect(knock);
    }
}

/// Passes on what is said in one connection, in both directions.
fn connect(client: UnixStream, server: &Path, line: &Arc<Mutex<Line>>) -> std::io::Result<()> {
    let server = UnixStream::connect(server)?;
    for (says, from, to) in [(Says::Run, client.try_clone()?, server.try_clone()?), (Says::Server, server, client)] {
        let line = Arc::clone(line);
        std::thread::spawn(move || pass(says, from, to, &line));
    }
    Ok(())
}

fn pass(says: Says, mut from: UnixStream, mut to: UnixStream, line: &Mutex<Line>) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        let cut = line.lock().unwrap_or_else(PoisonError::into_inner).passes(says, &bytes[..count]);
        let written = to.write_all(&bytes[..cut.unwrap_or(count)]);
        if cut.is_some() || written.is_err() {
            break;
        }
    }
    for side in [from, to] {
        let _closed_already = side.shutdown(Shutdown::Both);
    }
}

/// One round: a run that nobody cuts tells how much is said, and another is cut somewhere.
///
/// # Errors
/// The harness itself fails.
pub fn round(yard: &mut Yard, class: Class, seed: u64) -> Result<Outcome> {
    yard.undisturbed(class)?;
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut orders = yard.orders();
    orders.vary(&mut rng);
    let name = format!("{}-cut-{seed}", class.name());
    let mut pier = yard.pier(&name, class)?;
    let proxy = Proxy::before(pier.on_server()?.server.socket_directory())?;
    let address = proxy.address(&pier.on_server()?.url);
    let reach = |pier: &mut crate::class::Pier| {
        if let Some(database) = &mut pier.database {
            database.address.clone_from(&address);
        }
    };
    reach(&mut pier);
    let rehearsal = yard.ferry.run(&pier, &orders)?;
    if rehearsal.code != Some(0) {
        return Err(format!("a run through the proxy ended with {}", rehearsal.complaint()).into());
    }
    let (said, commits) = {
        let line = proxy.line();
        (line.said, line.commits.clone())
    };
    let [asked, answered] = commits;
    let (says, at) = match (rng.u8(..3), answered.is_empty()) {
        (0, _) => (Says::Run, rng.u64(..said[0])),
        (1, _) | (_, true) => (Says::Server, rng.u64(..said[1])),
        // In the answer to a commit, or just before it.
        _ => (Says::Server, answered[rng.usize(..answered.len())].saturating_sub(8) + rng.u64(..16)),
    };
    let commits = if says == Says::Run { asked } else { answered };
    let mut pier = yard.pier(&name, class)?;
    reach(&mut pier);
    if rng.bool() {
        // Then what was committed, though nobody was told, is refused when it is loaded again.
        pier.on_server()?.refuse_doubles()?;
    }
    proxy.cut(says, at);
    let mut outcome = Outcome { place: format!("cut after byte {at} of what the {says:?} says"), ..Outcome::default() };
    let landing = yard.ferry.start(&pier, &orders)?.wait(PATIENCE)?;
    if proxy.line().was_cut {
        // The run may have gone on since: what it had committed is told by the rehearsal.
        outcome.kills.push(match (commits.first(), commits.last()) {
            (Some(first), Some(last)) if (first..=last).contains(&&at) => Place::Between,
            (_, Some(last)) if at > *last => Place::After,
            _ => Place::Before,
        });
    }
    match landing.code {
        // It has tried again.
        Some(0) => yard.judge(&pier, &landing, &mut outcome)?,
        // The loader tries again, and nothing is in its way: only before it is at work, and after, there
        // is nobody who does.
        Some(code) if GONE.contains(&code) && !outcome.kills.contains(&Place::Between) => {}
        _ => outcome.complaints.push(format!("a run that was cut off ended with {}", landing.complaint())),
    }
    orders.vary(&mut rng);
    let landing = yard.ferry.run(&pier, &orders)?;
    outcome.recoveries.push(landing.took);
    yard.judge(&pier, &landing, &mut outcome)?;
    if outcome.is_good(class.promise()) {
        yard.clear(&pier.directory)?;
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_in_the_middle_of_what_is_said_and_then_holds() {
        let place = tempfile::tempdir_in("/tmp").unwrap();
        let echo = UnixListener::bind(place.path().join(SOCKET)).unwrap();
        std::thread::spawn(move || {
            for mut client in echo.incoming().map_while(std::io::Result::ok) {
                let mut bytes = [0; 64];
                while let Ok(count @ 1..) = client.read(&mut bytes) {
                    let _gone = client.write_all(&bytes[..count]);
                }
            }
        });
        let proxy = Proxy::before(place.path()).unwrap();
        let said = |text: &[u8]| {
            let mut client = UnixStream::connect(proxy.directory.path().join(SOCKET)).unwrap();
            client.write_all(text).unwrap();
            let mut answer = vec![0; text.len()];
            let mut got = 0;
            while let Ok(count @ 1..) = client.read(&mut answer[got..]) {
                got += count;
                if got == text.len() {
                    break;
                }
            }
            answer.truncate(got);
            answer
        };
        proxy.cut(Says::Server, 5);
        assert_eq!(said(b"C COMMIT\0 Z"), b"C COM");
        assert!(proxy.line().was_cut);
        assert_eq!(proxy.line().commits, [vec![2], vec![2]]);
        assert_eq!(said(b"again"), b"again");
    }
}
