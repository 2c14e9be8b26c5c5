//! Loading into a transactional target: a record that spoils its batch is found by halving, a
//! failed attempt leaves nothing behind, and an output that is never published holds nothing.

mod support;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etl_core::error::{Class, Result, StageError};
use etl_core::needs::{Context, Provides};
use etl_core::observe::report::Status;
use etl_core::source::{BoxSource, FromIter, IntoSource};
use etl_core::stage::{Batch, Extractor, Lent, Loaded, Loader, Role, StageDefinition, Takes, TransactionOf, Unchecked};
use etl_core::target::{Abandoned, Preparation, Target, Transaction, UNTARGETED, Untargeted};
use etl_core::wiring::Plan;
use etl_core::{Error, engine::RunOptions};
use proptest::prelude::*;
use support::{Number, Oops};

/// A table in memory.
#[derive(Clone, Default)]
struct Table {
    committed: Arc<Mutex<Vec<u64>>>,
    published: Arc<Mutex<Option<bool>>>,
    transactions: Arc<Mutex<u64>>,
}

struct Tx<'c> {
    table: &'c Table,
    written: Vec<u64>,
}

impl Target for Table {
    type Connection = Table;
    type Transaction<'c> = Tx<'c>;
    type Class = etl_core::guarantee::Transactional;

    fn name(&self) -> Cow<'_, str> {
        "table".into()
    }

    async fn prepare(&self, _: Preparation) -> Result<()> {
        Ok(())
    }

    async fn connect(&self) -> Result<Table> {
        Ok(self.clone())
    }

    async fn begin(connection: &mut Table) -> Result<Tx<'_>> {
        *connection.transactions.lock().unwrap() += 1;
        Ok(Tx { table: connection, written: Vec::new() })
    }

    async fn publish(&self, _: Table) -> Result<()> {
        *self.published.lock().unwrap() = Some(true);
        Ok(())
    }

    async fn abandon(&self, _: Table) -> Abandoned {
        *self.published.lock().unwrap() = Some(false);
        Abandoned::Discarded
    }
}

impl Transaction for Tx<'_> {
    type Target = Table;

    async fn commit(self) -> Result<()> {
        self.table.committed.lock().unwrap().extend(self.written);
        Ok(())
    }

    async fn rollback(self) -> Result<()> {
        Ok(())
    }
}

struct Cx {
    count: u64,
    bad: BTreeSet<u64>,
    class: Class,
    table: Table,
    /// How many calls of the loader fail with class retry first.
    hiccups: Mutex<u32>,
}

impl Context for Cx {}

impl Provides<Cx> for Cx {
    fn get(&self) -> &Cx {
        self
    }
}

impl Provides<Table> for Cx {
    fn get(&self) -> &Table {
        &self.table
    }
}

struct Numbers;

impl Extractor for Numbers {
    type Out = Number;
    type Class = etl_core::guarantee::Ephemeral;
    type Needs = (Cx,);
    const DEFINITION: StageDefinition = StageDefinition::new("numbers", Role::Extractor);

    async fn open<'a>((cx,): Lent<'a, Self::Needs>) -> Result<BoxSource<'a, Number>> {
        Ok(FromIter((0..cx.count).map(Number)).into_source())
    }
}

fn insert(records: &[Number], tx: &mut Tx<'_>, cx: &Cx) -> Result<(), Oops> {
    let mut hiccups = cx.hiccups.lock().unwrap();
    for record in records {
        if cx.bad.contains(&record.0) {
            return Err(Oops(cx.class));
        }
        tx.written.push(record.0);
    }
    if *hiccups > 0 {
        *hiccups -= 1;
        return Err(Oops(Class::Retry));
    }
    Ok(())
}

macro_rules! loader {
    ($name:ident, $takes:expr) => {
        struct $name;

        impl Loader for $name {
            type In = Number;
            type Target = Table;
            type Class = etl_core::guarantee::Transactional;
            type Error = Oops;
            type Needs = (Table, Cx);
            type InputGuard = Unchecked;
            const DEFINITION: StageDefinition = {
                let mut definition = StageDefinition::new("table", Role::Loader);
                definition.takes = $takes;
                definition.transactional = true;
                definition.classes = Oops::CLASSES;
                definition.options.retries = Some(2);
                definition.options.backoff = Some(Duration::from_micros(1));
                definition
            };

            fn target<'a>((table, _): Lent<'a, Self::Needs>) -> &'a Table {
                table
            }

            async fn load<'c, 'a, 't>(
                (_, cx): Lent<'c, Self::Needs>,
                records: &'a [Number],
                tx: &'a mut TransactionOf<'t, Self>,
            ) -> Loaded<Oops> {
                assert!(matches!($takes, Takes::BatchLent) || records.len() == 1);
                insert(records, tx, cx).map(|()| None)
            }
        }
    };
}

loader!(Batches, Takes::BatchLent);
loader!(Records, Takes::RecordLent);

/// Writes records one by one, with no transaction to take them back.
struct Lines;

impl Loader for Lines {
    type In = Number;
    type Target = Untargeted;
    type Class = etl_core::guarantee::AppendOnly;
    type Error = Oops;
    type Needs = (Cx,);
    type InputGuard = Unchecked;
    const DEFINITION: StageDefinition = {
        let mut definition = StageDefinition::new("lines", Role::Loader);
        definition.takes = Takes::RecordLent;
        definition.classes = Oops::CLASSES;
        definition
    };

    fn target<'a>(_: Lent<'a, Self::Needs>) -> &'a Untargeted {
        &UNTARGETED
    }

    async fn load<'c, 'a, 't>((cx,): Lent<'c, Self::Needs>, records: &'a [Number], _: &'a mut TransactionOf<'t, Self>) -> Loaded<Oops> {
        if cx.bad.contains(&records[0].0) {
            return Err(Oops(cx.class));
        }
        cx.table.committed.lock().unwrap().push(records[0].0);
        Ok(None)
    }
}

/// Says of each record what became of it, in a transaction.
struct Outcomes;

impl Loader for Outcomes {
    type In = Number;
    type Target = Table;
    type Class = etl_core::guarantee::AppendOnly;
    type Error = Oops;
    type Needs = (Table, Cx);
    type InputGuard = Unchecked;
    const DEFINITION: StageDefinition = {
        let mut definition = StageDefinition::new("outcomes", Role::Loader);
        definition.transactional = true;
        definition.classes = Oops::CLASSES;
        definition.options.batch = Some(50);
        definition.options.retries = Some(2);
        definition.options.backoff = Some(Duration::from_micros(1));
        definition
    };

    fn target<'a>((table, _): Lent<'a, Self::Needs>) -> &'a Table {
        table
    }

    async fn load<'c, 'a, 't>((_, cx): Lent<'c, Self::Needs>, records: &'a [Number], tx: &'a mut TransactionOf<'t, Self>) -> Loaded<Oops> {
        let mut outcomes = Batch::default();
        for record in records {
            let mut hiccups = cx.hiccups.lock().unwrap();
            if *hiccups > 0 {
                *hiccups -= 1;
                outcomes.error(Oops(Class::Retry));
            } else if cx.bad.contains(&record.0) {
                outcomes.error(Oops(cx.class));
            } else {
                tx.written.push(record.0);
                outcomes.push(());
            }
        }
        Ok(Some(outcomes))
    }
}

struct Came {
    report: etl_core::observe::report::Report,
    table: Table,
    letters: usize,
}

fn run(records_alone: bool, batch: usize, cx: Cx) -> Came {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let flow = Plan::build("table").extract::<Numbers>();
    let plan = if records_alone { flow.load::<Records>() } else { flow.load::<Batches>() };
    let mut options = RunOptions::new(plan.outline());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rejects.jsonl");
    options.dead_letter = Some(path.clone());
    options.stages[0].batch = 37;
    options.stages[1].batch = batch;
    let table = cx.table.clone();
    let report = runtime.block_on(plan.with(cx, options).execute());
    let letters = std::fs::read_to_string(path).map_or(0, |text| text.lines().count());
    Came { report, table, letters }
}

fn cx(count: u64, bad: BTreeSet<u64>, class: Class) -> Cx {
    Cx { count, bad, class, table: Table::default(), hiccups: Mutex::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn only_the_records_that_spoil_a_batch_are_left_out(
        records_alone: bool,
        count in 0..400_u64,
        bad in proptest::collection::btree_set(0..400_u64, 0..12),
        batch in 1..150_usize,
        hiccups in 0..3_u32,
        skip: bool,
    ) {
        let context = Cx { hiccups: Mutex::new(hiccups), ..cx(count, bad.clone(), if skip { Class::Skip } else { Class::Reject }) };
        let Came { report, table, letters } = run(records_alone, batch, context);
        prop_assert_eq!(report.status, Status::Done, "{:?}", report.failure);
        prop_assert!(report.records.conserved());
        let good: Vec<u64> = (0..count).filter(|number| !bad.contains(number)).collect();
        prop_assert_eq!(&*table.committed.lock().unwrap(), &good, "in order, none twice");
        prop_assert_eq!(report.records.loaded, good.len() as u64);
        prop_assert_eq!(report.records.skipped + report.records.rejected, count - good.len() as u64);
        prop_assert_eq!(letters as u64, report.records.rejected);
        prop_assert_eq!(*table.published.lock().unwrap(), Some(true));
    }
}

#[test]
fn records_of_an_output_that_is_not_published_are_not_loaded() {
    let Came { report, table, .. } = run(false, 50, cx(200, BTreeSet::from([170]), Class::Fail));
    assert_eq!(table.committed.lock().unwrap().len(), 150, "three batches had been committed");
    assert_eq!(*table.published.lock().unwrap(), Some(false));
    let records = report.records;
    assert_eq!((report.status, records.loaded, records.failed), (Status::Failed, 0, 1));
    assert!(records.conserved(), "{records:?}");
}

#[test]
fn a_loader_that_takes_records_writes_a_batch_in_one_transaction() {
    let Came { table, .. } = run(true, 50, cx(200, BTreeSet::new(), Class::Reject));
    assert_eq!(*table.transactions.lock().unwrap(), 4);
}

#[test]
fn retries_that_are_used_up_say_how_often_it_was_tried() {
    let context = Cx { hiccups: Mutex::new(99), ..cx(10, BTreeSet::new(), Class::Reject) };
    let Came { report, letters, .. } = run(false, 50, context);
    let error: Error = report.failure.unwrap();
    assert_eq!((error.attempts(), letters), (3, 0), "{error}");
}

#[tokio::test]
async fn what_a_failing_loader_has_written_for_good_counts_as_loaded() {
    let plan = Plan::build("lines").extract::<Numbers>().load::<Lines>();
    let options = RunOptions::new(plan.outline());
    let context = cx(200, BTreeSet::from([170]), Class::Fail);
    let table = context.table.clone();
    let report = plan.with(context, options).execute().await;
    let written = table.committed.lock().unwrap().len() as u64;
    let records = report.records;
    assert_eq!((written, records.loaded, records.failed, records.unfinished), (170, 170, 1, 29));
    assert!(records.conserved());
}

async fn by_outcomes(context: Cx) -> (etl_core::observe::report::Report, Vec<u64>) {
    let plan = Plan::build("outcomes").extract::<Numbers>().load::<Outcomes>();
    let mut options = RunOptions::new(plan.outline());
    let directory = tempfile::tempdir().unwrap();
    options.dead_letter = Some(directory.path().join("rejects.jsonl"));
    let table = context.table.clone();
    let report = plan.with(context, options).execute().await;
    assert!(report.records.conserved(), "{:?}", report.records);
    let committed = table.committed.lock().unwrap().clone();
    (report, committed)
}

#[tokio::test]
async fn an_outcome_that_stops_the_run_is_rolled_back_and_not_committed() {
    let (report, committed) = by_outcomes(cx(200, BTreeSet::from([170]), Class::Fail)).await;
    assert_eq!(committed, (0..150).collect::<Vec<_>>(), "nothing of the batch that holds record 170");
    assert_eq!(report.failure.unwrap().position().unwrap().ordinal, 170, "the record that is to blame");
}

#[tokio::test]
async fn an_outcome_that_asks_for_it_makes_the_batch_be_tried_again() {
    let (report, committed) = by_outcomes(Cx { hiccups: Mutex::new(2), ..cx(200, BTreeSet::from([170]), Class::Reject) }).await;
    assert_eq!((report.status, report.records.loaded, report.records.rejected), (Status::Done, 199, 1), "{:?}", report.failure);
    assert_eq!(committed, (0..200).filter(|number| *number != 170).collect::<Vec<_>>(), "in order, none twice");
}

#[tokio::test]
async fn dead_letters_in_the_file_of_the_target_are_refused_before_a_record_moves() {
    let ready = || {
        let plan = Plan::build("table").extract::<Numbers>().load::<Batches>();
        let mut options = RunOptions::new(plan.outline());
        options.dead_letter = Some(std::path::PathBuf::from("./table"));
        plan.with(cx(10, BTreeSet::new(), Class::Reject), options)
    };
    let error = ready().check().await.unwrap_err();
    assert_eq!(error.kind(), etl_core::ErrorKind::Config);
    assert!(error.to_string().contains("records are loaded into that file"), "{error}");
    let report = ready().execute().await;
    assert_eq!(report.failure.unwrap().to_string(), error.to_string());
    assert_eq!(report.records.extracted, 0);
    assert!(!std::path::Path::new("table").exists(), "no file was made for them");
}
