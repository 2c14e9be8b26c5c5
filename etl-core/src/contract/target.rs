//! What a loader writes to: a pool that hands out connections, a connection that begins, a
//! transaction that commits or rolls back. Files are targets too: they appear whole or not at all.

use std::borrow::Cow;

use super::error::Result;
use super::guarantee::{AppendOnly, TargetClass};

/// What the engine tells a target before any record moves.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Preparation {
    /// An output that exists already may be replaced (`--replace`).
    pub replace: bool,
    /// Only look, change nothing (`check`, `--dry-run`).
    pub look_only: bool,
}

impl Preparation {
    /// For a run that may replace an output that exists already.
    #[must_use]
    pub const fn new(replace: bool, look_only: bool) -> Self {
        Self { replace, look_only }
    }
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
    /// An open connection; one per loader.
    type Connection: Send;
    /// A transaction on a connection.
    type Transaction<'c>: Transaction<Target = Self>;
    /// How it takes what is loaded a second time.
    type Class: TargetClass;
    /// How many values one batch may hold, where a batch is one statement with a bound value for
    /// each column of each record.
    const MOST_VALUES: Option<usize> = None;

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

    /// Opens a connection.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection>> + Send;

    /// Begins a transaction.
    fn begin<'c>(connection: &'c mut Self::Connection) -> impl Future<Output = Result<Self::Transaction<'c>>> + Send;

    /// The run ended well: makes everything that was committed durable and visible.
    fn publish(&self, connection: Self::Connection) -> impl Future<Output = Result<()>> + Send;

    /// The run did not end well.
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

    /// Makes the writes part of the target.
    fn commit(self) -> impl Future<Output = Result<()>> + Send;

    /// Takes the writes back.
    fn rollback(self) -> impl Future<Output = Result<()>> + Send;
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
