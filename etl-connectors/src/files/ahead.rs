//! Making a file durable while it is being written.

use std::fs::File;
use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Bytes that are written before the next of them are made durable.
const STEP: u64 = 16 << 20;

/// Has a thread make durable what was written so far, so that little is left to wait for at the end.
/// A file that stays small has no thread.
#[derive(Default)]
pub(super) struct Ahead {
    thread: Option<Thread>,
    /// How long the file was when the thread was last told.
    told: u64,
}

struct Thread {
    tell: SyncSender<()>,
    /// The operating system reports a lost write once, and this thread may be who is told.
    handle: JoinHandle<io::Result<()>>,
}

impl Ahead {
    /// The file is `length` bytes long now.
    pub(super) fn wrote(&mut self, file: &File, length: u64) {
        if length.saturating_sub(self.told) < STEP {
            return;
        }
        self.told = length;
        if self.thread.is_none() {
            // Where there can be no thread, all is left for the end.
            self.thread = Thread::start(file).ok();
        }
        if let Some(thread) = &self.thread {
            // It is told already, or it has failed and says so at the end.
            let _busy_or_failed = thread.tell.try_send(());
        }
    }

    /// The file has this length before anything is written, all of it durable.
    #[cfg(any(feature = "csv", feature = "jsonl"))]
    pub(super) fn begin_at(&mut self, length: u64) {
        self.told = length;
    }

    /// The file was cut back.
    #[cfg(any(feature = "csv", feature = "jsonl"))]
    pub(super) fn cut(&mut self, length: u64) {
        self.told = self.told.min(length);
    }

    /// Ends the thread.
    ///
    /// # Errors
    /// What it was told in the meantime: the file does not hold what was written to it.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let Some(Thread { tell, handle }) = self.thread.take() else { return Ok(()) };
        drop(tell);
        handle.join().unwrap_or_else(|_panic| Err(io::Error::other("the thread that makes the file durable is gone")))
    }
}

impl Thread {
    fn start(file: &File) -> io::Result<Self> {
        let file = file.try_clone()?;
        let (tell, told) = sync_channel(1);
        let work = move || told.into_iter().try_for_each(|()| super::durable::sync_data(&file));
        Ok(Self { tell, handle: std::thread::Builder::new().name("etl-durable".into()).spawn(work)? })
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        let _nobody_wants_the_file = self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_files_have_no_thread_and_others_one() {
        let file = tempfile::tempfile().unwrap();
        let mut ahead = Ahead::default();
        ahead.wrote(&file, STEP - 1);
        assert!(ahead.thread.is_none());
        for length in [STEP, 2 * STEP, 3 * STEP] {
            ahead.wrote(&file, length);
        }
        assert!(ahead.thread.is_some());
        ahead.cut(STEP);
        ahead.wrote(&file, 2 * STEP);
        assert_eq!(ahead.told, 2 * STEP);
        ahead.finish().unwrap();
        ahead.finish().unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_the_thread_was_told_is_told_at_the_end() {
        // It cannot be made durable.
        let file = File::options().write(true).open("/dev/null").unwrap();
        let mut ahead = Ahead::default();
        for steps in 1..10 {
            ahead.wrote(&file, steps * STEP);
        }
        ahead.finish().unwrap_err();
    }
}
