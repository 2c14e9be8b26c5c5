//! What a loader writes to: a pool that hands out connections, a connection that begins, a
//! transaction that commits or rolls back. Files are targets too: they appear whole or not at all.
//!
//! So that a run can go on where an earlier one was killed, a target keeps how far it has come
//! ([`Keeps`]): in a ledger of its own, written with the records, or as a mark that the run's
//! checkpoint remembers.

mod ledger;

use std::borrow::Cow;

use super::error::{Error, ErrorKind, Result};
use super::guarantee::{AppendOnly, TargetClass};

pub use ledger::{Claim, Entry, Holder, Receipt, Recorded};

/// What the engine tells a target before any record moves.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Preparation {
    /// An output that exists already may be replaced (`--replace`).
    pub replace: bool,
    /// Only look, change nothing (`check`, `--dry-run`).
    pub look_only: bool,
    /// What is written is kept when the run is killed, to go on from: its place must be one that the
    /// next run finds.
    pub resumable: bool,
    /// An earlier run's [mark](Target::checkpoint), which [holds](Recalled::Holds): go on from there.
    pub mark: Option<String>,
    /// An earlier run's [mark](Target::checkpoint) that does not hold, because it is
    /// [finished](Recalled::Finished) or [gone](Recalled::Gone): begin again, and replace what it was
    /// allowed to replace and what it has published.
    pub replaces: Option<String>,
    /// The run commits as a whole, at its end (`atomic: run`).
    pub whole: bool,
}

impl Preparation {
    /// For a run that may replace an output that exists already.
    #[must_use]
    pub const fn new(replace: bool, look_only: bool) -> Self {
        Self { replace, look_only, resumable: false, mark: None, replaces: None, whole: false }
    }

    /// For a run that is resumed after a kill, from an earlier run's mark if there is one.
    #[must_use]
    pub fn resumable(mut self, mark: Option<String>) -> Self {
        (self.resumable, self.mark) = (true, mark);
        self
    }

    /// For a run that begins again where an earlier run's mark does not hold.
    #[must_use]
    pub fn replacing(mut self, mark: Option<String>) -> Self {
        self.replaces = mark;
        self
    }

    /// For a run that commits as a whole.
    #[must_use]
    pub const fn whole(mut self) -> Self {
        self.whole = true;
        self
    }
}

/// Where it is kept how far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Keeps {
    /// Nowhere in the target: what was loaded since the run's last checkpoint is loaded again.
    Nothing,
    /// In the run's checkpoint, with a [mark](Target::checkpoint) that says what of the target belongs
    /// to it; the rest is cut off when a run goes on from there.
    Mark,
    /// In a ledger in the target, written in the transaction of the records
    /// ([`Transaction::record`]).
    Ledger,
}

/// What has become of what a [mark](Target::checkpoint) speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Recalled {
    /// It is there, published or not: a run can go on from it.
    Holds,
    /// It is there and was published, and nothing can be added to it: a run that has more to load
    /// begins again and replaces it.
    Finished,
    /// Nothing of it is there any more: a run begins again.
    Gone,
}

/// What happens to what was committed when the run does not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Abandoned {
    /// It stays in the target.
    Kept,
    /// It is gone: a file that was never published. Its records count as unfinished.
    Discarded,
}

/// Something that takes records in transactions. It is a resource: loaders find it by its type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a target",
    label = "not a target",
    note = "a loader's `&mut` parameter is the transaction of a target"
)]
pub trait Target: Send + Sync + Sized + 'static {
    /// An open connection; one per loader, or as many as its `concurrency`.
    type Connection: Send;
    /// A transaction on a connection.
    type Transaction<'c>: Transaction<Target = Self>;
    /// How it takes what is loaded a second time.
    type Class: TargetClass;
    /// How many values one batch may hold, where a batch is one statement with a bound value for
    /// each column of each record.
    const MOST_VALUES: Option<usize> = None;
    /// Whether several of its connections can have a transaction open at once, as a loader's
    /// `concurrency` asks for. All of them are of one [claim](Self::claim); what they commit is
    /// [recorded](Transaction::record) one after the other, in any order.
    const CONCURRENT: bool = false;

    /// Its name for people: a path, a table.
    fn name(&self) -> Cow<'_, str>;

    /// Whether what a run commits appears all at once, when it is published; nothing is left of a
    /// run that was killed.
    fn appears_whole(&self) -> bool {
        false
    }

    /// Looks whether records can be written, and makes ready: called before any record moves, and
    /// by `check` with [`Preparation::look_only`].
    fn prepare(&self, preparation: Preparation) -> impl Future<Output = Result<()>> + Send;

    /// Where it is kept how far a run has come.
    fn keeps(&self) -> Keeps {
        Keeps::Nothing
    }

    /// Looks what has become of an earlier run's mark, before [`prepare`](Self::prepare); changes
    /// nothing.
    ///
    /// # Errors
    /// What it speaks of is there, but is not what it was ([`ErrorKind::Config`]).
    fn recall(&self, _mark: &str) -> impl Future<Output = Result<Recalled>> + Send {
        async { Ok(Recalled::Gone) }
    }

    /// Opens a connection.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection>> + Send;

    /// Makes a connection usable again that was left in the middle of a transaction: a call ran out of
    /// time, a commit or a rollback failed. What was not committed on it is gone, and what
    /// [`claim`](Self::claim) took stays taken, under the same epoch. Where it fails with an error of
    /// class retry, or is dropped, it is called again with the same connection.
    ///
    /// A target that keeps a ledger says here how; of the others, those whose commits only the
    /// connection knows of cannot be continued on a new one.
    ///
    /// # Errors
    /// The target does not answer; the connection cannot be made anew.
    fn reconnect(&self, connection: &mut Self::Connection) -> impl Future<Output = Result<()>> + Send {
        async move {
            if self.keeps() != Keeps::Nothing || self.appears_whole() {
                return Err(Error::new(ErrorKind::Load, format!("a write to {} ended half-way, and nobody knows where", self.name()))
                    .with_code("connection_lost")
                    .hint("run again: what was written down of this run is gone on from"));
            }
            *connection = self.connect().await?;
            Ok(())
        }
    }

    /// Becomes the only run that can commit (the fence), and reads the ledger, in this order. Called
    /// once, before the first transaction, where the target [keeps a ledger](Keeps::Ledger) and the
    /// source can be read again.
    ///
    /// # Errors
    /// Another run holds it: [`ErrorKind::Unavailable`], with who it is.
    fn claim(&self, _connection: &mut Self::Connection, _claim: &Claim) -> impl Future<Output = Result<Vec<Entry>>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Says that the run is still alive. Called between transactions, every third of
    /// [`Claim::lease`] at the latest while nothing is loaded.
    ///
    /// # Errors
    /// Another run has taken over ([`fenced`]).
    fn renew(&self, _connection: &mut Self::Connection) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Makes durable what was committed so far, and says what of the target that is, for
    /// [`Preparation::mark`] of a later run. `None` where nothing new can be gone on from yet: the mark
    /// before stays what a later run goes on from. Called between transactions where the target
    /// [keeps a mark](Keeps::Mark), and once before the first of them, so that what is written without a
    /// checkpoint can be told from what was there before.
    ///
    /// # Errors
    /// It could not be made durable ([`ErrorKind::Storage`]): the connection cannot be used any more.
    fn checkpoint(&self, _connection: &mut Self::Connection) -> impl Future<Output = Result<Option<String>>> + Send {
        async { Ok(None) }
    }

    /// Everything is committed: makes it durable as it will be published, and says what of the target
    /// that is, as [`checkpoint`](Self::checkpoint) does. Called once, before
    /// [`publish`](Self::publish); in between the mark is written durably, so that what was published
    /// is recognised whatever happens. Nothing can be loaded on the connection afterwards.
    ///
    /// # Errors
    /// It could not be made durable ([`ErrorKind::Storage`]).
    fn seal(&self, connection: &mut Self::Connection) -> impl Future<Output = Result<Option<String>>> + Send {
        self.checkpoint(connection)
    }

    /// Begins a transaction.
    fn begin<'c>(connection: &'c mut Self::Connection) -> impl Future<Output = Result<Self::Transaction<'c>>> + Send;

    /// The run ended well: makes everything that was committed durable and visible, and gives up what
    /// [`claim`](Self::claim) took.
    fn publish(&self, connection: Self::Connection) -> impl Future<Output = Result<()>> + Send;

    /// The run did not end well. What was committed is kept where a run can go on from it
    /// ([`Preparation::resumable`]), else it may be discarded. Gives up what [`claim`](Self::claim)
    /// took.
    fn abandon(&self, connection: Self::Connection) -> impl Future<Output = Abandoned> + Send;
}

/// An open transaction. Dropped without a word, it is rolled back.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the transaction of a target",
    label = "not a transaction",
    note = "the `&mut` parameter of a `#[loader]` is a transaction, such as `&mut sqlite::Transaction<'_>`; settings and resources are lent by `&`"
)]
pub trait Transaction: Send + Sized {
    /// The target that began it.
    type Target: Target;
    /// Whether a part of it can be taken back ([`savepoint`](Self::savepoint)): then a batch that one
    /// record spoils is committed as a whole without that record.
    const SAVEPOINTS: bool = false;

    /// Whether the ledger has all of these parts already. Asked before records are loaded again after a
    /// commit of which nobody knows whether it was one: a unique key would refuse them before
    /// [`record`](Self::record) finds out.
    ///
    /// # Errors
    /// The ledger cannot be read.
    fn is_recorded(&mut self, _entries: &[Entry]) -> impl Future<Output = Result<bool>> + Send {
        async { Ok(false) }
    }

    /// Writes into the ledger what the transaction loads: called once, after the records and before
    /// the commit. Must find out, in the transaction itself, that the run is still the one that holds
    /// the [claim](Target::claim).
    ///
    /// # Errors
    /// Another run has taken over ([`fenced`]).
    fn record(&mut self, _receipt: &Receipt) -> impl Future<Output = Result<Recorded>> + Send {
        async { Ok(Recorded::New) }
    }

    /// Marks the place that [`roll_back_to_savepoint`](Self::roll_back_to_savepoint) goes back to.
    /// There is one at a time.
    fn savepoint(&mut self) -> impl Future<Output = Result<()>> + Send {
        async { Err(no_savepoints()) }
    }

    /// Takes back what was written since [`savepoint`](Self::savepoint), which is gone then.
    fn roll_back_to_savepoint(&mut self) -> impl Future<Output = Result<()>> + Send {
        async { Err(no_savepoints()) }
    }

    /// Keeps what was written since [`savepoint`](Self::savepoint), which is gone then.
    fn release_savepoint(&mut self) -> impl Future<Output = Result<()>> + Send {
        async { Err(no_savepoints()) }
    }

    /// Makes the writes part of the target.
    ///
    /// # Errors
    /// An error of class retry has the records written again. Where the target keeps no
    /// [ledger](Keeps::Ledger) to find them in, it is one only if nothing was made part of the target.
    fn commit(self) -> impl Future<Output = Result<()>> + Send;

    /// Takes the writes back.
    fn rollback(self) -> impl Future<Output = Result<()>> + Send;
}

fn no_savepoints() -> Error {
    Error::new(ErrorKind::Load, "the transaction has no savepoints")
}

/// That another run has taken over: nothing that this one still writes is committed (I5).
#[must_use]
pub fn fenced(target: &str) -> Error {
    Error::new(ErrorKind::Unavailable, format!("another run of this pipeline has taken over {target}"))
        .with_code("fenced")
        .hint("this run was silent for longer than its lease; the other one goes on where it stopped")
}

/// The target of a loader that takes no transaction: the function writes wherever it likes.
#[derive(Debug)]
pub struct Untargeted;

/// The only [`Untargeted`] there is.
pub static UNTARGETED: Untargeted = Untargeted;

/// The transaction of an [`Untargeted`] loader, which does nothing.
#[derive(Debug)]
pub struct NoTransaction;

impl Target for Untargeted {
    type Connection = ();
    type Transaction<'c> = NoTransaction;
    type Class = AppendOnly;

    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    async fn prepare(&self, _preparation: Preparation) -> Result<()> {
        Ok(())
    }

    async fn connect(&self) -> Result<()> {
        Ok(())
    }

    async fn begin((): &mut ()) -> Result<NoTransaction> {
        Ok(NoTransaction)
    }

    async fn publish(&self, (): ()) -> Result<()> {
        Ok(())
    }

    async fn abandon(&self, (): ()) -> Abandoned {
        Abandoned::Kept
    }
}

impl Transaction for NoTransaction {
    type Target = Untargeted;

    async fn commit(self) -> Result<()> {
        Ok(())
    }

    async fn rollback(self) -> Result<()> {
        Ok(())
    }
}
