//! A target that is away longer than the retries last is waited for, where `outage` allows it: the
//! batch is neither lost nor doubled, and whoever stops the run need not wait.

mod support;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use etl_core::ErrorKind;
use etl_core::engine::{RunOptions, StageSettings};
use etl_core::error::{Class, Error, Result, StageError as _};
use etl_core::needs::{Context, Provides};
use etl_core::observe::report::{Report, StageReport, Status};
use etl_core::source::{BoxSource, FromIter, IntoSource};
use etl_core::stage::{Extractor, Lent, Loaded, Loader, Role, StageDefinition, Takes, TransactionOf, Unchecked};
use etl_core::target::{Abandoned, Claim, Entry, Keeps, Preparation, Receipt, Recorded, Target, Transaction, fenced};
use etl_core::wiring::Plan;
use support::{Number, Oops};

const COUNT: u64 = 40;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Reconnect,
    Begin,
    /// By the user's function.
    Load,
    IsRecorded,
    Record,
    /// That the source is at its end.
    RecordEnd,
    Commit,
    /// To say that it has committed.
    Answer,
}

#[derive(Default)]
struct Server {
    committed: Vec<u64>,
    entries: Vec<Entry>,
    /// The run that may commit.
    epoch: u64,
    reconnected: u64,
    misuses: BTreeSet<&'static str>,
}

/// Whether the server does not answer.
type Trouble = Box<dyn FnMut(&mut Server, Ask) -> bool + Send>;

#[derive(Clone)]
struct Database {
    keeps: Keeps,
    server: Arc<Mutex<Server>>,
    trouble: Arc<Mutex<Trouble>>,
}

impl Database {
    fn new(keeps: Keeps, trouble: impl FnMut(&mut Server, Ask) -> bool + Send + 'static) -> Self {
        Self { keeps, server: Arc::default(), trouble: Arc::new(Mutex::new(Box::new(trouble))) }
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap()
    }

    fn ask(&self, ask: Ask) -> Result<()> {
        if (self.trouble.lock().unwrap())(&mut self.server(), ask) { Err(away()) } else { Ok(()) }
    }
}

fn away() -> Error {
    Error::new(ErrorKind::Unavailable, "the server is away").with_class(Class::Retry)
}

struct Connection {
    database: Database,
    held: u64,
    in_transaction: bool,
}

struct Tx<'c> {
    connection: &'c mut Connection,
    written: Vec<u64>,
    entries: Vec<Entry>,
}

impl Target for Database {
    type Connection = Connection;
    type Transaction<'c> = Tx<'c>;
    type Class = etl_core::guarantee::Transactional;

    fn name(&self) -> Cow<'_, str> {
        "server".into()
    }

    fn keeps(&self) -> Keeps {
        self.keeps
    }

    async fn prepare(&self, _: Preparation) -> Result<()> {
        Ok(())
    }

    async fn connect(&self) -> Result<Connection> {
        Ok(Connection { database: self.clone(), held: self.server().epoch, in_transaction: false })
    }

    async fn reconnect(&self, connection: &mut Connection) -> Result<()> {
        self.ask(Ask::Reconnect)?;
        let mut server = self.server();
        server.reconnected += 1;
        connection.in_transaction = false;
        if connection.held == server.epoch { Ok(()) } else { Err(fenced("server")) }
    }

    async fn claim(&self, connection: &mut Connection, _: &Claim) -> Result<Vec<Entry>> {
        let mut server = self.server();
        server.epoch += 1;
        connection.held = server.epoch;
        Ok(server.entries.clone())
    }

    async fn begin(connection: &mut Connection) -> Result<Tx<'_>> {
        if std::mem::replace(&mut connection.in_transaction, true) {
            connection.database.server().misuses.insert("a transaction begins inside another one");
        }
        connection.database.ask(Ask::Begin)?;
        Ok(Tx { connection, written: Vec::new(), entries: Vec::new() })
    }

    async fn publish(&self, _: Connection) -> Result<()> {
        Ok(())
    }

    async fn abandon(&self, _: Connection) -> Abandoned {
        Abandoned::Kept
    }
}

impl Transaction for Tx<'_> {
    type Target = Database;
    const SAVEPOINTS: bool = true;

    async fn is_recorded(&mut self, entries: &[Entry]) -> Result<bool> {
        self.connection.database.ask(Ask::IsRecorded)?;
        let server = self.connection.database.server();
        Ok(entries.iter().all(|entry| server.entries.iter().any(|there| there.range == entry.range)))
    }

    async fn record(&mut self, receipt: &Receipt) -> Result<Recorded> {
        let end = receipt.entries.iter().all(|entry| entry.range.is_empty());
        self.connection.database.ask(if end { Ask::RecordEnd } else { Ask::Record })?;
        if self.connection.held != self.connection.database.server().epoch {
            return Err(fenced("server"));
        }
        self.entries.clone_from(&receipt.entries);
        Ok(Recorded::New)
    }

    async fn commit(self) -> Result<()> {
        let database = self.connection.database.clone();
        database.ask(Ask::Commit)?;
        {
            let mut server = database.server();
            server.committed.extend(&self.written);
            server.entries.extend(self.entries);
        }
        database.ask(Ask::Answer)?;
        self.connection.in_transaction = false;
        Ok(())
    }

    async fn rollback(self) -> Result<()> {
        self.connection.in_transaction = false;
        Ok(())
    }
}

struct Cx(Database);

impl Context for Cx {}

impl Provides<Database> for Cx {
    fn get(&self) -> &Database {
        &self.0
    }
}

struct Numbers;

impl Extractor for Numbers {
    type Out = Number;
    type Class = etl_core::guarantee::Replayable;
    type Needs = ();
    const DEFINITION: StageDefinition = {
        let mut definition = StageDefinition::new("numbers", Role::Extractor);
        definition.options.replayable = true;
        definition
    };

    async fn open<'a>((): ()) -> Result<BoxSource<'a, Number>> {
        Ok(FromIter((0..COUNT).map(Number)).into_source())
    }
}

struct Insert;

impl Loader for Insert {
    type In = Number;
    type Target = Database;
    type Class = etl_core::guarantee::Transactional;
    type Error = Oops;
    type Needs = (Database,);
    type InputGuard = Unchecked;
    const DEFINITION: StageDefinition = {
        let mut definition = StageDefinition::new("insert", Role::Loader);
        definition.takes = Takes::BatchLent;
        definition.transactional = true;
        definition.classes = Oops::CLASSES;
        definition.options.batch = Some(10);
        definition.options.retries = Some(2);
        definition.options.backoff = Some(Duration::from_millis(1));
        definition.options.outage = Some(DAY);
        definition
    };

    fn target<'a>((database,): Lent<'a, Self::Needs>) -> &'a Database {
        database
    }

    async fn load<'c, 'a, 't>(
        (database,): Lent<'c, Self::Needs>,
        records: &'a [Number],
        tx: &'a mut TransactionOf<'t, Self>,
    ) -> Loaded<Oops> {
        tx.written.extend(records.iter().map(|record| record.0));
        if database.ask(Ask::Load).is_err() { Err(Oops(Class::Retry)) } else { Ok(None) }
    }
}

fn plan(database: &Database, set: impl FnOnce(&mut StageSettings)) -> (etl_core::engine::Run<Cx>, tempfile::TempDir) {
    let state = tempfile::tempdir().unwrap();
    let plan = Plan::build("numbers").extract::<Numbers>().load::<Insert>();
    let mut options = RunOptions::new(plan.outline());
    options.state = Some(state.path().to_owned());
    // Whatever is tried again beyond these few is not told by chance.
    options.retry_budget = Some(0.0);
    options.stages[0].batch = 10;
    set(&mut options.stages[1]);
    (plan.with(Cx(database.clone()), options), state)
}

async fn run(database: &Database, set: impl FnOnce(&mut StageSettings)) -> Report {
    let (run, _state) = plan(database, set);
    run.execute().await
}

fn loader(report: &Report) -> &StageReport {
    report.stages.last().unwrap()
}

fn expect_once(report: &Report, database: &Database) {
    assert_eq!(report.status, Status::Done, "{:?}", report.failure);
    assert_eq!(report.records.loaded, COUNT);
    let server = database.server();
    assert!(server.misuses.is_empty(), "{:?}", server.misuses);
    assert_eq!(server.committed, (0..COUNT).collect::<Vec<_>>(), "each once, in order");
}

/// Does not answer this question after so many records are in, so many times.
fn fails(ask: Ask, behind: usize, mut times: u32) -> impl FnMut(&mut Server, Ask) -> bool + Send {
    move |server, asked| {
        let fails = asked == ask && server.committed.len() >= behind && times > 0;
        times -= u32::from(fails);
        fails
    }
}

#[tokio::test(start_paused = true)]
async fn i2_a_target_that_comes_back_is_loaded_once_wherever_it_went_away() {
    for keeps in [Keeps::Ledger, Keeps::Nothing] {
        for ask in [Ask::Begin, Ask::Load, Ask::Record, Ask::Commit] {
            if keeps == Keeps::Nothing && ask == Ask::Record {
                continue;
            }
            let database = Database::new(keeps, fails(ask, 20, 60));
            let report = run(&database, |_| {}).await;
            expect_once(&report, &database);
            let loader = loader(&report);
            assert_eq!((loader.outages, loader.retries), (1, 60), "{keeps:?} {ask:?}");
            assert!(loader.outage_seconds > 0.0);
            if ask == Ask::Load {
                // The connection is good; but with a ledger each trial finds out whether the claim is.
                let trials = if keeps == Keeps::Ledger { 58 } else { 0 };
                assert_eq!(database.server().reconnected, trials, "{keeps:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn trials_do_not_spend_the_retries_of_the_run() {
    for keeps in [Keeps::Ledger, Keeps::Nothing] {
        // The run has ten retries. The first batch needs two of them and thirty trials, the others two each.
        let failing = [33, 2, 2, 2];
        let mut failed = [0; 4];
        let database = Database::new(keeps, move |server, asked| {
            let batch = server.committed.len() / 10;
            let fails = asked == Ask::Load && failed[batch] < failing[batch];
            failed[batch.min(3)] += u32::from(fails);
            fails
        });
        let report = run(&database, |_| {}).await;
        expect_once(&report, &database);
        assert_eq!((loader(&report).outages, loader(&report).retries), (1, 39), "{keeps:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn retries_of_the_run_that_are_used_up_open_it_too() {
    let database = Database::new(Keeps::Ledger, fails(Ask::Begin, 0, 20));
    let report = run(&database, |insert| insert.retries = 15).await;
    expect_once(&report, &database);
    assert_eq!(loader(&report).outages, 1);
}

#[tokio::test(start_paused = true)]
async fn i2_a_commit_without_an_answer_is_asked_for_after_the_outage() {
    let mut committed = false;
    let mut times = 50;
    let database = Database::new(Keeps::Ledger, move |server, asked| {
        // The answer to the second commit is lost, and the server with it.
        committed |= asked == Ask::Answer && server.committed.len() == 20;
        let fails = committed && times > 0;
        times -= u32::from(fails);
        fails
    });
    let report = run(&database, |_| {}).await;
    expect_once(&report, &database);
    assert_eq!(loader(&report).outages, 1);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_source_is_waited_for_as_its_records_are() {
    let database = Database::new(Keeps::Ledger, fails(Ask::RecordEnd, COUNT as usize, 50));
    let report = run(&database, |_| {}).await;
    expect_once(&report, &database);
    assert_eq!(loader(&report).outages, 1);
}

#[tokio::test(start_paused = true)]
async fn an_outage_does_not_count_into_the_deadline() {
    for keeps in [Keeps::Ledger, Keeps::Nothing] {
        let database = Database::new(keeps, fails(Ask::Begin, 10, 40));
        let report = run(&database, |insert| insert.deadline = Some(Duration::from_micros(1))).await;
        expect_once(&report, &database);
        assert_eq!(loader(&report).outages, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_lasts_too_long_ends_the_run_as_retries_that_are_used_up_do() {
    for keeps in [Keeps::Ledger, Keeps::Nothing] {
        for ask in [Ask::Begin, Ask::Load] {
            let gone = || Database::new(keeps, fails(ask, 20, u32::MAX));
            let (waited, never) = (gone(), gone());
            let waited_for = run(&waited, |insert| insert.outage = Some(Duration::from_secs(600))).await;
            let at_once = run(&never, |insert| insert.outage = None).await;
            assert_eq!((loader(&waited_for).outages, loader(&at_once).outages), (1, 0));
            let [waited_for, at_once] = [waited_for, at_once].map(|report| {
                assert!(report.records.conserved());
                assert_eq!((report.status, report.records.loaded, report.records.failed), (Status::Failed, 20, 1));
                report.failure.unwrap()
            });
            assert_eq!((waited_for.kind(), waited_for.code(), waited_for.message()), (at_once.kind(), at_once.code(), at_once.message()));
            assert_eq!((waited_for.class(), waited_for.position()), (at_once.class(), at_once.position()));
            assert!(waited_for.attempts() > at_once.attempts() && at_once.attempts() == 3, "{waited_for}");
            let last = waited_for.causes().last().unwrap();
            assert!(last.starts_with("the target was away for 10m"), "{last}");
            assert_eq!(at_once.causes().count(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_retried_is_not_waited_for() {
    let database = Database::new(Keeps::Ledger, fails(Ask::Begin, 20, 1));
    let report = run(&database, |insert| insert.retries = 0).await;
    assert_eq!((report.status, loader(&report).outages), (Status::Failed, 0));
}

#[tokio::test(start_paused = true)]
async fn i5_a_run_that_another_one_took_over_from_meanwhile_commits_nothing_more() {
    let mut failed = 0;
    let database = Database::new(Keeps::Ledger, move |server, asked| {
        // The user's function fails, and the connection would be good for the next transaction.
        let fails = asked == Ask::Load && server.committed.len() >= 20;
        failed += u32::from(fails);
        if fails && failed == 10 {
            server.epoch += 1;
        }
        fails
    });
    let report = run(&database, |_| {}).await;
    let error = report.failure.as_ref().unwrap();
    assert_eq!((report.status, error.code(), report.records.loaded), (Status::Failed, "fenced", 20), "{error}");
    assert_eq!(database.server().committed.len(), 20);
}

#[tokio::test]
async fn i7_whoever_stops_the_run_does_not_wait_for_the_target() {
    for keeps in [Keeps::Ledger, Keeps::Nothing] {
        for aborts in [false, true] {
            let database = Database::new(keeps, fails(Ask::Begin, 20, u32::MAX));
            // No retry begins in time, and the pauses before the trials are long.
            let long = |insert: &mut StageSettings| {
                (insert.backoff, insert.deadline) = (Duration::from_secs(60), Some(Duration::from_micros(1)));
            };
            let (run, _state) = plan(&database, long);
            let (stop, metrics) = (run.stop(), run.metrics());
            let running = tokio::spawn(run.execute());
            while metrics.away().is_none() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            if aborts {
                stop.abort()
            } else {
                stop.drain()
            }
            let report = running.await.unwrap();
            assert_eq!((report.status, report.records.loaded, loader(&report).outages), (Status::Stopped, 20, 1), "{:?}", report.failure);
            assert!(report.records.conserved() && report.records.unfinished > 0, "{:?}", report.records);
            assert_eq!(metrics.away(), None);
        }
    }
}

#[tokio::test]
async fn i7_a_run_that_is_about_to_stop_does_not_begin_to_wait() {
    let database = Database::new(Keeps::Ledger, |_, _| false);
    let (run, _state) = plan(&database, |_| {});
    let stop = run.stop();
    let mut drained = 0;
    *database.trouble.lock().unwrap() = Box::new(move |server, asked| {
        let fails = asked == Ask::Begin && server.committed.len() >= 20;
        if fails && drained == 0 {
            stop.drain();
            drained += 1;
        }
        fails
    });
    let report = run.execute().await;
    assert_eq!((report.status, report.records.loaded, loader(&report).outages), (Status::Failed, 20, 0));
    assert_eq!(report.failure.unwrap().kind(), ErrorKind::Unavailable);
}
