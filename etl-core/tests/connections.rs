//! A connection that was left in the middle of a transaction is never used again: a target that keeps
//! a ledger answers nothing, or an error, at every place where it is asked something, also twice, with
//! one transaction under way at a time and with several. And none is left alone while its loader waits.

mod support;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use etl_core::engine::{Run, RunOptions};
use etl_core::error::{Class, Result};
use etl_core::needs::{Context, Provides};
use etl_core::observe::report::{Report, Status};
use etl_core::source::{BoxSource, FromIter, IntoSource};
use etl_core::stage::{Extractor, Lent, Loaded, Loader, Rate, Role, StageDefinition, Takes, TransactionOf, Unchecked};
use etl_core::target::{Abandoned, Claim, Entry, Keeps, Preparation, Receipt, Recorded, Target, Transaction};
use etl_core::wiring::Plan;
use etl_core::{Error, ErrorKind};
use support::{Number, Oops};

const COUNT: u64 = 40;

/// What the server answers at one of the places where it is asked something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    /// It has done what it was asked, and nobody hears of it.
    Nothing,
    /// That it cannot be reached.
    Away,
}

#[derive(Default)]
struct Server {
    committed: Vec<u64>,
    entries: Vec<Entry>,
    epoch: u64,
    /// How often it has been asked since the claim, and what goes wrong then.
    asked: usize,
    troubles: Vec<(usize, Answer)>,
    hangs: bool,
    /// How many connections were made anew.
    reconnected: u64,
    /// How often the claim was renewed.
    renewed: u64,
    misuses: BTreeSet<&'static str>,
    /// How many transactions may be open at once, and how many were.
    lanes: usize,
    open: usize,
    most_open: usize,
}

#[derive(Clone, Default)]
struct Database(Arc<Mutex<Server>>);

impl Database {
    fn server(&self) -> MutexGuard<'_, Server> {
        self.0.lock().unwrap()
    }

    async fn ask(&self) -> Result<()> {
        let answer = {
            let mut server = self.server();
            let place = server.asked;
            server.asked += 1;
            let answer = server.troubles.iter().find(|(at, _)| *at == place).map(|(_, answer)| *answer);
            server.hangs |= answer == Some(Answer::Nothing);
            answer
        };
        // Whoever else is under way is asking too.
        tokio::task::yield_now().await;
        match answer {
            None => Ok(()),
            Some(Answer::Nothing) => std::future::pending().await,
            Some(Answer::Away) => Err(Error::new(ErrorKind::Load, "the server is away").with_class(Class::Retry)),
        }
    }
}

struct Connection {
    database: Database,
    held: Option<u64>,
    in_transaction: bool,
}

impl Connection {
    fn end(&mut self) {
        if std::mem::take(&mut self.in_transaction) {
            self.database.server().open -= 1;
        }
    }
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
    const CONCURRENT: bool = true;

    fn name(&self) -> Cow<'_, str> {
        "server".into()
    }

    fn keeps(&self) -> Keeps {
        Keeps::Ledger
    }

    async fn prepare(&self, _: Preparation) -> Result<()> {
        Ok(())
    }

    async fn connect(&self) -> Result<Connection> {
        Ok(Connection { database: self.clone(), held: None, in_transaction: false })
    }

    async fn reconnect(&self, connection: &mut Connection) -> Result<()> {
        self.ask().await?;
        self.server().reconnected += 1;
        connection.end();
        Ok(())
    }

    async fn claim(&self, connection: &mut Connection, _: &Claim) -> Result<Vec<Entry>> {
        let mut server = self.server();
        server.epoch += 1;
        server.asked = 0;
        connection.held = Some(server.epoch);
        Ok(server.entries.clone())
    }

    async fn renew(&self, _: &mut Connection) -> Result<()> {
        self.server().renewed += 1;
        Ok(())
    }

    async fn begin(connection: &mut Connection) -> Result<Tx<'_>> {
        if connection.in_transaction {
            connection.database.server().misuses.insert("a transaction begins inside another one");
        }
        connection.in_transaction = true;
        {
            let mut server = connection.database.server();
            server.open += 1;
            server.most_open = server.most_open.max(server.open);
        }
        connection.database.ask().await?;
        Ok(Tx { connection, written: Vec::new(), entries: Vec::new() })
    }

    async fn publish(&self, connection: Connection) -> Result<()> {
        if connection.in_transaction {
            self.server().misuses.insert("a run ends inside a transaction");
        }
        Ok(())
    }

    async fn abandon(&self, _: Connection) -> Abandoned {
        Abandoned::Kept
    }
}

impl Transaction for Tx<'_> {
    type Target = Database;
    const SAVEPOINTS: bool = true;

    async fn record(&mut self, receipt: &Receipt) -> Result<Recorded> {
        self.connection.database.ask().await?;
        let mut server = self.connection.database.server();
        // Others are of the same claim, and a new one may be made for each.
        if server.lanes == 1 && self.connection.held != Some(server.epoch) {
            server.misuses.insert("a transaction without the claim");
        }
        let is_there = |entry: &Entry| server.entries.iter().any(|there| there.range == entry.range && !entry.range.is_empty());
        if receipt.entries.iter().any(is_there) {
            return Ok(Recorded::Already);
        }
        self.entries.clone_from(&receipt.entries);
        Ok(Recorded::New)
    }

    async fn savepoint(&mut self) -> Result<()> {
        self.connection.database.ask().await
    }

    async fn roll_back_to_savepoint(&mut self) -> Result<()> {
        self.connection.database.ask().await?;
        self.written.clear();
        Ok(())
    }

    async fn release_savepoint(&mut self) -> Result<()> {
        self.connection.database.ask().await
    }

    async fn commit(self) -> Result<()> {
        self.connection.database.ask().await?;
        {
            let mut server = self.connection.database.server();
            server.committed.extend(&self.written);
            server.entries.extend(self.entries.clone());
        }
        // The answer, which may be lost though the commit was not.
        self.connection.database.ask().await?;
        self.connection.end();
        Ok(())
    }

    async fn rollback(self) -> Result<()> {
        self.connection.database.ask().await?;
        self.connection.end();
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
        definition.options.retries = Some(4);
        definition.options.backoff = Some(Duration::from_micros(1));
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
        // Half of them before the server is asked, so that something is left half-way.
        let (first, rest) = records.split_at(records.len() / 2);
        tx.written.extend(first.iter().map(|record| record.0));
        if database.ask().await.is_err() {
            return Err(Oops(Class::Retry));
        }
        tx.written.extend(rest.iter().map(|record| record.0));
        Ok(None)
    }
}

use etl_core::error::StageError as _;

/// A run with other options than the usual ones.
fn run_with(database: &Database, state: &std::path::Path, options: impl FnOnce(&mut RunOptions)) -> Run<Cx> {
    let plan = Plan::build("numbers").extract::<Numbers>().load::<Insert>();
    let mut usual = RunOptions::new(plan.outline());
    usual.state = Some(state.to_owned());
    usual.stages[0].batch = 10;
    usual.stages[1].concurrency = database.server().lanes;
    options(&mut usual);
    plan.with(Cx(database.clone()), usual)
}

async fn run(database: &Database, timeout: Option<Duration>) -> Report {
    let state = tempfile::tempdir().unwrap();
    let run = run_with(database, state.path(), |options| options.stages[1].timeout = timeout);
    let stop = run.stop();
    let executing = run.execute();
    tokio::pin!(executing);
    loop {
        tokio::select! {
            report = &mut executing => return report,
            () = tokio::time::sleep(Duration::from_millis(1)), if timeout.is_none() => {
                if database.server().hangs {
                    stop.abort();
                }
            }
        }
    }
}

fn expect_once(database: &Database, what: &str) {
    let server = database.server();
    assert!(server.misuses.is_empty(), "{what}: {:?}", server.misuses);
    let mut committed = server.committed.clone();
    committed.sort_unstable();
    assert_eq!(committed, (0..COUNT).collect::<Vec<_>>(), "{what}");
}

fn database(lanes: usize, troubles: &[(usize, Answer)]) -> Database {
    Database(Arc::new(Mutex::new(Server { lanes, troubles: troubles.to_vec(), ..Server::default() })))
}

/// How often a run without any trouble asks.
async fn places(lanes: usize) -> usize {
    let database = database(lanes, &[]);
    let report = run(&database, Some(Duration::from_secs(60))).await;
    assert_eq!(report.status, Status::Done, "{:?}", report.failure);
    expect_once(&database, "no trouble");
    let server = database.server();
    assert_eq!(server.reconnected, 0);
    assert!((lanes.min(2)..=lanes).contains(&server.most_open), "{} transactions are open at once", server.most_open);
    server.asked
}

async fn two_troubles_at_every_place(lanes: usize) {
    let mut reconnected = 0;
    for first in 0..places(lanes).await {
        let runs = [Answer::Nothing, Answer::Away].into_iter().flat_map(|one| {
            (1..=4).flat_map(move |later| [Answer::Nothing, Answer::Away].map(|other| [(first, one), (first + later, other)]))
        });
        let all = runs.map(|troubles| async move {
            let database = database(lanes, &troubles);
            let report = run(&database, Some(Duration::from_millis(20))).await;
            assert_eq!(report.status, Status::Done, "{troubles:?}: {:?}", report.failure);
            assert_eq!(report.records.loaded, COUNT, "{troubles:?}");
            assert_eq!(report.all_runs.map(|totals| totals.loaded), Some(COUNT), "{troubles:?}");
            expect_once(&database, &format!("{troubles:?}"));
            database.server().reconnected
        });
        reconnected += futures::future::join_all(all).await.into_iter().sum::<u64>();
    }
    assert!(reconnected > 100, "the test is about connections that are made anew: {reconnected}");
}

#[tokio::test]
async fn i2_two_troubles_at_every_place_leave_no_connection_in_a_transaction() {
    two_troubles_at_every_place(1).await;
}

#[tokio::test]
async fn i2_nor_do_they_with_several_transactions_under_way() {
    for lanes in [2, 3] {
        two_troubles_at_every_place(lanes).await;
    }
}

#[tokio::test]
async fn i7_a_target_that_never_answers_keeps_nobody_who_gives_up_and_the_next_run_goes_on() {
    for lanes in [1, 2, 3] {
        let all = (0..places(lanes).await).map(|place| async move {
            let database = database(lanes, &[(place, Answer::Nothing)]);
            let report = run(&database, None).await;
            assert!(report.records.conserved(), "{:?}", report.records);
            assert_ne!(report.status, Status::Done, "place {place}");
            {
                let mut server = database.server();
                (server.troubles, server.hangs) = (Vec::new(), false);
            }
            let report = run(&database, Some(Duration::from_secs(60))).await;
            assert_eq!(report.status, Status::Done, "place {place}: {:?}", report.failure);
            assert_eq!(report.all_runs.map(|totals| totals.loaded), Some(COUNT), "place {place}: what was committed is counted once");
            expect_once(&database, &format!("place {place}"));
        });
        futures::future::join_all(all).await;
    }
}

#[tokio::test]
async fn i7_what_is_under_way_and_the_claim_go_on_while_the_loader_keeps_its_pace() {
    for lanes in [1, 2, 3] {
        let (database, state) = (database(lanes, &[]), tempfile::tempdir().unwrap());
        let run = run_with(&database, state.path(), |options| {
            options.stages[1].rate = Some(Rate::new(1, 3_600));
            options.lease = Duration::from_millis(30);
        });
        let stop = run.stop();
        let executing = tokio::spawn(run.execute());
        // The second batch may go in ten hours.
        let gone_on = async {
            while database.server().committed.len() < 10 || database.server().renewed < 3 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let gone_on = tokio::time::timeout(Duration::from_secs(60), gone_on).await;
        stop.abort();
        let report = executing.await.unwrap();
        let server = database.server();
        assert!(gone_on.is_ok(), "{lanes} at once: {} committed, renewed {} times", server.committed.len(), server.renewed);
        assert_eq!((report.status, report.records.loaded), (Status::Stopped, 10), "{:?}", report.failure);
        assert_eq!(server.committed, (0..10).collect::<Vec<_>>());
    }
}

/// The control: with a seeded bug a test must find what is wrong.
#[cfg(feature = "mutants")]
fn found(mutant: &str, test: &str, what: &str) {
    let mut process = std::process::Command::new(std::env::current_exe().unwrap());
    process.args(["--exact", test, "--nocapture"]);
    let output = process.env("ETL_MUTANT", mutant).env("RUST_BACKTRACE", "0").output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && words.contains(what), "{words}");
}

#[cfg(feature = "mutants")]
#[test]
fn a_connection_that_is_used_as_it_is_is_found() {
    let test = "i2_two_troubles_at_every_place_leave_no_connection_in_a_transaction";
    found("connection_reused", test, "a transaction begins inside another one");
}

#[cfg(feature = "mutants")]
#[test]
fn transactions_that_are_sealed_side_by_side_are_found() {
    found("sealed_side_by_side", "i2_nor_do_they_with_several_transactions_under_way", "right: Some(40)");
}
