//! Starts the ferry, kills it, and waits for it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Result;
use crate::class::Pier;

/// No run takes this long: one that does hangs (I7).
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The program under test and what it reads.
#[derive(Clone, Debug)]
pub struct Ferry {
    /// The program.
    pub program: PathBuf,
    /// The file with the freight.
    pub input: PathBuf,
}

/// How one run is started.
#[derive(Clone, Debug)]
pub struct Orders {
    /// The loader's batch.
    pub batch: u32,
    /// How many records travel together.
    pub parcel: u32,
    /// The CPU workers.
    pub threads: u32,
    /// How many transactions are under way at once, where the target can have several.
    pub lanes: u32,
    /// The seeded bug, if there is one.
    pub mutant: Option<String>,
    /// Further settings.
    pub set: Vec<(String, String)>,
    /// It knows nothing of what other runs wrote down of themselves, as on another machine.
    pub elsewhere: bool,
}

impl Default for Orders {
    fn default() -> Self {
        Self { batch: 250, parcel: 200, threads: 2, lanes: 2, mutant: None, set: Vec::new(), elsewhere: false }
    }
}

impl Orders {
    /// How many records a kill may double at most where nothing in the target says what is there: a
    /// checkpoint is written after so many loads at the latest.
    #[must_use]
    pub fn window(&self) -> u64 {
        const LOADS_BETWEEN_CHECKPOINTS: u64 = 16;
        LOADS_BETWEEN_CHECKPOINTS * u64::from(self.batch + self.parcel)
    }

    /// Another batch, another number of workers and perhaps of transactions at once than last time.
    pub fn vary(&mut self, rng: &mut fastrand::Rng) {
        let (batch, threads) = (self.batch, self.threads);
        while (self.batch, self.threads) == (batch, threads) {
            self.batch = [60, 125, 250, 400, 700][rng.usize(..5)];
            self.threads = [1, 2, 4][rng.usize(..3)];
            self.parcel = [50, 128, 200, 500][rng.usize(..4)];
            self.lanes = [1, 2, 2, 4][rng.usize(..4)];
        }
    }
}

/// A run under way.
#[derive(Debug)]
pub struct Voyage {
    child: Child,
    started: Instant,
    pier: Pier,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Landing {
    /// The exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// How long it took.
    pub took: Duration,
    /// Its report, if it wrote one.
    pub report: Option<Value>,
}

impl Ferry {
    /// The command line of a run.
    #[must_use]
    pub fn command(&self, pier: &Pier, orders: &Orders) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(pier.class.name()).args(["run", "--progress", "none", "-q", "--log-format", "text"]);
        let rejects = if orders.elsewhere { pier.rejects_elsewhere() } else { pier.rejects() };
        for (name, path) in [("input", &self.input), ("output", &pier.output()), ("rejects", &rejects)] {
            command.arg("--set").arg(format!("{name}={}", path.display()));
        }
        command.arg("--set").arg(format!("load.batch={}", orders.batch));
        command.arg("--set").arg(format!("manifest.batch={}", orders.parcel));
        // Often: a run that is killed has written down how far it came.
        command.arg("--set").arg("pipeline.checkpoint=5ms");
        for (name, value) in &orders.set {
            command.arg("--set").arg(format!("{name}={value}"));
        }
        command.arg("--threads").arg(orders.threads.to_string());
        let state = if orders.elsewhere { pier.directory.join("harness.state") } else { pier.state() };
        command.arg("--state-dir").arg(state).arg("--report").arg(pier.report());
        command.current_dir(&pier.directory).stdin(Stdio::null()).stdout(Stdio::null());
        // Nothing of the harness's surroundings may change a run.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ETL")) {
            command.env_remove(name);
        }
        command.env("NO_COLOR", "1").env_remove("RUST_LOG");
        if let Some(database) = &pier.database {
            command.env("ETL__DATABASE", &database.address);
            command.arg("--set").arg(format!("load.concurrency={}", orders.lanes));
        }
        if let Some(mutant) = &orders.mutant {
            command.env("ETL_MUTANT", mutant);
        }
        command
    }

    /// Starts a run.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(&self, pier: &Pier, orders: &Orders) -> Result<Voyage> {
        // The report of an earlier run must not be taken for this one's.
        let _absent = fs::remove_file(pier.report());
        let stderr = File::options().create(true).append(true).open(pier.words())?;
        let child = self.command(pier, orders).stderr(stderr).spawn();
        let child = child.map_err(|error| format!("cannot start {}: {error}", self.program.display()))?;
        Ok(Voyage { child, started: Instant::now(), pier: pier.clone() })
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// It cannot be started, or it hangs.
    pub fn run(&self, pier: &Pier, orders: &Orders) -> Result<Landing> {
        self.start(pier, orders)?.wait(PATIENCE)
    }
}

impl Voyage {
    /// Lets it run for a while, then kills it. `None` where it was killed, else how it had ended.
    ///
    /// # Errors
    /// The process cannot be waited for.
    pub fn kill_after(mut self, time: Duration) -> Result<Option<Landing>> {
        if let Some(status) = self.watch(time)? {
            return Ok(Some(self.landed(status)));
        }
        self.child.kill()?;
        let status = self.child.wait()?;
        // It may have ended at the last moment.
        Ok(status.code().is_some().then(|| self.landed(status)))
    }

    /// Waits until it ends; one that does not is killed.
    ///
    /// # Errors
    /// It hangs.
    pub fn wait(mut self, patience: Duration) -> Result<Landing> {
        match self.watch(patience)? {
            Some(status) => Ok(self.landed(status)),
            None => {
                self.child.kill()?;
                self.child.wait()?;
                Err(format!("a run hangs: it did not end within {patience:?}").into())
            }
        }
    }

    /// Sends a signal by its name.
    ///
    /// # Errors
    /// It cannot be sent.
    pub fn signal(&self, name: &str) -> Result<()> {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status()?;
        if status.success() { Ok(()) } else { Err(format!("SIG{name} could not be sent").into()) }
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// The process cannot be waited for.
    pub fn is_under_way(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Waits for at most `time`; how it ended, if it did.
    fn watch(&mut self, time: Duration) -> Result<Option<ExitStatus>> {
        let end = self.started + time;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            std::thread::sleep(left.min(Duration::from_millis(1)));
        }
    }

    fn landed(&self, status: ExitStatus) -> Landing {
        Landing { code: status.code(), took: self.started.elapsed(), report: report(&self.pier.report()) }
    }
}

fn report(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

impl Landing {
    /// The sums of the report over all runs of the source, where they are known.
    #[must_use]
    pub fn records(&self) -> Value {
        let sums = |name: &str| self.report.as_ref().map(|report| report[name].clone()).filter(Value::is_object);
        sums("all_runs").or_else(|| sums("records")).unwrap_or_default()
    }

    /// What it said in the end.
    #[must_use]
    pub fn complaint(&self) -> String {
        let error = self.report.as_ref().and_then(|report| report["error"]["message"].as_str()).unwrap_or("no word of why");
        let code = self.code.map_or_else(|| "a signal".to_owned(), |code| format!("code {code}"));
        format!("{code}: {error}")
    }
}
