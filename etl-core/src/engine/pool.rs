//! The CPU workers: threads of their own, so that a plain `fn` never blocks the async threads.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads that work through jobs in the order in which they came.
///
/// The queue is not bounded here: whoever sends jobs bounds how many it has under way.
pub(crate) struct CpuPool {
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl CpuPool {
    /// Of no threads where nothing will be run.
    pub(crate) fn new(threads: usize) -> std::io::Result<Self> {
        let (jobs, queue) = channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        let threads = (0..threads)
            .map(|number| {
                let queue = Arc::clone(&queue);
                std::thread::Builder::new().name(format!("etl-cpu-{number}")).spawn(move || work(&queue))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { jobs: Some(jobs), threads })
    }

    /// Runs `job` on a worker; the result comes back by the receiver.
    pub(crate) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
        let (reply, result) = oneshot::channel();
        if let Some(jobs) = &self.jobs {
            let job: Job = Box::new(move || {
                // Nobody waits any more when the run was given up.
                let _abandoned = reply.send(job());
            });
            let _threads_live_as_long_as_the_pool = jobs.send(job);
        }
        result
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        // The lock is held while waiting: the others wait for the lock instead of for the queue.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_no_more_jobs) => return,
        }
    }
}

impl Drop for CpuPool {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            let _stages_panics_are_caught_in_the_job = thread.join();
        }
    }
}
