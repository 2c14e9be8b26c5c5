//! One session with the server: what is said goes through here, so that a session in an unknown
//! state is known to be in one.

use std::borrow::Cow;
use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use etl_core::record::Column;
use etl_core::{Error, ErrorKind, Result};
use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row, SimpleQueryMessage, Statement};

use super::Options;
use super::address::Address;
use super::errors::{away, explain, given_up};
use super::names::Table;
use super::shape::{self, Binding, Shape};

/// How much longer than the server this end waits: the server's timers are the ones that fire.
const MARGIN: Duration = Duration::from_secs(5);

/// A parameter of a statement.
pub(super) type Parameter<'p> = &'p (dyn ToSql + Sync);

/// The process that serves a session; tells it from a later one with the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Backend {
    pub(super) process: i32,
    /// As the server writes it.
    pub(super) started: String,
}

/// An open session.
pub(super) struct Session {
    client: Client,
    driver: JoinHandle<()>,
    runtime: Handle,
    pub(super) place: Arc<str>,
    pub(super) backend: Backend,
    limit: Duration,
    /// Said at the begin of every transaction.
    begin: String,
    /// How long a transaction waits for a lock.
    patience: String,
    /// Whether a call is under way, or was given up half-way.
    busy: AtomicBool,
    /// Whether answers may be out of step with what was asked.
    doubtful: AtomicBool,
    statements: HashMap<Cow<'static, str>, Statement>,
    /// By table, and by the address of the schema.
    bindings: HashMap<(Table, usize), Arc<Binding>>,
}

impl Session {
    /// Opens one.
    pub(super) async fn open(address: &Address, options: &Options) -> Result<Self> {
        let doing = || format!("cannot connect to {}", address.place);
        let (client, mut connection) = address.config.connect(NoTls).await.map_err(|error| explain(ErrorKind::Config, doing(), &error))?;
        // What the server says on the side is not logged: a trigger may quote records in it.
        let driver = tokio::spawn(async move { while let Some(Ok(_)) = poll_fn(|context| connection.poll_message(context)).await {} });
        let millis = |limit: Duration| limit.as_millis().clamp(1, i32::MAX as u128);
        let mut session = Self {
            client,
            driver,
            runtime: Handle::current(),
            place: address.place.as_str().into(),
            backend: Backend { process: 0, started: String::new() },
            limit: options.statement.saturating_add(MARGIN),
            begin: format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}; \
                 SET LOCAL idle_in_transaction_session_timeout = {}",
                millis(options.statement),
                millis(options.lock),
                millis(options.idle)
            ),
            patience: format!("SET LOCAL lock_timeout = {}", millis(options.lock)),
            busy: AtomicBool::new(false),
            doubtful: AtomicBool::new(false),
            statements: HashMap::new(),
            bindings: HashMap::new(),
        };
        let row = session
            .query(
                // A commit that was answered must stand, whatever the server's default. The timers are those of
                // statements outside a transaction.
                "SELECT pid, backend_start::text,
                        set_config('client_min_messages', 'warning', false),
                        set_config('statement_timeout', $1, false),
                        set_config('lock_timeout', $2, false),
                        CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END
                 FROM pg_catalog.pg_stat_activity WHERE pid = pg_backend_pid()",
                &[&millis(options.statement).to_string(), &millis(options.lock).to_string()],
                doing(),
            )
            .await?;
        let row = row.first().ok_or_else(|| Error::new(ErrorKind::Config, doing()).caused_by("the server does not know this session"))?;
        session.backend = Backend { process: row.get(0), started: row.get(1) };
        Ok(session)
    }

    /// Whether it is open, and in a state that is known.
    pub(super) fn is_usable(&self) -> bool {
        !self.busy.load(Ordering::Relaxed) && !self.client.is_closed()
    }

    /// Whether a call was given up half-way.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }

    /// Waits for the answer to a call, no longer than the server may take. A call that is dropped
    /// leaves the session busy for good.
    pub(super) async fn answer<T>(
        &self,
        doing: impl Into<Cow<'static, str>>,
        limit: Duration,
        call: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        if self.busy.swap(true, Ordering::Relaxed) {
            return Err(given_up(&self.place));
        }
        match tokio::time::timeout(limit, call).await {
            Err(_elapsed) => Err(away(Error::new(ErrorKind::Load, doing), "the server does not answer")),
            Ok(answer) => {
                // After an error that is not the server's nobody knows what it will say next.
                let is_known = answer.as_ref().err().is_none_or(|error| error.as_db_error().is_some());
                self.busy.store(!is_known, Ordering::Relaxed);
                answer.map_err(|error| explain(ErrorKind::Load, doing, &error))
            }
        }
    }

    /// Takes the session for one in an unknown state.
    pub(super) fn give_up(&self) {
        self.busy.store(true, Ordering::Relaxed);
    }

    /// Has the session asked whether its answers are in step, before it is trusted again.
    pub(super) fn doubt(&self) {
        self.doubtful.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_doubtful(&self) -> bool {
        self.doubtful.load(Ordering::Relaxed)
    }

    /// Asks something to which only one answer is right, where there is a doubt.
    pub(super) async fn resolve_doubt(&self) -> Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        if !self.is_doubtful() {
            return Ok(());
        }
        let question = format!("in step {}", COUNT.fetch_add(1, Ordering::Relaxed));
        let doing = format!("cannot go on with a session in {}", self.place);
        let answer = self.answer(doing, self.limit, self.client.simple_query(&format!("SELECT '{question}'"))).await?;
        let is_right = answer.iter().any(|message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some(&question)));
        if !is_right {
            self.give_up();
            return Err(given_up(&self.place));
        }
        self.doubtful.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// How long a statement may take, seen from here.
    pub(super) const fn limit(&self) -> Duration {
        self.limit
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// Runs statements that have no parameters.
    pub(super) async fn run(&self, sql: &str, doing: impl Into<Cow<'static, str>>) -> Result<()> {
        self.answer(doing, self.limit, self.client.batch_execute(sql)).await
    }

    /// Begins a transaction.
    pub(super) async fn begin(&self) -> Result<()> {
        self.run(&self.begin, format!("cannot begin a transaction in {}", self.place)).await
    }

    /// Has the transaction wait for locks as long as others do, after it was less patient.
    pub(super) async fn be_patient(&self) -> Result<()> {
        self.run(&self.patience, format!("cannot wait for locks in {}", self.place)).await
    }

    /// A statement that is prepared once a session.
    pub(super) async fn statement(&mut self, sql: impl Into<Cow<'static, str>>, doing: impl Into<Cow<'static, str>>) -> Result<Statement> {
        let sql = sql.into();
        if let Some(statement) = self.statements.get(&sql) {
            return Ok(statement.clone());
        }
        let statement = self.answer(doing, self.limit, self.client.prepare(&sql)).await?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }

    /// Runs a statement, and returns its rows.
    pub(super) async fn query(
        &mut self,
        sql: &'static str,
        parameters: &[Parameter<'_>],
        doing: impl Into<Cow<'static, str>>,
    ) -> Result<Vec<Row>> {
        let doing = doing.into();
        let statement = self.statement(sql, doing.clone()).await?;
        self.answer(doing, self.limit, self.client.query(&statement, parameters)).await
    }

    /// Runs a statement, and returns how many rows it changed.
    pub(super) async fn execute(
        &mut self,
        sql: &'static str,
        parameters: &[Parameter<'_>],
        doing: impl Into<Cow<'static, str>>,
    ) -> Result<u64> {
        let doing = doing.into();
        let statement = self.statement(sql, doing.clone()).await?;
        self.answer(doing, self.limit, self.client.execute(&statement, parameters)).await
    }

    /// How records of a schema are written to a table, looked up once a session.
    pub(super) async fn binding(&mut self, table: &Table, schema: &'static [Column]) -> Result<Arc<Binding>> {
        let key = (table.clone(), schema.as_ptr().addr());
        if let Some(binding) = self.bindings.get(&key) {
            return Ok(Arc::clone(binding));
        }
        let name = table.to_string();
        let rows = self.query(shape::ASK, &[&name], format!("cannot look at the table {table}")).await?;
        let binding = Arc::new(Shape::read(table, &rows)?.bind(schema)?);
        self.bindings.insert(key, Arc::clone(&binding));
        Ok(binding)
    }

    /// Forgets what tables look like: they may have been altered.
    pub(super) fn forget_tables(&mut self) {
        self.bindings.clear();
        self.statements.clear();
    }

    /// Has the open transaction rolled back, without waiting for it: what is said next comes after it.
    pub(super) fn roll_back_unseen(&self) {
        // The first poll sends it.
        let _answer_is_not_waited_for = self.client.batch_execute("ROLLBACK").now_or_never();
    }

    /// Ends the session, and what the server still does in it.
    pub(super) fn end(self) {
        if self.is_busy() {
            let token = self.client.cancel_token();
            self.runtime.spawn(async move {
                let _may_be_away = tokio::time::timeout(MARGIN, token.cancel_query(NoTls)).await;
            });
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The server sees the socket close, whatever is still in it.
        self.driver.abort();
    }
}
