//! A target in memory that fails as it is told to, at any call: before it is done or behind it, for a
//! while or for good, with its process or without.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use etl_core::error::{Class, Result};
use etl_core::guarantee::Transactional;
use etl_core::target::{Abandoned, Claim, Entry, Keeps, Preparation, Recalled, Receipt, Recorded, Target, Transaction, fenced};
use etl_core::{Error, ErrorKind};
use tokio_util::sync::CancellationToken;

/// What happens at one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not done; it may be tried again.
    Again,
    /// It is not done, for good.
    Refused,
    /// It is done, and the answer says that it may be tried again.
    LostAgain,
    /// It is done, and the answer says that it is not.
    LostForGood,
    /// The process is killed before it is done.
    Crash,
    /// The process is killed when it is done.
    CrashBehind,
    /// Another run takes over before it.
    TakenOver,
}

impl Fault {
    fn is_before(self) -> bool {
        matches!(self, Self::Again | Self::Refused | Self::Crash)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Connect,
    Claim,
    Begin,
    Insert,
    Record,
    Commit,
    Checkpoint,
    Publish,
}

/// What outlives a run, and what is known of the run at work.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    /// What is committed.
    pub(crate) rows: Vec<u64>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) published: bool,
    epoch: u64,
    /// So many rows outlive a kill, where there is a mark.
    synced: usize,
    /// Which file it is.
    generation: u64,
    /// The process at work; what an earlier one still does is not done.
    process: u64,
    script: BTreeMap<usize, Fault>,
    calls: usize,
    /// What was broken, in words.
    pub(crate) broken: Vec<String>,
    /// Calls of the function that loads.
    pub(crate) loads: usize,
    pub(crate) taken_over: bool,
}

/// The target; shared by all runs.
#[derive(Clone)]
pub(crate) struct Table<const SAVEPOINTS: bool> {
    pub(crate) keeps: Keeps,
    pub(crate) disk: Arc<Mutex<Disk>>,
    /// Where the dead letters are, and which records must be in them once they are done.
    pub(crate) letters: PathBuf,
    pub(crate) rejects: fn(&Self, u64) -> bool,
    pub(crate) rejected: Arc<std::collections::BTreeSet<u64>>,
    /// The process is killed, and it is seen that it is.
    pub(crate) killed: CancellationToken,
    pub(crate) buried: CancellationToken,
    /// The process that it is open in.
    process: u64,
}

impl<const SAVEPOINTS: bool> Table<SAVEPOINTS> {
    pub(crate) fn new(keeps: Keeps, letters: &Path, rejected: impl IntoIterator<Item = u64>) -> Self {
        Self {
            keeps,
            disk: Arc::default(),
            letters: letters.to_owned(),
            rejects: |table, ordinal| table.rejected.contains(&ordinal),
            rejected: Arc::new(rejected.into_iter().collect()),
            killed: CancellationToken::new(),
            buried: CancellationToken::new(),
            process: 0,
        }
    }

    /// The same for a new process, to which `script` happens.
    pub(crate) fn started(&self, script: BTreeMap<usize, Fault>) -> Self {
        let mut disk = self.disk();
        disk.process += 1;
        (disk.calls, disk.script, disk.taken_over) = (0, script, false);
        let process = disk.process;
        drop(disk);
        Self { process, killed: CancellationToken::new(), buried: CancellationToken::new(), ..self.clone() }
    }

    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap()
    }
}

pub(crate) struct Connection<const SAVEPOINTS: bool> {
    table: Table<SAVEPOINTS>,
    process: u64,
    epoch: Option<u64>,
}

impl<const SAVEPOINTS: bool> Connection<SAVEPOINTS> {
    /// Does `work` as part of `call`, or does not, as the script says.
    async fn does<T>(&self, call: Call, work: impl FnOnce(&mut Disk) -> Result<T>) -> Result<T> {
        let (fault, done) = {
            let mut disk = self.alive()?;
            let at = disk.calls;
            disk.calls += 1;
            let fault = match disk.script.get(&at).copied() {
                // Only a ledger finds out whether it was done: another target may not say so.
                Some(Fault::LostAgain) if call == Call::Commit && self.table.keeps == Keeps::Mark => Some(Fault::LostForGood),
                fault => fault,
            };
            match fault {
                Some(fault) if fault.is_before() => (Some(fault), None),
                Some(Fault::TakenOver) if matches!(call, Call::Begin | Call::Insert | Call::Record) && self.epoch.is_some() => {
                    disk.epoch += 1;
                    disk.taken_over = true;
                    (None, Some(work(&mut disk)))
                }
                _ => (fault, Some(work(&mut disk))),
            }
        };
        let error = |class| Err(Error::new(ErrorKind::Load, format!("{call:?} as the script says")).with_class(class));
        match (fault, done) {
            (Some(Fault::Crash | Fault::CrashBehind), _) => {
                self.die().await;
                error(Class::Fail)
            }
            (Some(Fault::Again | Fault::LostAgain), _) => error(Class::Retry),
            (Some(Fault::Refused | Fault::LostForGood), _) => error(Class::Fail),
            (None | Some(Fault::TakenOver), Some(done)) => done,
            (None | Some(Fault::TakenOver), None) => unreachable!("nothing kept it from being done"),
        }
    }

    /// What the process still sees, if it is there.
    fn alive(&self) -> Result<MutexGuard<'_, Disk>> {
        let disk = self.table.disk();
        if disk.process == self.process { Ok(disk) } else { Err(Error::new(ErrorKind::Load, "the process is gone")) }
    }

    async fn die(&self) {
        {
            let mut disk = self.table.disk();
            disk.process += 1;
            if self.table.keeps == Keeps::Mark && !disk.published {
                // Of what was not made durable, some is there and some is not.
                let lost = (disk.rows.len() - disk.synced) / 2;
                let left = disk.rows.len() - lost;
                disk.rows.truncate(left);
            }
        }
        self.table.killed.cancel();
        self.table.buried.cancelled().await;
    }
}

pub(crate) struct Tx<'c, const SAVEPOINTS: bool> {
    connection: &'c mut Connection<SAVEPOINTS>,
    pub(crate) written: Vec<u64>,
    savepoint: Option<usize>,
    entries: Option<Vec<Entry>>,
}

impl<const SAVEPOINTS: bool> Tx<'_, SAVEPOINTS> {
    pub(crate) async fn insert(&mut self, rows: impl IntoIterator<Item = u64>) -> Result<()> {
        let written = &mut self.written;
        self.connection
            .does(Call::Insert, |_| {
                written.extend(rows);
                Ok(())
            })
            .await
    }

    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.connection.table.disk()
    }
}

impl<const SAVEPOINTS: bool> Target for Table<SAVEPOINTS> {
    type Connection = Connection<SAVEPOINTS>;
    type Transaction<'c> = Tx<'c, SAVEPOINTS>;
    type Class = Transactional;

    fn name(&self) -> Cow<'_, str> {
        "table".into()
    }

    fn appears_whole(&self) -> bool {
        self.keeps == Keeps::Mark
    }

    fn keeps(&self) -> Keeps {
        self.keeps
    }

    async fn prepare(&self, preparation: Preparation) -> Result<()> {
        if self.keeps != Keeps::Mark || preparation.look_only {
            return Ok(());
        }
        let mut disk = self.disk();
        match preparation.mark {
            Some(mark) => {
                let (generation, length) = read(&mark);
                if generation != disk.generation || length > disk.rows.len() {
                    disk.broken.push(format!("a mark that does not hold is gone on from: {mark}"));
                }
                disk.rows.truncate(length);
            }
            None => {
                disk.rows.clear();
                disk.generation += 1;
            }
        }
        (disk.synced, disk.published) = (disk.rows.len(), false);
        Ok(())
    }

    async fn recall(&self, mark: &str) -> Result<Recalled> {
        let (generation, length) = read(mark);
        let disk = self.disk();
        if generation != disk.generation {
            return Ok(Recalled::Gone);
        }
        if length > disk.rows.len() {
            return Err(Error::new(ErrorKind::Config, "it is shorter than it was"));
        }
        Ok(Recalled::Holds)
    }

    async fn connect(&self) -> Result<Connection<SAVEPOINTS>> {
        Ok(Connection { table: self.clone(), process: self.process, epoch: None })
    }

    async fn reconnect(&self, connection: &mut Connection<SAVEPOINTS>) -> Result<()> {
        match self.keeps {
            // The claim stays taken, under the same epoch.
            Keeps::Ledger => connection.does(Call::Connect, |_| Ok(())).await,
            Keeps::Nothing => {
                *connection = self.connect().await?;
                Ok(())
            }
            _ => Err(Error::new(ErrorKind::Load, "what was written is lost with its connection").with_code("connection_lost")),
        }
    }

    async fn claim(&self, connection: &mut Connection<SAVEPOINTS>, _: &Claim) -> Result<Vec<Entry>> {
        let claimed = connection.does(Call::Claim, |disk| {
            disk.epoch += 1;
            Ok((disk.epoch, disk.entries.clone()))
        });
        let (epoch, entries) = claimed.await?;
        connection.epoch = Some(epoch);
        Ok(entries)
    }

    async fn checkpoint(&self, connection: &mut Connection<SAVEPOINTS>) -> Result<Option<String>> {
        let marked = connection.does(Call::Checkpoint, |disk| {
            disk.synced = disk.rows.len();
            Ok(format!("{} {}", disk.generation, disk.synced))
        });
        marked.await.map(Some)
    }

    async fn begin(connection: &mut Connection<SAVEPOINTS>) -> Result<Tx<'_, SAVEPOINTS>> {
        connection.does(Call::Begin, |_| Ok(())).await?;
        Ok(Tx { connection, written: Vec::new(), savepoint: None, entries: None })
    }

    async fn publish(&self, connection: Connection<SAVEPOINTS>) -> Result<()> {
        connection
            .does(Call::Publish, |disk| {
                disk.published = true;
                Ok(())
            })
            .await
    }

    async fn abandon(&self, _: Connection<SAVEPOINTS>) -> Abandoned {
        Abandoned::Kept
    }
}

fn read(mark: &str) -> (u64, usize) {
    let (generation, length) = mark.split_once(' ').unwrap();
    (generation.parse().unwrap(), length.parse().unwrap())
}

impl<const HAS_SAVEPOINTS: bool> Transaction for Tx<'_, HAS_SAVEPOINTS> {
    type Target = Table<HAS_SAVEPOINTS>;
    const SAVEPOINTS: bool = HAS_SAVEPOINTS;

    async fn is_recorded(&mut self, entries: &[Entry]) -> Result<bool> {
        let recorded = self
            .connection
            .does(Call::Record, |disk| Ok(entries.iter().filter(|entry| !entry.range.is_empty()).all(|entry| holds(&disk.entries, entry))));
        recorded.await
    }

    async fn record(&mut self, receipt: &Receipt) -> Result<Recorded> {
        let Self { connection, entries, .. } = self;
        let epoch = connection.epoch;
        let table = &connection.table;
        let recorded = connection.does(Call::Record, |disk| {
            if epoch != Some(disk.epoch) {
                return Err(fenced("table"));
            }
            let letters = lettered(&table.letters);
            for ordinal in receipt.entries.iter().flat_map(|entry| entry.range.clone()) {
                if (table.rejects)(table, ordinal) && !letters.contains(&ordinal) {
                    disk.broken.push(format!("record {ordinal} is about to be done, and its letter is not there"));
                }
            }
            if receipt.entries.iter().any(|entry| holds(&disk.entries, entry)) {
                return Ok(Recorded::Already);
            }
            *entries = Some(receipt.entries.clone());
            Ok(Recorded::New)
        });
        recorded.await
    }

    async fn savepoint(&mut self) -> Result<()> {
        if self.savepoint.replace(self.written.len()).is_some() {
            self.disk().broken.push("a savepoint in a savepoint".to_owned());
        }
        Ok(())
    }

    async fn roll_back_to_savepoint(&mut self) -> Result<()> {
        let Some(length) = self.savepoint.take() else { panic!("there is no savepoint to go back to") };
        self.written.truncate(length);
        Ok(())
    }

    async fn release_savepoint(&mut self) -> Result<()> {
        self.savepoint.take().expect("there is a savepoint to keep");
        Ok(())
    }

    async fn commit(self) -> Result<()> {
        let Self { connection, written, entries, .. } = self;
        let claimed = connection.epoch.is_some();
        connection
            .does(Call::Commit, |disk| {
                if claimed && entries.is_none() {
                    disk.broken.push("a transaction is committed without an entry".to_owned());
                }
                disk.rows.extend(written);
                for entry in entries.into_iter().flatten() {
                    if entry.range.is_empty() {
                        disk.entries.retain(|there| !there.range.is_empty() || there.partition != entry.partition);
                    }
                    disk.entries.push(entry);
                }
                Ok(())
            })
            .await
    }

    async fn rollback(self) -> Result<()> {
        Ok(())
    }
}

/// Whether a ledger has all of an entry.
fn holds(ledger: &[Entry], entry: &Entry) -> bool {
    let covers = |there: &Entry| there.range.start <= entry.range.start && entry.range.end <= there.range.end;
    !entry.range.is_empty() && ledger.iter().any(|there| there.partition == entry.partition && covers(there))
}

/// The records that a dead-letter file holds, each as often as it does; a line that is half written is
/// not one.
pub(crate) fn lettered(path: &Path) -> Vec<u64> {
    let text = std::fs::read(path).unwrap_or_default();
    let lines = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let lines = lines.map(|line| serde_json::from_slice::<serde_json::Value>(line).unwrap());
    lines.filter_map(|line| find(&line, "ordinal")).collect()
}

fn find(value: &serde_json::Value, name: &str) -> Option<u64> {
    let object = value.as_object()?;
    object.get(name).and_then(serde_json::Value::as_u64).or_else(|| object.values().find_map(|value| find(value, name)))
}
