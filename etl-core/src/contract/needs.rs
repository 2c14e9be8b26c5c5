//! What a stage asks for besides its records: resources and the settings, by type.
//!
//! A stage lists the types it needs and does not know the pipeline; the pipeline's context provides
//! types and does not know the stages. [`LentBy`] is the place where both meet, and where the
//! compiler says that one is missing.

use std::marker::PhantomData;

use super::error::Result;

/// What a pipeline lends to its stages: the settings and the resources. `pipeline!` writes one per
/// pipeline.
pub trait Context: Send + Sync + 'static {}

/// A context that holds exactly one value of type `T`.
#[diagnostic::on_unimplemented(
    message = "no resource of type `{T}` in this pipeline",
    label = "needs a `{T}`",
    note = "list a `#[resource]` that returns `{T}` under `resources:`, or make `{T}` the pipeline's `settings:`",
    note = "a resource sees the settings and the resources that are listed before it"
)]
pub trait Provides<T>: Context {
    /// The value.
    fn get(&self) -> &T;
}

/// A list of needed types, as a tuple.
pub trait Needs: 'static {
    /// The same types, lent.
    type Lent<'a>: Copy + Send + Sync;
}

/// A list of types that the context `C` can lend.
pub trait LentBy<C>: Needs {
    /// Borrows each type from the context.
    fn lend(context: &C) -> Self::Lent<'_>;
}

macro_rules! tuples {
    ($($($name:ident)*;)*) => { $(
        impl<$($name: Sync + 'static),*> Needs for ($($name,)*) {
            type Lent<'a> = ($(&'a $name,)*);
        }

        impl<Cx: Context $(+ Provides<$name>)*, $($name: Sync + 'static),*> LentBy<Cx> for ($($name,)*) {
            #[allow(clippy::unused_unit, reason = "the empty tuple is one of the tuples")]
            fn lend(_context: &Cx) -> Self::Lent<'_> {
                ($(<Cx as Provides<$name>>::get(_context),)*)
            }
        }
    )* };
}

tuples! {
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

/// Something made once per run and lent to the stages that ask for it; written by `#[resource]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a resource",
    label = "not a `#[resource]`",
    note = "write `#[resource]` above the function that makes it"
)]
pub trait Resource: Send + Sync + 'static {
    /// What is lent.
    type Value: 'static;
    /// The same type, for the context to hold. `#[resource]` writes it so that it is an error where the
    /// type is not fit: then the pipelines that list the resource say nothing more.
    type Kept: Send + Sync + 'static;
    /// What it is made from: the settings, and resources listed before it.
    type Needs: Needs;
    /// The function's name.
    const NAME: &'static str;

    /// Makes the value; called once, before any record moves.
    fn make(lent: <Self::Needs as Needs>::Lent<'_>) -> impl Future<Output = Result<Self::Kept>> + Send;
}

/// A resource, as its attribute writes it; `contract::stage::written` says why. Its text is that of
/// [`Resource`], which the compiler then says once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a resource",
    label = "not a `#[resource]`",
    note = "write `#[resource]` above the function that makes it"
)]
#[doc(hidden)]
pub trait WrittenResource: Send + Sync + 'static {
    /// See [`Resource::Value`].
    type Value: 'static;
    /// [`MadeOf`], with what the context keeps and what it is made from.
    type Shape: ResourceShape;
    /// See [`Resource::NAME`].
    const NAME: &'static str;

    /// See [`Resource::make`].
    fn make(
        lent: <<Self::Shape as ResourceShape>::Needs as Needs>::Lent<'_>,
    ) -> impl Future<Output = Result<<Self::Shape as ResourceShape>::Kept>> + Send;
}

/// The types of a [`Resource`] that are known to be fit.
#[doc(hidden)]
pub trait ResourceShape {
    /// See [`Resource::Kept`].
    type Kept: Send + Sync + 'static;
    /// See [`Resource::Needs`].
    type Needs: Needs;
}

/// A resource of type `T` that is made from `N`.
#[doc(hidden)]
#[derive(Debug)]
pub struct MadeOf<T, N>(PhantomData<(T, N)>);

impl<T: Send + Sync + 'static, N: Needs> ResourceShape for MadeOf<T, N> {
    type Kept = T;
    type Needs = N;
}

#[diagnostic::do_not_recommend]
impl<S: WrittenResource> Resource for S {
    type Value = <S as WrittenResource>::Value;
    type Kept = <S::Shape as ResourceShape>::Kept;
    type Needs = <S::Shape as ResourceShape>::Needs;
    const NAME: &'static str = <S as WrittenResource>::NAME;

    fn make(lent: <Self::Needs as Needs>::Lent<'_>) -> impl Future<Output = Result<Self::Kept>> + Send {
        <S as WrittenResource>::make(lent)
    }
}
