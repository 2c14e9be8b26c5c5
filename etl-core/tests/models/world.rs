//! What is there before and after a run, and one run in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use etl_core::engine::RunOptions;
use etl_core::needs::{Context, Provides};
use etl_core::observe::report::{Report, Totals};
use etl_core::stage::{Batch, Lent, Loaded, Loader, Role, StageDefinition, TransactionOf, Unchecked};
use etl_core::target::Keeps;
use etl_core::wiring::Plan;
use etl_core::{Class, Classes};

use crate::source::Replayed;
use crate::support::{self, Again, Awaited, Fate, Fates, Number, Oops, Racing};
use crate::target::{Fault, Table, lettered};

/// What does not change from run to run.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) count: u64,
    pub(crate) fates: Fates,
    pub(crate) load_fates: Fates,
    /// Whether a bad record spoils its batch, or has an outcome of its own.
    pub(crate) spoils: bool,
    /// 0: one stage; 1: two; 2: one that hands on whatever is done first.
    pub(crate) flow: u8,
}

/// How one run is set, and what happens to it.
#[derive(Clone, Debug)]
pub(crate) struct How {
    pub(crate) batch: usize,
    pub(crate) travelling: usize,
    pub(crate) threads: usize,
    /// By the number of the call.
    pub(crate) script: BTreeMap<usize, Fault>,
    /// Whether a letter that was being written is there in part after a kill.
    pub(crate) tears: bool,
}

impl How {
    /// A run to which nothing happens.
    pub(crate) fn well() -> Self {
        Self { batch: 7, travelling: 16, threads: 2, script: BTreeMap::new(), tears: false }
    }
}

pub(crate) struct Cx {
    numbers: support::Cx,
    table: Table<true>,
    spoils: bool,
    /// Dropped when the last thread of the run has ended.
    _alive: Arc<()>,
}

impl Context for Cx {}

impl Provides<support::Cx> for Cx {
    fn get(&self) -> &support::Cx {
        &self.numbers
    }
}

impl Provides<Table<true>> for Cx {
    fn get(&self) -> &Table<true> {
        &self.table
    }
}

impl Provides<Cx> for Cx {
    fn get(&self) -> &Cx {
        self
    }
}

pub(crate) struct Insert;

impl Loader for Insert {
    type In = Number;
    type Target = Table<true>;
    type Class = etl_core::guarantee::Transactional;
    type Error = Oops;
    type Needs = (Table<true>, Cx);
    type InputGuard = Unchecked;
    const DEFINITION: StageDefinition = {
        let mut definition = StageDefinition::new("insert", Role::Loader);
        definition.transactional = true;
        definition.classes = Classes::FAIL.with(Class::Retry).with(Class::Skip).with(Class::Reject);
        definition.options.retries = Some(3);
        definition.options.backoff = Some(Duration::from_micros(1));
        definition
    };

    fn target<'a>((table, _): Lent<'a, Self::Needs>) -> &'a Table<true> {
        table
    }

    async fn load<'c, 'a, 't>((_, cx): Lent<'c, Self::Needs>, records: &'a [Number], tx: &'a mut TransactionOf<'t, Self>) -> Loaded<Oops> {
        tx.disk().loads += 1;
        let bad = |record: &Number| match cx.numbers.load_fates.of(record.0) {
            Some(Fate::Skip) => Some(Oops(Class::Skip)),
            Some(Fate::Reject) => Some(Oops(Class::Reject)),
            _ => None,
        };
        // A part of it is written before it is found out.
        let good = records.iter().filter(|record| bad(record).is_none()).map(|record| record.0);
        tx.insert(good).await.map_err(|error| Oops(error.class()))?;
        if cx.spoils {
            return records.iter().find_map(bad).map_or(Ok(None), Err);
        }
        let mut outcomes = Batch::with_capacity(0);
        for record in records {
            match bad(record) {
                None => outcomes.push(()),
                Some(error) => outcomes.error(error),
            }
        }
        Ok(Some(outcomes))
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) enum Ended {
    Killed,
    Reported(Box<Report>),
}

pub(crate) struct World {
    pub(crate) shape: Shape,
    pub(crate) table: Table<true>,
    directory: tempfile::TempDir,
}

impl World {
    pub(crate) fn new(shape: Shape, keeps: Keeps) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let rejected: BTreeSet<_> = shape.rejected().collect();
        let table = Table::new(keeps, &directory.path().join("rejects.jsonl"), rejected);
        Self { shape, table, directory }
    }

    fn letters(&self) -> PathBuf {
        self.table.letters.clone()
    }

    /// One run, to its end or to where it is killed.
    pub(crate) fn run(&self, how: &How) -> Ended {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        let plan = Plan::build("models").extract::<Replayed>().transform::<Again>();
        let plan = match self.shape.flow {
            0 => plan.load::<Insert>(),
            1 => plan.transform::<Awaited>().load::<Insert>(),
            _ => plan.transform::<Racing>().load::<Insert>(),
        };
        let mut options = RunOptions::new(plan.outline());
        options.dead_letter = Some(self.letters());
        options.state = Some(self.directory.path().join("state"));
        options.threads = how.threads;
        // Only as many loads as there are, not the time, make a checkpoint of what keeps nothing.
        options.checkpoint = if self.table.keeps == Keeps::Nothing { Duration::from_secs(3_600) } else { Duration::ZERO };
        options.stages[0].batch = how.travelling;
        let last = options.stages.len() - 1;
        options.stages[last].batch = how.batch;
        let alive = Arc::new(());
        let gone = Arc::downgrade(&alive);
        let table = self.table.started(how.script.clone());
        let (killed, buried) = (table.killed.clone(), table.buried.clone());
        let numbers = support::Cx::new(self.shape.count, self.shape.fates.clone(), self.shape.load_fates.clone());
        let run = plan.with(Cx { numbers, table, spoils: self.shape.spoils, _alive: alive }, options);
        let ended = runtime.block_on(async {
            tokio::select! {
                biased;
                () = killed.cancelled() => Ended::Killed,
                report = run.execute() => Ended::Reported(Box::new(report)),
            }
        });
        let torn = matches!(ended, Ended::Killed).then(|| std::fs::read(self.letters()).ok());
        buried.cancel();
        // The threads of the engine outlive its future for a moment.
        while gone.upgrade().is_some() {
            std::thread::sleep(Duration::from_micros(200));
        }
        drop(runtime);
        if let Some(letters) = torn {
            self.tear(letters, how.tears);
        }
        ended
    }

    /// What a kill leaves of the dead letters: what was there at that moment, with half a line.
    fn tear(&self, letters: Option<Vec<u8>>, tears: bool) {
        match letters {
            None => drop(std::fs::remove_file(self.letters())),
            Some(mut letters) => {
                if tears {
                    letters.extend_from_slice(b"{\"version\":2,\"reco");
                }
                std::fs::write(self.letters(), letters).unwrap();
            }
        }
    }

    /// Neighbouring entries become one, and what was known last stands alone, as a ledger may have them.
    pub(crate) fn fold(&self) {
        let mut disk = self.table.disk();
        let mut entries = std::mem::take(&mut disk.entries);
        let known = entries.iter().filter(|entry| entry.progress.is_some()).max_by_key(|entry| entry.sequence).cloned();
        entries.retain(|entry| !entry.range.is_empty());
        entries.sort_by_key(|entry| entry.range.start);
        for mut entry in entries {
            entry.progress = None;
            match disk.entries.last_mut().filter(|last| last.range.end == entry.range.start) {
                None => disk.entries.push(entry),
                Some(last) => {
                    (last.range.end, last.end) = (entry.range.end, entry.end);
                    last.sequence = last.sequence.max(entry.sequence);
                }
            }
        }
        disk.entries.extend(known.map(|mut known| {
            known.range.start = known.range.end;
            known
        }));
    }

    /// How often each number is in the target.
    pub(crate) fn rows(&self) -> BTreeMap<u64, u64> {
        let mut rows = BTreeMap::new();
        self.table.disk().rows.iter().for_each(|row| *rows.entry(*row).or_insert(0) += 1);
        rows
    }

    /// The records in the dead letters, in order.
    pub(crate) fn lettered(&self) -> Vec<u64> {
        let mut lettered = lettered(&self.letters());
        lettered.sort_unstable();
        lettered
    }

    pub(crate) fn broken(&self) -> Vec<String> {
        self.table.disk().broken.clone()
    }
}

impl Shape {
    /// What becomes of a number in the stages before the loader: it is how many, or the error's class.
    fn transformed(&self, number: u64) -> Result<u64, Class> {
        // A stage that is passed twice expands what was expanded.
        let passes = if self.flow == 0 { 1 } else { 2 };
        match self.fates.of(number) {
            None | Some(Fate::Retry(_)) => Ok(1),
            Some(Fate::Filter) => Ok(0),
            Some(Fate::Expand(many)) => Ok(many.pow(passes)),
            Some(Fate::Skip) => Err(Class::Skip),
            Some(Fate::Reject) => Err(Class::Reject),
            Some(Fate::Fail | Fate::Panic) => unreachable!("a model has no such fate"),
        }
    }

    /// Which records must be in the dead letters.
    pub(crate) fn rejected(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.count).filter(|number| match self.transformed(*number) {
            Ok(many) => many > 0 && self.load_fates.of(*number) == Some(Fate::Reject),
            Err(class) => class == Class::Reject,
        })
    }

    /// What must be in the target: what a plain loop makes of the records.
    pub(crate) fn rows(&self) -> BTreeMap<u64, u64> {
        let loaded = |number: &u64| !matches!(self.load_fates.of(*number), Some(Fate::Skip | Fate::Reject));
        (0..self.count)
            .filter(loaded)
            .filter_map(|number| Some((number, self.transformed(number).ok().filter(|many| *many > 0)?)))
            .collect()
    }

    /// What an uninterrupted run counts.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        totals.extracted = self.count;
        for number in 0..self.count {
            match self.transformed(number) {
                Err(Class::Skip) => totals.skipped += 1,
                Err(_) => totals.rejected += 1,
                Ok(0) => totals.filtered += 1,
                Ok(many) => {
                    totals.made += many - 1;
                    match self.load_fates.of(number) {
                        Some(Fate::Skip) => totals.skipped += many,
                        Some(Fate::Reject) => totals.rejected += many,
                        _ => totals.loaded += many,
                    }
                }
            }
        }
        totals
    }
}
