//! Runs that commit as a whole: records wait in staging tables, and one transaction moves them at the
//! end. What waits survives a kill, and the next run goes on with it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use etl_core::target::fenced;
use etl_core::{Error, ErrorKind, Result};

use super::lease::{self, Held};
use super::ledger;
use super::names::{self, Ident, IntoTable, Table};
use super::session::Session;
use super::shape::Binding;

/// How long the last transaction may take: as long as it takes.
const UNLIMITED: Duration = Duration::from_secs(7 * 86_400);

/// A staging table and what it is for.
struct Stage {
    target: String,
    name: String,
    columns: Vec<String>,
    keys: Vec<String>,
}

/// The staging table of `binding`'s table, which is made if there is none. `keys` is empty where
/// records are only added.
pub(super) async fn table(session: &mut Session, held: &Held, binding: &Binding, keys: &[Ident]) -> Result<Table> {
    let doing = format!("cannot stage records for {}", binding.table);
    let bare = |names: &[Ident]| names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>();
    let (columns, keys) = (bare(&binding.columns), bare(keys));
    let known = stages(session, held).await?.into_iter().find(|stage| stage.target == binding.table);
    let name = match &known {
        Some(stage) => stage.name.clone(),
        None => name(&held.pipeline, &binding.table),
    };
    let table = name.as_str().into_table()?;
    match known {
        Some(stage) if stage.columns == columns && stage.keys == keys => {}
        Some(_) => {
            return Err(Error::new(ErrorKind::Load, doing)
                .caused_by("records of another kind wait for it in this run")
                .hint("with `atomic: run`, load each table with one type of record, and either copy or upsert"));
        }
        None => {
            session
                .run(&format!("DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (LIKE {} INCLUDING ALL)", binding.table), doing.clone())
                .await?;
            session
                .execute(
                    "INSERT INTO _etl_stage (pipeline, target, stage, columns, keys) VALUES ($1, $2, $3, $4, $5)",
                    &[&held.pipeline, &binding.table, &name, &columns, &keys],
                    doing,
                )
                .await?;
        }
    }
    Ok(table)
}

/// A name for the staging table, the same in every run.
fn name(pipeline: &str, target: &str) -> String {
    let mut hasher = DefaultHasher::new();
    (pipeline, target).hash(&mut hasher);
    format!("_etl_stage_{:016x}", hasher.finish())
}

async fn stages(session: &mut Session, held: &Held) -> Result<Vec<Stage>> {
    of_pipeline(session, &held.pipeline).await
}

async fn of_pipeline(session: &mut Session, pipeline: &str) -> Result<Vec<Stage>> {
    let rows = session
        .query(
            "SELECT target, stage, columns, keys FROM _etl_stage WHERE pipeline = $1 ORDER BY target",
            &[&pipeline],
            format!("cannot look for staging tables in {}", session.place),
        )
        .await?;
    Ok(rows.iter().map(|row| Stage { target: row.get(0), name: row.get(1), columns: row.get(2), keys: row.get(3) }).collect())
}

/// The one transaction in which everything that was staged appears. Done a second time, it does
/// nothing.
pub(super) async fn swap(session: &mut Session, held: &Held) -> Result<()> {
    let doing = format!("cannot publish in {}", session.place);
    // Moving takes as long as it takes, and nothing may be taken for dead meanwhile.
    lease::extend(session, held).await?;
    session.begin().await?;
    session.run("SET LOCAL statement_timeout = 0", doing.clone()).await?;
    if !lease::renew(session, held).await? {
        return Err(fenced(&session.place));
    }
    if is_replacing(session, held).await? {
        let tables: Vec<String> = held.tables.lock().map(|tables| tables.iter().cloned().collect()).unwrap_or_default();
        for table in &tables {
            lease::truncate(session, table).await?;
        }
    }
    let stages = stages(session, held).await?;
    for stage in &stages {
        let sql = stage.moved()?;
        session
            .answer(format!("cannot move the staged records into {}", stage.target), UNLIMITED, session.client().batch_execute(&sql))
            .await?;
    }
    forget(session, &held.pipeline).await?;
    ledger::publish(session, &held.pipeline).await?;
    let targets: Vec<String> = stages.into_iter().map(|stage| stage.target).collect();
    lease::remember(session, held, &targets).await?;
    session.execute("UPDATE _etl_lease SET replacing = false WHERE pipeline = $1", &[&held.pipeline], doing.clone()).await?;
    lease::release(session, held).await?;
    session.answer(doing, UNLIMITED, session.client().batch_execute("COMMIT")).await
}

async fn is_replacing(session: &mut Session, held: &Held) -> Result<bool> {
    let doing = format!("cannot read the lease of {}", session.place);
    let rows = session.query("SELECT replacing FROM _etl_lease WHERE pipeline = $1", &[&held.pipeline], doing).await?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

impl Stage {
    /// The statements that move its records and drop it.
    fn moved(&self) -> Result<String> {
        let idents = |names: &[String]| names.iter().map(|name| Ident::new(name)).collect::<Result<Vec<_>>>();
        let (columns, keys, stage) = (idents(&self.columns)?, idents(&self.keys)?, self.name.as_str().into_table()?);
        let list = names::list(&columns);
        let conflict = on_conflict(&columns, &keys);
        Ok(format!("INSERT INTO {} ({list}) SELECT {list} FROM {stage}{conflict}; DROP TABLE {stage}", self.target))
    }
}

/// What an insert does where a key is there already.
pub(super) fn on_conflict(columns: &[Ident], keys: &[Ident]) -> String {
    if keys.is_empty() {
        return String::new();
    }
    let set: Vec<_> =
        columns.iter().filter(|column| !keys.contains(column)).map(|column| format!("{column} = excluded.{column}")).collect();
    match set.as_slice() {
        [] => format!(" ON CONFLICT ({}) DO NOTHING", names::list(keys)),
        set => format!(" ON CONFLICT ({}) DO UPDATE SET {}", names::list(keys), set.join(", ")),
    }
}

/// Drops everything that was staged, where the run is still the one that may.
pub(super) async fn discard(session: &mut Session, held: &Held) -> Result<()> {
    session.begin().await?;
    if !lease::renew(session, held).await? {
        return Err(fenced(&session.place));
    }
    drop_all(session, &held.pipeline).await?;
    session.run("COMMIT", format!("cannot drop staging tables in {}", session.place)).await
}

/// Drops everything that was staged, in an open transaction.
pub(super) async fn drop_all(session: &mut Session, pipeline: &str) -> Result<()> {
    for stage in of_pipeline(session, pipeline).await? {
        let table = stage.name.as_str().into_table()?;
        session.run(&format!("DROP TABLE IF EXISTS {table}"), format!("cannot drop the staging table {table}")).await?;
    }
    forget(session, pipeline).await?;
    ledger::forget_staged(session, pipeline).await
}

async fn forget(session: &mut Session, pipeline: &str) -> Result<()> {
    let doing = format!("cannot forget staging tables in {}", session.place);
    session.execute("DELETE FROM _etl_stage WHERE pipeline = $1", &[&pipeline], doing).await.map(drop)
}
