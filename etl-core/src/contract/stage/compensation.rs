//! How what a stage has done outside of the process is undone: `#[transform(compensate = undo)]`.
//!
//! An undoing function takes what the stage took, lent, and what it returned, if that is known: after
//! a crash between the call and its `done` line nobody knows whether the effect took place. Then come
//! the resources of the stage. It may be called more than once for one effect, because a crash may
//! come between the undoing and the line that says so.

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Lent, StateCodec, Transform};
use crate::contract::error::{Error, ErrorKind, Result, StageError};
use crate::contract::needs::Needs;

/// A record that can be written into the log of intents and read again.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written into the log of intents",
    label = "serde cannot write and read this record",
    note = "`compensate` works after a crash too, from the records that were written down: add `#[derive(Serialize, Deserialize)]` of serde to `{Self}`"
)]
pub trait Noted {}
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Noted for T {}

/// What an undoing function returns: nothing, or `Result<(), E>`.
#[diagnostic::on_unimplemented(
    message = "a function that undoes an effect cannot return `{Self}`",
    label = "neither nothing nor `Result<(), _>`",
    note = "return nothing, `Result<()>` or `Result<(), E>`: an error of class `retry` is tried again, any other says that the effect cannot be undone",
    note = "a plain `fn` undoes what a plain `fn` does, and an `async fn` what an `async fn` does"
)]
pub trait UndoReturn {
    /// What it comes to.
    ///
    /// # Errors
    /// The function's own error, with its class.
    fn undone(self) -> Result<()>;
}

impl UndoReturn for () {
    fn undone(self) -> Result<()> {
        Ok(())
    }
}

impl<E: StageError> UndoReturn for Result<(), E> {
    fn undone(self) -> Result<()> {
        self.map_err(|error| {
            let class = error.class();
            Error::from_stage(&error, ErrorKind::CompensationFailed).with_class(class)
        })
    }
}

/// A plain `fn` that undoes an effect.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot undo what this stage does",
    label = "not a plain `fn` of the stage's record, what it returned, and the stage's resources",
    note = "write `fn undo(input: &{In}, output: Option<&{Out}>, …) -> Result<()>`, and for … the resources of the stage by `&`, in the order in which the stage takes them",
    note = "`output` is `None` where the process was killed before the stage returned, so that nobody knows whether the effect took place"
)]
pub trait Undoes<In, Out, N: Needs>: Send + Sync + 'static {
    /// Undoes the effect.
    ///
    /// # Errors
    /// It is not undone.
    fn undo(&self, lent: Lent<'_, N>, input: &In, output: Option<&Out>) -> Result<()>;
}

/// An `async fn` that undoes an effect. It runs on a thread of its own, so its future need not be
/// `Send`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot undo what this stage does",
    label = "this stage is async: not an `async fn` of its record, what it returned, and its resources",
    note = "write `async fn undo(input: &{In}, output: Option<&{Out}>, …) -> Result<()>`, and for … the resources of the stage by `&`, in the order in which the stage takes them",
    note = "`output` is `None` where the process was killed before the stage returned, so that nobody knows whether the effect took place"
)]
pub trait UndoesAsync<In, Out, N: Needs>: Send + Sync + 'static {
    /// What the function returns. It is not asked here whether it can: so that is an error of its own.
    type Returned;

    /// Undoes the effect.
    fn undo(&self, lent: Lent<'_, N>, input: &In, output: Option<&Out>) -> impl Future<Output = Self::Returned>;
}

macro_rules! functions {
    ($($($name:ident)*;)*) => { $(
        // What is wrong with the return type is said of that: so the compiler is to look into this impl.
        impl<Fx, Rx, In, Out, $($name: Sync + 'static),*> Undoes<In, Out, ($($name,)*)> for Fx
        where
            Fx: Fn(&In, Option<&Out>, $(&$name),*) -> Rx + Send + Sync + 'static,
            Rx: UndoReturn,
        {
            #[allow(non_snake_case, reason = "a resource is named like its type")]
            fn undo(&self, ($($name,)*): Lent<'_, ($($name,)*)>, input: &In, output: Option<&Out>) -> Result<()> {
                self(input, output, $($name),*).undone()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<Fx, Rx, In, Out, $($name: Sync + 'static),*> UndoesAsync<In, Out, ($($name,)*)> for Fx
        where
            Fx: AsyncFn(&In, Option<&Out>, $(&$name),*) -> Rx + Send + Sync + 'static,
        {
            type Returned = Rx;

            #[allow(non_snake_case, reason = "a resource is named like its type")]
            async fn undo(&self, ($($name,)*): Lent<'_, ($($name,)*)>, input: &In, output: Option<&Out>) -> Rx {
                self(input, output, $($name),*).await
            }
        }
    )* };
}

functions! {
    ;
    A;
    A B;
    A B D;
    A B D E;
    A B D E F;
    A B D E F G;
    A B D E F G H;
    A B D E F G H I;
}

/// Undoes what was done for one record.
type Undo<S> = dyn for<'a> Fn(
        Lent<'a, <S as Transform>::Needs>,
        &'a <S as Transform>::In,
        Option<&'a <S as Transform>::Out>,
    ) -> LocalBoxFuture<'a, Result<()>>
    + Send
    + Sync;

/// How a stage's effects are undone, and how its records are written down until then.
#[allow(missing_debug_implementations, reason = "it holds functions")]
pub struct Compensation<S: Transform> {
    pub(crate) input: StateCodec<S::In>,
    pub(crate) output: StateCodec<S::Out>,
    pub(crate) undo: Box<Undo<S>>,
}

impl<S: Transform> Compensation<S> {
    /// By a plain `fn`. `None` where serde cannot write the records, which is an error of its own.
    pub fn by<F: Undoes<S::In, S::Out, S::Needs>>(
        undo: F,
        input: Option<StateCodec<S::In>>,
        output: Option<StateCodec<S::Out>>,
    ) -> Option<Self> {
        let undo: Box<Undo<S>> = Box::new(move |lent, input, output| std::future::ready(undo.undo(lent, input, output)).boxed_local());
        input.zip(output).map(|(input, output)| Self { input, output, undo })
    }

    /// By an `async fn`.
    pub fn by_async<F: UndoesAsync<S::In, S::Out, S::Needs, Returned: UndoReturn> + Clone>(
        undo: F,
        input: Option<StateCodec<S::In>>,
        output: Option<StateCodec<S::Out>>,
    ) -> Option<Self> {
        let undo: Box<Undo<S>> = Box::new(move |lent, input, output| {
            let undo = undo.clone();
            async move { undo.undo(lent, input, output).await.undone() }.boxed_local()
        });
        input.zip(output).map(|(input, output)| Self { input, output, undo })
    }
}
