//! The connection of a loader. While a transaction is open on it, it is in doubt: whoever is dropped
//! in the middle of one, by a timeout, an abort or a panic, leaves a connection behind that is never
//! used again as it is. It is made anew first, under the same claim.

use std::time::Duration;

use super::runners::{Ended, timed};
use super::work::Stage;
use crate::contract::error::{Class, Error, Result};
use crate::contract::target::{Target, Transaction};

/// How long a target may take to take a transaction back, and how long its answer to a commit is
/// waited for after the run has been given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection, and whether it can be used as it is.
pub(super) struct Link<T: Target> {
    connection: Option<T::Connection>,
    in_doubt: bool,
}

/// Says that no transaction is open any more; dropped without a word, the connection stays in doubt.
pub(super) struct Doubt<'l>(&'l mut bool);

impl Doubt<'_> {
    pub(super) fn settle(self) {
        *self.0 = false;
    }
}

impl<T: Target> Link<T> {
    /// With no connection yet.
    pub(super) const fn new() -> Self {
        Self { connection: None, in_doubt: false }
    }

    /// Sees to it that there is a connection on which no transaction is open.
    ///
    /// # Errors
    /// The target does not answer, or what was written on the connection is lost with it.
    pub(super) async fn ready(&mut self, target: &T) -> Result<&mut T::Connection> {
        if let Some(connection) = &mut self.connection {
            if self.in_doubt && !crate::mutants::active("connection_reused") {
                target.reconnect(connection).await?;
            }
        } else {
            self.connection = Some(target.connect().await?);
        }
        self.in_doubt = false;
        let Some(connection) = &mut self.connection else { unreachable!("connected above") };
        Ok(connection)
    }

    /// Lends the connection for one transaction.
    pub(super) fn lend(&mut self) -> Option<(&mut T::Connection, Doubt<'_>)> {
        let Self { connection, in_doubt } = self;
        *in_doubt = true;
        connection.as_mut().map(|connection| (connection, Doubt(in_doubt)))
    }

    /// Gives the connection up: it is made anew, under the same claim, before it is used again.
    pub(super) const fn give_up(&mut self) {
        self.in_doubt = true;
    }

    /// The connection to end the run with. One in doubt is made anew if the target is quick about it.
    pub(super) async fn take(&mut self, target: &T) -> Option<T::Connection> {
        if self.in_doubt && self.connection.is_some() {
            match tokio::time::timeout(PATIENCE, self.ready(target)).await {
                Ok(Ok(_ready)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the connection could not be made anew"),
                Err(_elapsed) => tracing::warn!("the connection could not be made anew: the target does not answer"),
            }
        }
        self.connection.take()
    }
}

/// Why there is no answer.
pub(super) enum Missed {
    /// The run was given up while the target was waited for.
    GivenUp,
    /// The target says no, or took longer than it may.
    Failed(Error),
}

/// What the target answers to a request that may be dropped half-way.
pub(super) async fn answered<T>(stage: &Stage, request: impl Future<Output = Result<T>>) -> Result<T, Missed> {
    tokio::select! {
        biased;
        ended = timed(stage, request) => match ended {
            Ended::Done(answer) => answer.map_err(Missed::Failed),
            // Whatever was dropped half-way was in a transaction.
            Ended::TimedOut(error) => Err(Missed::Failed(error.with_class(Class::Retry))),
        },
        () = stage.abort.cancelled() => Err(Missed::GivenUp),
    }
}

/// Commits. `resolvable` says that the target knows by itself what has been committed, so that an
/// answer need not be waited for longer than any other.
pub(super) async fn commit(stage: &Stage, transaction: impl Transaction, resolvable: bool, doubt: Doubt<'_>) -> Result<(), Missed> {
    let given_up = async {
        stage.abort.cancelled().await;
        tokio::time::sleep(PATIENCE).await;
    };
    let committing = async { if resolvable { timed(stage, transaction.commit()).await } else { Ended::Done(transaction.commit().await) } };
    let committed = tokio::select! {
        biased;
        committed = committing => committed,
        () = given_up => return Err(Missed::GivenUp),
    };
    match committed {
        Ended::Done(Ok(())) => {
            doubt.settle();
            Ok(())
        }
        Ended::Done(Err(error)) => Err(Missed::Failed(error)),
        Ended::TimedOut(error) => Err(Missed::Failed(error.with_class(Class::Retry))),
    }
}

/// Takes a transaction back. Where that fails, the connection stays in doubt.
pub(super) async fn roll_back(stage: &Stage, transaction: impl Transaction, doubt: Doubt<'_>) {
    let limit = stage.settings.timeout.map_or(PATIENCE, |limit| limit.min(PATIENCE));
    match tokio::time::timeout(limit, transaction.rollback()).await {
        Ok(Ok(())) => doubt.settle(),
        Ok(Err(error)) => tracing::warn!(stage = stage.definition.name, %error, "rollback failed"),
        Err(_elapsed) => tracing::warn!(stage = stage.definition.name, "rollback failed: the target does not answer"),
    }
}
