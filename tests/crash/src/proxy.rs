//! A proxy between a run and the server, which counts what is said, and cuts the connection or has it
//! stall.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::Result;
use crate::class::Place;

/// The socket in the directory that an address names.
const SOCKET: &str = ".s.PGSQL.5432";

/// Who says the last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// The run.
    Run,
    /// The server.
    Server,
}

/// What happens to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is cut.
    Cut,
    /// Nothing more goes through in this direction for so long. Then it goes on, or it is cut.
    Stall {
        /// How long.
        time: Duration,
        /// Whether it goes on, with what was said meanwhile.
        goes_on: bool,
    },
}

/// What a run and the server have said to each other, of the run first.
#[derive(Clone, Debug)]
pub struct Said {
    bytes: [u64; 2],
    /// Where in it commits and the answers to them are.
    commits: [Vec<u64>; 2],
}

impl Said {
    /// A byte somewhere in it.
    pub fn somewhere(&self, rng: &mut fastrand::Rng) -> (Says, u64) {
        let [asked, answered] = &self.commits;
        let [run, server] = self.bytes;
        match (rng.u8(..6), asked.is_empty() || answered.is_empty()) {
            (0, _) => (Says::Run, rng.u64(..run)),
            (1, _) | (_, true) => (Says::Server, rng.u64(..server)),
            // Before the first record and behind the last one, of which most of what is said is made up.
            (4, _) => (Says::Run, edge(run, rng)),
            (5, _) => (Says::Server, edge(server, rng)),
            // In a commit or in the answer to it, or just before.
            (2, _) => (Says::Run, near(asked, rng)),
            _ => (Says::Server, near(answered, rng)),
        }
    }

    /// Where a byte is among the commits.
    #[must_use]
    pub fn place(&self, says: Says, at: u64) -> Place {
        let commits = &self.commits[says as usize];
        match (commits.first(), commits.last()) {
            (Some(first), Some(last)) if (first..=last).contains(&&at) => Place::Between,
            (_, Some(last)) if at > *last => Place::After,
            _ => Place::Before,
        }
    }
}

fn edge(bytes: u64, rng: &mut fastrand::Rng) -> u64 {
    const WIDTH: u64 = 1024;
    let at = rng.u64(..WIDTH.min(bytes));
    if rng.bool() { at } else { bytes - 1 - at }
}

fn near(commits: &[u64], rng: &mut fastrand::Rng) -> u64 {
    commits[rng.usize(..commits.len())].saturating_sub(8) + rng.u64(..16)
}

/// A socket before that of the server.
#[derive(Debug)]
pub struct Proxy {
    directory: tempfile::TempDir,
    line: Arc<Mutex<Line>>,
}

/// What has gone through, and what happens when.
#[derive(Debug, Default)]
struct Line {
    /// How many bytes each side has said.
    said: [u64; 2],
    /// Where in it commits and the answers to them are.
    commits: [Vec<u64>; 2],
    trouble: Option<(Says, u64, Trouble)>,
    was_disturbed: bool,
}

impl Line {
    /// Takes what one side says; how much of it goes through before something happens, and what.
    fn passes(&mut self, says: Says, bytes: &[u8]) -> Option<(usize, Trouble)> {
        let said = self.said[says as usize];
        self.said[says as usize] += bytes.len() as u64;
        let commits = bytes.windows(7).enumerate().filter(|(_, window)| *window == b"COMMIT\0");
        self.commits[says as usize].extend(commits.map(|(at, _)| said + at as u64));
        match self.trouble {
            Some((side, at, trouble)) if side == says && at < said + bytes.len() as u64 => {
                // Once: another connection may go through.
                (self.trouble, self.was_disturbed) = (None, true);
                Some((usize::try_from(at.saturating_sub(said)).unwrap_or(usize::MAX), trouble))
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

    /// Makes trouble once, after byte `at` of what `says` says from now on.
    pub fn disturb(&self, says: Says, at: u64, trouble: Trouble) {
        *self.line() = Line { trouble: Some((says, at, trouble)), ..Line::default() };
    }

    /// Makes no trouble any more, if there was none yet.
    pub fn leave_alone(&self) {
        self.line().trouble = None;
    }

    /// What was said since the last [`disturb`](Self::disturb).
    #[must_use]
    pub fn said(&self) -> Said {
        let line = self.line();
        Said { bytes: line.said, commits: line.commits.clone() }
    }

    /// Whether there was trouble.
    #[must_use]
    pub fn was_disturbed(&self) -> bool {
        self.line().was_disturbed
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
        let trouble = line.lock().unwrap_or_else(PoisonError::into_inner).passes(says, &bytes[..count]);
        let (through, held_back) = bytes[..count].split_at(trouble.map_or(count, |(at, _)| at));
        let mut written = to.write_all(through);
        match trouble {
            None => {}
            Some((_, Trouble::Cut)) => break,
            Some((_, Trouble::Stall { time, goes_on })) => {
                std::thread::sleep(time);
                if !goes_on {
                    break;
                }
                // Whoever said it may have gone: it is late, and arrives.
                written = written.and_then(|()| to.write_all(held_back));
            }
        }
        if written.is_err() {
            break;
        }
    }
    for side in [from, to] {
        let _closed_already = side.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_line_is_disturbed_in_the_middle_of_what_is_said_and_then_holds() {
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
        proxy.disturb(Says::Server, 5, Trouble::Cut);
        assert_eq!(said(b"C COMMIT\0 Z"), b"C COM");
        assert!(proxy.was_disturbed());
        assert_eq!(proxy.said().commits, [vec![2], vec![2]]);
        assert_eq!(said(b"again"), b"again");
        let time = Duration::from_millis(50);
        for (says, goes_on) in [(Says::Run, true), (Says::Server, true), (Says::Run, false), (Says::Server, false)] {
            proxy.disturb(says, 5, Trouble::Stall { time, goes_on });
            let begun = Instant::now();
            assert_eq!(said(b"C COMMIT\0 Z"), if goes_on { &b"C COMMIT\0 Z"[..] } else { b"C COM" });
            assert!(begun.elapsed() >= time && proxy.was_disturbed());
        }
    }
}
