//! The stages as the engine holds them: their record types erased, their context known.

#![allow(missing_debug_implementations, reason = "machinery that appears in sealed signatures and is never printed")]

use std::marker::PhantomData;

use futures::FutureExt;
use futures::future::{BoxFuture, LocalBoxFuture};

use super::loading::{LoadSession, Session};
use super::parcel::{DecodedRecords, Undecoded};
use super::wiring::{LoaderNeeds, Loads, Opens};
use super::work::{Stage, Tally};
use crate::contract::error::Result;
use crate::contract::needs::{Context, LentBy};
use crate::contract::position::Cursor;
use crate::contract::record::Record;
use crate::contract::source::{BoxSource, Identity, SourceInfo, Wanted};
use crate::contract::stage::{Extractor, Loader, StageDefinition};

/// A stage between source and target.
pub enum Step<C> {
    /// Computes, on the CPU workers.
    Cpu(Box<dyn CpuStep<C>>),
    /// Awaits, on the async runtime.
    Async(Box<dyn AsyncStep<C>>),
}

/// A stage that computes.
pub trait CpuStep<C>: Send + Sync {
    /// Puts what the stage makes of the records in their place.
    fn run(&self, context: &C, stage: &Stage, records: &mut DecodedRecords, tally: &mut Tally);
    /// What the stage remembers, where that can be written down.
    fn state(&self) -> Result<Option<String>>;
    /// Has the stage remember what an earlier run wrote down.
    fn restore(&self, state: &str) -> Result<()>;
    /// Whether what the stage remembers cannot be written down.
    fn forgets(&self) -> bool;
    /// Undoes what the stage did outside of the process for one record.
    fn undo<'a>(&'a self, context: &'a C, effect: Effect<'a>) -> LocalBoxFuture<'a, Result<()>>;
}

/// What a stage did for one record, as it was written down.
#[derive(Clone, Copy)]
pub struct Effect<'a> {
    /// What it was called with, as JSON.
    pub(super) input: &'a str,
    /// What it returned, as JSON, where that is known.
    pub(super) output: Option<&'a str>,
}

/// A stage that awaits.
pub trait AsyncStep<C>: Send + Sync {
    /// Puts what the stage makes of the records in their place.
    fn run<'a>(&'a self, context: &'a C, stage: &'a Stage, records: &'a mut DecodedRecords, tally: &'a mut Tally) -> BoxFuture<'a, ()>;
    /// What the stage remembers, where that can be written down.
    fn state(&self) -> Result<Option<String>>;
    /// Has the stage remember what an earlier run wrote down.
    fn restore(&self, state: &str) -> Result<()>;
    /// Whether what the stage remembers cannot be written down.
    fn forgets(&self) -> bool;
    /// Undoes what the stage did outside of the process for one record.
    fn undo<'a>(&'a self, context: &'a C, effect: Effect<'a>) -> LocalBoxFuture<'a, Result<()>>;
}

impl<C> Step<C> {
    /// Undoes what the stage did outside of the process for one record.
    pub(super) fn undo<'a>(&'a self, context: &'a C, effect: Effect<'a>) -> LocalBoxFuture<'a, Result<()>> {
        match self {
            Self::Cpu(step) => step.undo(context, effect),
            Self::Async(step) => step.undo(context, effect),
        }
    }

    /// Has the stage remember what an earlier run wrote down.
    pub(super) fn restore(&self, state: &str) -> Result<()> {
        match self {
            Self::Cpu(step) => step.restore(state),
            Self::Async(step) => step.restore(state),
        }
    }

    /// Whether what the stage remembers cannot be written down.
    pub(super) fn forgets(&self) -> bool {
        match self {
            Self::Cpu(step) => step.forgets(),
            Self::Async(step) => step.forgets(),
        }
    }
}

/// An extractor.
pub trait OpenStep<C>: Send + Sync {
    /// Opens the source.
    fn open<'a>(&'a self, context: &'a C) -> BoxFuture<'a, Result<Box<dyn Reader + 'a>>>;
}

/// An open source.
pub trait Reader: Send {
    /// What is known before reading.
    fn info(&self) -> SourceInfo;
    /// Looks whether it can be read.
    fn validate(&mut self) -> BoxFuture<'_, Result<()>>;
    /// The next chunk.
    fn read(&mut self, wanted: Wanted) -> BoxFuture<'_, Result<Option<ErasedChunk>>>;
    /// What a reading that was given up had taken already.
    fn taken(&mut self) -> Option<ErasedChunk>;
    /// Whether reading never keeps the thread waiting.
    fn never_blocks(&self) -> bool;
    /// What tells its content from another.
    fn identity(&self, head: Option<u64>) -> Result<Option<Identity>>;
    /// Has reading begin there, or before.
    fn seek(&mut self, from: Cursor) -> BoxFuture<'_, Result<Cursor>>;
}

/// A chunk that is not decoded, of any record type.
pub struct ErasedChunk(pub(super) Box<dyn Undecoded>);

/// A loader.
pub trait LoadStep<C>: Send + Sync {
    /// Makes ready to load.
    fn session<'a>(&'a self, context: &'a C, stage: &'a Stage) -> Box<dyn LoadSession + 'a>;
}

struct OpenOf<S>(PhantomData<fn() -> S>);

impl<C: Context, S: Extractor<Needs: LentBy<C>>> OpenStep<C> for OpenOf<S> {
    fn open<'a>(&'a self, context: &'a C) -> BoxFuture<'a, Result<Box<dyn Reader + 'a>>> {
        async move {
            let source = S::open(<S::Needs as LentBy<C>>::lend(context)).await?;
            Ok(Box::new(ReaderOf::<S> { source }) as Box<dyn Reader + 'a>)
        }
        .boxed()
    }
}

struct ReaderOf<'a, S: Extractor> {
    source: BoxSource<'a, S::Out>,
}

impl<S: Extractor> Reader for ReaderOf<'_, S> {
    fn info(&self) -> SourceInfo {
        self.source.info()
    }

    fn validate(&mut self) -> BoxFuture<'_, Result<()>> {
        self.source.validate()
    }

    fn read(&mut self, wanted: Wanted) -> BoxFuture<'_, Result<Option<ErasedChunk>>> {
        async move { Ok(self.source.read(wanted).await?.map(|chunk| ErasedChunk(Box::new(chunk)))) }.boxed()
    }

    fn taken(&mut self) -> Option<ErasedChunk> {
        self.source.taken().map(|chunk| ErasedChunk(Box::new(chunk)))
    }

    fn never_blocks(&self) -> bool {
        self.source.never_blocks()
    }

    fn identity(&self, head: Option<u64>) -> Result<Option<Identity>> {
        self.source.identity(head)
    }

    fn seek(&mut self, from: Cursor) -> BoxFuture<'_, Result<Cursor>> {
        self.source.seek(from)
    }
}

impl<S: Extractor> Opens<S::Out, S::Needs> for S {
    fn definition() -> StageDefinition {
        S::DEFINITION.with_columns(<S::Out as Record>::KNOWN)
    }

    fn step<C: Context>() -> Box<dyn OpenStep<C>>
    where
        S::Needs: LentBy<C>,
    {
        Box::new(OpenOf::<S>(PhantomData))
    }
}

struct LoadOf<S>(PhantomData<fn() -> S>);

impl<C: Context, S: Loader> LoadStep<C> for LoadOf<S>
where
    LoaderNeeds<S>: LentBy<C>,
{
    fn session<'a>(&'a self, context: &'a C, stage: &'a Stage) -> Box<dyn LoadSession + 'a> {
        let (lent, rules, ()) = LoaderNeeds::<S>::parts(<LoaderNeeds<S> as LentBy<C>>::lend(context));
        Box::new(Session::<S>::new(lent, rules, stage))
    }
}

impl<S: Loader> Loads<S::In, LoaderNeeds<S>> for S {
    fn definition() -> StageDefinition {
        S::DEFINITION.with_columns(<S::In as Record>::KNOWN)
    }

    fn step<C: Context>() -> Box<dyn LoadStep<C>>
    where
        LoaderNeeds<S>: LentBy<C>,
    {
        Box::new(LoadOf::<S>(PhantomData))
    }
}
