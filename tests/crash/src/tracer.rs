//! Runs a program and stands behind each of its system calls that change what outlives it: counts
//! them, notes what they do, kills the program before one of them, or lets one fail.
//!
//! `strace` can inject faults too, but counts the calls of each thread for itself: the second `fsync`
//! of one thread is then never reached when another thread is killed at its second. Here the calls
//! of all threads are counted together, and only those that concern the round's directory.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::Result;

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The program is killed before the call does anything.
    Kill,
    /// The call does nothing and fails with the number of this error.
    Error(i32),
}

/// No space left on the device.
pub const ENOSPC: i32 = 28;
/// The device failed.
pub const EIO: i32 = 5;

/// A call that changed something below the directory, in the order of their returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What it did.
    pub change: Change,
    /// Whether a fault was put in its place.
    pub spoilt: bool,
}

/// What a call does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A file is made or emptied, or only opened for writing.
    Open {
        /// The file.
        path: PathBuf,
        /// It is made if it is not there.
        create: bool,
        /// What it holds is thrown away.
        empty: bool,
    },
    /// Bytes are written.
    Write {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// A file or a directory is made durable.
    Sync {
        /// Which.
        path: PathBuf,
    },
    /// A file gets another length.
    Cut {
        /// The file.
        path: PathBuf,
        /// The length.
        length: u64,
    },
    /// A file gets another name.
    Rename {
        /// The name that it had.
        from: PathBuf,
        /// The name that it has now.
        to: PathBuf,
        /// The old name stays (a link).
        keeps: bool,
    },
    /// A name is removed.
    Remove {
        /// Which.
        path: PathBuf,
    },
    /// A directory is made.
    Directory {
        /// Which.
        path: PathBuf,
    },
    /// Something is said to a server.
    Send {
        /// The socket.
        path: PathBuf,
    },
    /// Something else that writes, which is not understood.
    Other {
        /// The number of the call.
        number: u64,
        /// The file.
        path: PathBuf,
    },
}

/// How a run under the tracer ended.
#[derive(Clone, Debug)]
pub struct Traced {
    /// The exit code; `None` where it was killed.
    pub code: Option<i32>,
    /// What it changed.
    pub calls: Vec<Call>,
    /// How many calls were made that can be spoilt.
    pub places: usize,
    /// What the call was that was spoilt.
    pub spoilt: Option<Change>,
}

impl Change {
    /// In a few words, without the directory.
    #[must_use]
    pub fn words(&self, directory: &Path) -> String {
        let name = |path: &Path| path.strip_prefix(directory).unwrap_or(path).display().to_string();
        match self {
            Self::Open { path, .. } => format!("open {}", name(path)),
            Self::Write { path, offset, bytes } => format!("write {} bytes at {offset} of {}", bytes.len(), name(path)),
            Self::Sync { path } => format!("sync {}", name(path)),
            Self::Cut { path, length } => format!("cut {} to {length}", name(path)),
            Self::Rename { from, to, keeps: false } => format!("rename {} to {}", name(from), name(to)),
            Self::Rename { from, to, keeps: true } => format!("link {} to {}", name(from), name(to)),
            Self::Remove { path } => format!("remove {}", name(path)),
            Self::Directory { path } => format!("make the directory {}", name(path)),
            Self::Send { path } => format!("say something to {}", name(path)),
            Self::Other { number, path } => format!("call {number} on {}", name(path)),
        }
    }
}

/// Runs `command` to its end, with the fault at call number `at` (from 0) where one is given.
///
/// # Errors
/// The program cannot be traced, or does not end in time.
pub fn run(command: &Command, directory: &Path, fault: Option<(usize, Fault)>, patience: Duration) -> Result<Traced> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err("system calls can be spoilt on Linux on x86-64 only".into());
    }
    // The shell stops itself until it is traced, and then becomes the program.
    let mut stopped = Command::new("sh");
    stopped.args(["-c", "kill -STOP $$; exec \"$@\"", "sh"]).arg(command.get_program()).args(command.get_args());
    stopped.current_dir(command.get_current_dir().unwrap_or(directory));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => stopped.env(name, value),
            None => stopped.env_remove(name),
        };
    }
    let stderr = File::options().create(true).append(true).open(directory.with_extension("stderr"))?;
    let child = stopped.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(stderr).spawn()?;
    let main = Pid::from_raw(child.id().cast_signed());
    let traced =
        Tracer { main, directory, fault, threads: BTreeMap::new(), calls: Vec::new(), seen: 0, spoilt: None, ours: false }.follow(patience);
    if traced.is_err() {
        let _gone_already = kill(main, Signal::SIGKILL);
        let _reaped_already = waitpid(main, Some(WaitPidFlag::__WALL));
    }
    traced
}

struct Tracer<'a> {
    main: Pid,
    directory: &'a Path,
    fault: Option<(usize, Fault)>,
    /// What each thread is in the middle of.
    threads: BTreeMap<Pid, Under>,
    calls: Vec<Call>,
    /// How many calls of ours were entered.
    seen: usize,
    spoilt: Option<Change>,
    /// The shell has become the program.
    ours: bool,
}

/// A call that was entered and has not returned.
#[derive(Debug)]
struct Under {
    change: Option<Change>,
    /// It was replaced by nothing, and returns this error.
    error: Option<i32>,
}

impl Tracer<'_> {
    fn follow(mut self, patience: Duration) -> Result<Traced> {
        waitpid(self.main, Some(WaitPidFlag::WUNTRACED))?;
        let options =
            Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_EXITKILL;
        ptrace::seize(self.main, options)
            .map_err(|error| format!("the program cannot be traced ({error}): in a container, allow CAP_SYS_PTRACE"))?;
        kill(self.main, Signal::SIGCONT)?;
        let end = Instant::now() + patience;
        loop {
            // Stops of all threads; a thread that is gone meanwhile is none.
            let status = waitpid(Pid::from_raw(-1), Some(WaitPidFlag::__WALL))?;
            match status {
                WaitStatus::Exited(thread, code) if thread == self.main => return Ok(self.ended(Some(code))),
                WaitStatus::Signaled(thread, ..) if thread == self.main => return Ok(self.ended(None)),
                WaitStatus::PtraceSyscall(thread) if !self.at_call(thread)? => {}
                WaitStatus::PtraceSyscall(thread) => go_on(thread, None)?,
                WaitStatus::PtraceEvent(thread, _, event) => {
                    if event == nix::libc::PTRACE_EVENT_EXEC {
                        self.ours = true;
                    }
                    go_on(thread, None)?;
                }
                WaitStatus::Stopped(thread, signal) => go_on(thread, (signal != Signal::SIGTRAP).then_some(signal))?,
                _ => {}
            }
            if Instant::now() > end {
                return Err(format!("a traced run hangs: it did not end within {patience:?}").into());
            }
        }
    }

    fn ended(self, code: Option<i32>) -> Traced {
        Traced { code, calls: self.calls, places: self.seen, spoilt: self.spoilt }
    }

    /// A thread is about to make a call, or returns from one. Whether it goes on.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn at_call(&mut self, thread: Pid) -> Result<bool> {
        let Ok(mut registers) = ptrace::getregs(thread) else { return Ok(true) };
        if let Some(under) = self.threads.remove(&thread) {
            if let Some(error) = under.error {
                registers.rax = (-i64::from(error)).cast_unsigned();
                let _gone = ptrace::setregs(thread, registers);
            }
            if let Some(change) = under.change {
                let failed = registers.rax.cast_signed() < 0;
                if let (false, Some(change)) = (failed, change.after(registers.rax)) {
                    self.calls.push(Call { change, spoilt: false });
                } else if under.error.is_some() {
                    self.calls.push(Call { change: Change::Other { number: 0, path: PathBuf::new() }, spoilt: true });
                }
            }
            return Ok(true);
        }
        let arguments = [registers.rdi, registers.rsi, registers.rdx, registers.r10];
        let change = if self.ours { self.change(thread, registers.orig_rax, arguments) } else { None };
        let mut error = None;
        if let Some(change) = &change {
            if let Some((at, fault)) = self.fault
                && at == self.seen
            {
                self.spoilt = Some(change.clone());
                match fault {
                    Fault::Kill => {
                        kill(self.main, Signal::SIGKILL)?;
                        return Ok(false);
                    }
                    Fault::Error(number) => {
                        registers.orig_rax = u64::MAX;
                        ptrace::setregs(thread, registers)?;
                        error = Some(number);
                    }
                }
            }
            self.seen += 1;
        }
        self.threads.insert(thread, Under { change, error });
        Ok(true)
    }

    #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
    fn at_call(&mut self, _thread: Pid) -> Result<bool> {
        Err("system calls can be spoilt on Linux on x86-64 only".into())
    }

    /// What a call is about to change below the directory; `None` for all others.
    fn change(&self, thread: Pid, number: u64, [a, b, c, d]: [u64; 4]) -> Option<Change> {
        use nix::libc;
        let memory = Memory { thread };
        let file = |descriptor: u64| memory.file(descriptor).filter(|path| path.starts_with(self.directory));
        let named = |directory: u64, name: u64| memory.path(directory, name).filter(|path| path.starts_with(self.directory));
        if matches!(i64::try_from(number), Ok(libc::SYS_write | libc::SYS_writev | libc::SYS_sendto | libc::SYS_sendmsg))
            && let Some(path) = memory.file(a).filter(|path| path.to_string_lossy().starts_with("socket:"))
        {
            // A socket without space, or on a device that fails, there is not.
            return (!matches!(self.fault, Some((_, Fault::Error(_))))).then_some(Change::Send { path });
        }
        let here = i64::from(libc::AT_FDCWD).cast_unsigned();
        let number = i64::try_from(number).ok()?;
        let change = match number {
            libc::SYS_open => return opened(named(here, a)?, b),
            libc::SYS_openat => return opened(named(a, b)?, c),
            libc::SYS_creat => return opened(named(here, a)?, (libc::O_CREAT | libc::O_TRUNC | libc::O_WRONLY).cast_unsigned().into()),
            libc::SYS_write => {
                let path = file(a)?;
                Change::Write { offset: memory.offset(a, &path)?, path, bytes: memory.bytes(b, c)? }
            }
            libc::SYS_pwrite64 => Change::Write { path: file(a)?, offset: d, bytes: memory.bytes(b, c)? },
            libc::SYS_fsync | libc::SYS_fdatasync => Change::Sync { path: file(a)? },
            libc::SYS_ftruncate => Change::Cut { path: file(a)?, length: b },
            libc::SYS_rename => Change::Rename { from: named(here, a)?, to: named(here, b)?, keeps: false },
            libc::SYS_renameat | libc::SYS_renameat2 => Change::Rename { from: named(a, b)?, to: named(c, d)?, keeps: false },
            libc::SYS_link => Change::Rename { from: named(here, a)?, to: named(here, b)?, keeps: true },
            libc::SYS_linkat => Change::Rename { from: named(a, b)?, to: named(c, d)?, keeps: true },
            libc::SYS_unlink | libc::SYS_rmdir => Change::Remove { path: named(here, a)? },
            libc::SYS_unlinkat => Change::Remove { path: named(a, b)? },
            libc::SYS_mkdir => Change::Directory { path: named(here, a)? },
            libc::SYS_mkdirat => Change::Directory { path: named(a, b)? },
            libc::SYS_writev | libc::SYS_pwritev | libc::SYS_pwritev2 | libc::SYS_fallocate | libc::SYS_sendfile => {
                Change::Other { number: number.cast_unsigned(), path: file(a)? }
            }
            libc::SYS_copy_file_range => Change::Other { number: number.cast_unsigned(), path: file(c)? },
            _ => return None,
        };
        Some(change)
    }
}

/// Lets a thread run to its next stop; one that is gone meanwhile needs nothing.
fn go_on(thread: Pid, signal: Option<Signal>) -> Result<()> {
    match ptrace::syscall(thread, signal) {
        Ok(()) | Err(nix::Error::ESRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn opened(path: PathBuf, flags: u64) -> Option<Change> {
    use nix::libc;
    let has = |flag: i32| flags & u64::from(flag.cast_unsigned()) != 0;
    let (create, empty) = (has(libc::O_CREAT), has(libc::O_TRUNC));
    (create || empty).then_some(Change::Open { path, create, empty })
}

impl Change {
    /// What it came to, by what the call returned.
    fn after(mut self, returned: u64) -> Option<Self> {
        if let Self::Write { bytes, .. } = &mut self {
            bytes.truncate(usize::try_from(returned).ok()?);
        }
        Some(self)
    }
}

/// The memory and the files of a thread that is stopped.
struct Memory {
    thread: Pid,
}

impl Memory {
    fn bytes(&self, address: u64, length: u64) -> Option<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        File::open(format!("/proc/{}/mem", self.thread)).ok()?.read_exact_at(&mut bytes, address).ok()?;
        Some(bytes)
    }

    /// A text that ends with a zero byte.
    fn text(&self, address: u64) -> Option<String> {
        let memory = File::open(format!("/proc/{}/mem", self.thread)).ok()?;
        let mut bytes = vec![0; 4096];
        let read = memory.read_at(&mut bytes, address).ok()?;
        bytes.truncate(read);
        let end = bytes.iter().position(|byte| *byte == 0)?;
        String::from_utf8(bytes[..end].to_vec()).ok()
    }

    fn file(&self, descriptor: u64) -> Option<PathBuf> {
        let path = fs::read_link(format!("/proc/{}/fd/{descriptor}", self.thread)).ok()?;
        let text = path.to_str()?;
        Some(text.strip_suffix(" (deleted)").map_or(path.clone(), PathBuf::from))
    }

    fn path(&self, directory: u64, name: u64) -> Option<PathBuf> {
        let name = PathBuf::from(self.text(name)?);
        if name.is_absolute() {
            return Some(name);
        }
        let here = i64::from(nix::libc::AT_FDCWD);
        // The kernel looks at 32 bits of it.
        let from = if i64::from((directory as u32).cast_signed()) == here {
            fs::read_link(format!("/proc/{}/cwd", self.thread)).ok()?
        } else {
            self.file(directory)?
        };
        Some(from.join(name))
    }

    /// Where the next byte goes: the end of a file that is open for appending.
    fn offset(&self, descriptor: u64, path: &Path) -> Option<u64> {
        let info = fs::read_to_string(format!("/proc/{}/fdinfo/{descriptor}", self.thread)).ok()?;
        let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let flags = i32::from_str_radix(field("flags:")?, 8).ok()?;
        if flags & nix::libc::O_APPEND != 0 { Some(fs::metadata(path).ok()?.len()) } else { field("pos:")?.parse().ok() }
    }
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use super::*;

    fn shell(directory: &Path, script: &str, fault: Option<(usize, Fault)>) -> Traced {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).current_dir(directory);
        run(&command, directory, fault, Duration::from_secs(10)).unwrap()
    }

    /// Numbers each change of a script, and stops it before or at each of them.
    #[test]
    fn calls_are_noted_killed_and_made_to_fail_one_by_one() {
        let script = "echo one > a; echo two >> a; mv a b; mkdir d; rm b";
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().canonicalize().unwrap();
        let traced = shell(&directory, script, None);
        let words: Vec<_> = traced.calls.iter().map(|call| call.change.words(&directory)).collect();
        assert_eq!(traced.code, Some(0));
        // `mv` and `rm` are programs of their own, which are not followed: only what the shell does.
        assert_eq!(words, ["open a", "write 4 bytes at 0 of a", "open a", "write 4 bytes at 4 of a"]);
        fs::remove_dir(directory.join("d")).unwrap();
        let traced = shell(&directory, script, Some((3, Fault::Kill)));
        assert_eq!((traced.code, traced.calls.len()), (None, 3));
        assert_eq!(fs::read_to_string(directory.join("a")).unwrap(), "one\n");
        let traced = shell(&directory, "echo one > c || exit 7", Some((1, Fault::Error(ENOSPC))));
        assert_eq!(traced.code, Some(7));
        assert_eq!(traced.spoilt.map(|change| change.words(&directory)).as_deref(), Some("write 4 bytes at 0 of c"));
    }
}
