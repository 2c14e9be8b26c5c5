//! Who may load: a row for each pipeline, with an epoch that only rises. Every transaction finds out
//! whether its epoch is still the one, so that a run that was taken for dead commits nothing more (I5).

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use etl_core::target::{Claim, Entry, Holder, fenced};
use etl_core::{Class, Error, ErrorKind, Result, mutants};
use tokio_postgres::Row;

use super::session::{Backend, Session};
use super::{ledger, staging};

/// The statements that make the tables of the ledger, for a role that may not make them itself.
pub const TABLES: &str = "
CREATE TABLE IF NOT EXISTS _etl_lease (
    pipeline text PRIMARY KEY,
    epoch bigint NOT NULL,
    replay_epoch bigint NOT NULL,
    run_id text,
    holder text,
    backend_pid integer,
    backend_start timestamptz,
    expires_at timestamptz NOT NULL,
    tables text[] NOT NULL DEFAULT '{}',
    replacing boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS _etl_ledger (
    pipeline text NOT NULL,
    replay_epoch bigint NOT NULL,
    partition text NOT NULL,
    start_record bigint NOT NULL,
    end_record bigint NOT NULL,
    end_byte bigint,
    end_line bigint,
    epoch bigint NOT NULL,
    sequence bigint NOT NULL,
    records bigint NOT NULL,
    progress text,
    staged boolean NOT NULL,
    PRIMARY KEY (pipeline, replay_epoch, partition, start_record)
) WITH (fillfactor = 90);
CREATE TABLE IF NOT EXISTS _etl_stage (
    pipeline text NOT NULL,
    target text NOT NULL,
    stage text NOT NULL,
    columns text[] NOT NULL,
    keys text[] NOT NULL,
    PRIMARY KEY (pipeline, target)
);";

/// Names the lock under which the tables are made: two runs that make them at once would collide.
const MAKING: i64 = 0x6574_6c5f_6c65_6473;

/// How long the takeover waits before it looks who holds it up.
const IMPATIENCE: &str = "SET LOCAL lock_timeout = '2s'";

/// How often a claim looks again where the lease changed hands while it looked.
const LOOKS: u32 = 10;

/// How often it looks who holds it up, before it waits as long as others do.
const IMPATIENT_LOOKS: u32 = 3;

/// The lease that a run has.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) pipeline: String,
    pub(super) epoch: i64,
    pub(super) replay_epoch: i64,
    /// How long it lasts without a renewal, in milliseconds.
    lease: i64,
    /// The run commits as a whole.
    pub(super) whole: bool,
    /// The tables that the row of the lease remembers.
    pub(super) tables: Arc<Mutex<HashSet<String>>>,
}

/// The row of a lease, as another run left it.
struct Seen {
    epoch: i64,
    run_id: Option<String>,
    holder: Option<String>,
    until: String,
    expired: bool,
    backend_is_there: bool,
}

impl Seen {
    fn read(row: &Row) -> Self {
        Self {
            epoch: row.get(0),
            run_id: row.get(1),
            holder: row.get(2),
            until: row.get(3),
            expired: row.get(4),
            backend_is_there: row.get(5),
        }
    }

    fn holder(&self) -> Option<Holder> {
        serde_json::from_str(self.holder.as_deref()?).ok()
    }

    /// Whether the holder is known to do nothing more, whenever the lease ends.
    fn is_over(&self, claim: &Claim) -> bool {
        let same_run = self.run_id.as_deref() == Some(&claim.run_id);
        self.run_id.is_none() || same_run || !self.backend_is_there || self.holder().is_some_and(|holder| holder.is_gone())
    }

    /// That it is held, and by whom.
    fn refusal(&self, place: &str) -> Error {
        let who = self.holder().map_or_else(|| "another process".to_owned(), |holder| holder.to_string());
        let run = self.run_id.as_deref().unwrap_or("?");
        Error::new(ErrorKind::Unavailable, format!("another run of this pipeline loads into {place}"))
            .with_code("held")
            .caused_by(format!("{who}, run {run}, holds it until {} UTC by the server's clock", self.until))
            .hint("wait for it to end; one that is dead is followed when its lease ends")
    }
}

/// Becomes the only run that can commit, then reads the ledger.
pub(super) async fn claim(session: &mut Session, claim: &Claim, whole: bool) -> Result<(Held, Vec<Entry>)> {
    make_tables(session).await?;
    let doing = format!("cannot claim {}", session.place);
    let lease = i64::try_from(claim.lease.as_millis()).unwrap_or(i64::MAX / 2);
    let holder = serde_json::to_string(&claim.holder).unwrap_or_default();
    for looks in 0..LOOKS {
        let seen = look(session, claim.pipeline, &doing).await?;
        let is_over = seen.is_over(claim);
        if !is_over && !seen.expired {
            return Err(seen.refusal(&session.place));
        }
        session.begin().await?;
        if looks < IMPATIENT_LOOKS {
            session.run(IMPATIENCE, doing.clone()).await?;
        }
        let taken = session
            .query(
                "UPDATE _etl_lease SET epoch = epoch + 1, run_id = $3, holder = $4,
                        backend_pid = pg_backend_pid(),
                        backend_start = (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()),
                        expires_at = clock_timestamp() + $5::bigint * interval '1 millisecond'
                 WHERE pipeline = $1 AND epoch = $2 AND ($6 OR expires_at <= clock_timestamp())
                 RETURNING epoch, replay_epoch, tables, replacing",
                &[&claim.pipeline, &seen.epoch, &claim.run_id, &holder, &lease, &is_over],
                doing.clone(),
            )
            .await;
        match taken {
            Ok(rows) => {
                if let Some(row) = rows.first() {
                    let held = Held {
                        pipeline: claim.pipeline.to_owned(),
                        epoch: row.get(0),
                        replay_epoch: row.get(1),
                        lease,
                        whole,
                        tables: Arc::new(Mutex::new(row.get::<_, Vec<String>>(2).into_iter().collect())),
                    };
                    return take_over(session, claim, held, row.get(3)).await;
                }
                // Renewed, or taken by somebody else: look again.
                session.run("ROLLBACK", doing.clone()).await?;
            }
            Err(error) if error.code() == "postgres_locked" && looks < IMPATIENT_LOOKS => {
                session.run("ROLLBACK", doing.clone()).await?;
                end_sleeper(session, claim.pipeline, &doing).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::new(ErrorKind::Unavailable, doing).with_class(Class::Retry).caused_by("other runs claim it at the same time"))
}

/// What is done in the transaction that has raised the epoch: nothing of an older one can be committed
/// behind it, so the ledger that is read here is final.
async fn take_over(session: &mut Session, claim: &Claim, mut held: Held, replacing: bool) -> Result<(Held, Vec<Entry>)> {
    let doing = format!("cannot claim {}", session.place);
    session.be_patient().await?;
    if claim.fresh || !held.whole {
        staging::drop_all(session, &held.pipeline).await?;
    }
    let tables: Vec<String> = held.tables.lock().map(|tables| tables.iter().cloned().collect()).unwrap_or_default();
    let mut replaced = replacing;
    if claim.fresh {
        if claim.replace {
            replaced = true;
        } else if !replacing {
            refuse_rows(session, &tables).await?;
        }
        ledger::forget(session, &held.pipeline).await?;
        held.replay_epoch += 1;
    }
    // A run that commits as a whole empties the tables when it does.
    let empties_now = replaced && !held.whole;
    if empties_now {
        for table in &tables {
            truncate(session, table).await?;
        }
    }
    session
        .execute(
            "UPDATE _etl_lease SET replay_epoch = $2, replacing = $3 WHERE pipeline = $1",
            &[&held.pipeline, &held.replay_epoch, &(replaced && held.whole)],
            doing.clone(),
        )
        .await?;
    let entries = ledger::read(session, &held).await?;
    session.run("COMMIT", doing).await?;
    Ok((held, entries))
}

/// The row of the lease, which is made if there is none.
async fn look(session: &mut Session, pipeline: &str, doing: &str) -> Result<Seen> {
    let ask =
        "SELECT epoch, run_id, holder, to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), expires_at <= clock_timestamp(),
                      EXISTS (SELECT FROM pg_stat_activity a
                              WHERE a.pid = l.backend_pid AND (a.backend_start IS NULL OR a.backend_start = l.backend_start))
               FROM _etl_lease l WHERE pipeline = $1";
    let mut rows = session.query(ask, &[&pipeline], doing.to_owned()).await?;
    if rows.is_empty() {
        // Only here, because it waits for a transaction that renews the row.
        let make = "INSERT INTO _etl_lease (pipeline, epoch, replay_epoch, expires_at) VALUES ($1, 0, 0, clock_timestamp()) ON CONFLICT DO NOTHING";
        session.execute(make, &[&pipeline], doing.to_owned()).await?;
        rows = session.query(ask, &[&pipeline], doing.to_owned()).await?;
    }
    rows.first().map(Seen::read).ok_or_else(|| Error::new(ErrorKind::Load, doing.to_owned()).caused_by("the row of its lease was deleted"))
}

/// Makes the tables of the ledger, if they are missing.
async fn make_tables(session: &mut Session) -> Result<()> {
    let doing = format!("cannot make the ledger in {}", session.place);
    let there = session
        .query(
            "SELECT to_regclass('_etl_lease') IS NOT NULL AND to_regclass('_etl_ledger') IS NOT NULL AND to_regclass('_etl_stage') IS NOT NULL",
            &[],
            doing.clone(),
        )
        .await?;
    if there.first().is_some_and(|row| row.get(0)) {
        return Ok(());
    }
    session.begin().await?;
    session.run(&format!("SELECT pg_advisory_xact_lock({MAKING}); {TABLES} COMMIT"), doing).await
}

async fn refuse_rows(session: &mut Session, tables: &[String]) -> Result<()> {
    for table in tables {
        let doing = format!("cannot look at the table {table}");
        if !exists(session, table).await? {
            continue;
        }
        let statement = session.statement(format!("SELECT EXISTS (SELECT FROM {table})"), doing.clone()).await?;
        let row = session.answer(doing, session.limit(), session.client().query_one(&statement, &[])).await?;
        if row.get(0) {
            return Err(Error::new(ErrorKind::Config, format!("the table {table} still holds rows of earlier runs"))
                .with_code("not_empty")
                .hint("`--replace` empties the tables that this pipeline has loaded into"));
        }
    }
    Ok(())
}

async fn exists(session: &mut Session, table: &str) -> Result<bool> {
    let rows = session.query("SELECT to_regclass($1) IS NOT NULL", &[&table], format!("cannot look at the table {table}")).await?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

/// Empties a table, if it is there.
pub(super) async fn truncate(session: &mut Session, table: &str) -> Result<()> {
    if exists(session, table).await? {
        session.run(&format!("TRUNCATE {table}"), format!("cannot empty the table {table}")).await?;
    }
    Ok(())
}

/// Renews the lease, and says on which session the run is alive; `false` if another run has it. In a
/// transaction, nobody can take it before that ends.
pub(super) async fn renew(session: &mut Session, held: &Held) -> Result<bool> {
    let doing = format!("cannot renew the lease of {}", session.place);
    let (epoch, backend) = (checked(held), session.backend.clone());
    let rows = session
        .execute(
            "UPDATE _etl_lease SET expires_at = clock_timestamp() + $3::bigint * interval '1 millisecond',
                    backend_pid = $4, backend_start = $5::text::timestamptz
             WHERE pipeline = $1 AND ($2::bigint IS NULL OR epoch = $2)",
            &[&held.pipeline, &epoch, &held.lease, &backend.process, &backend.started],
            doing,
        )
        .await?;
    Ok(rows == 1)
}

/// Makes the lease last for at least an hour, for what takes long: if this process dies, that is seen
/// without it.
pub(super) async fn extend(session: &mut Session, held: &Held) -> Result<()> {
    let longer = Held { lease: held.lease.max(3_600_000), ..held.clone() };
    if renew(session, &longer).await? { Ok(()) } else { Err(fenced(&session.place)) }
}

/// The epoch that must still be the one.
fn checked(held: &Held) -> Option<i64> {
    if mutants::active("postgres_epoch_unchecked") { None } else { Some(held.epoch) }
}

/// Gives the lease up, if it is still this run's.
pub(super) async fn release(session: &mut Session, held: &Held) -> Result<()> {
    let doing = format!("cannot give up the lease of {}", session.place);
    session
        .execute(
            "UPDATE _etl_lease SET run_id = NULL, holder = NULL, backend_pid = NULL, backend_start = NULL, expires_at = clock_timestamp()
             WHERE pipeline = $1 AND epoch = $2",
            &[&held.pipeline, &held.epoch],
            doing,
        )
        .await
        .map(drop)
}

/// Has the row remember tables that it does not know yet, so that `--fresh` finds what was loaded.
pub(super) async fn remember(session: &mut Session, held: &Held, tables: &[String]) -> Result<()> {
    let doing = format!("cannot write to the lease of {}", session.place);
    session
        .execute(
            "UPDATE _etl_lease SET tables = ARRAY(SELECT DISTINCT t FROM unnest(tables || $2::text[]) t ORDER BY t) WHERE pipeline = $1",
            &[&held.pipeline, &tables],
            doing,
        )
        .await
        .map(drop)
}

/// Ends the session that holds the row of the lease and does nothing: a zombie, on whichever of its connections, that was
/// stopped between the ledger and the commit, or in the middle of a claim. Nobody who is awake is silent for so long there.
async fn end_sleeper(session: &mut Session, pipeline: &str, doing: &str) -> Result<()> {
    // Who has changed a row that others still see as it was is named in it.
    session
        .query(
            "SELECT pg_terminate_backend(a.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
             WHERE l.locktype = 'transactionid' AND l.granted AND l.pid <> pg_backend_pid()
               AND l.transactionid = (SELECT xmax FROM _etl_lease WHERE pipeline = $1)
               AND a.state LIKE 'idle in transaction%' AND a.state_change < clock_timestamp() - interval '1 second'",
            &[&pipeline],
            doing.to_owned(),
        )
        .await
        .map(drop)
}

/// Ends a session of a run that is over, if the server still has it.
pub(super) async fn end_backend(session: &mut Session, backend: &Backend) -> Result<()> {
    session
        .query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2::text::timestamptz AND pid <> pg_backend_pid()",
            &[&backend.process, &backend.started],
            format!("cannot end the session of an earlier run in {}", session.place),
        )
        .await
        .map(drop)
}
