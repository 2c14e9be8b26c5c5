//! A source that can be read again by itself.
use etl_core::guarantee::Replayable;
use etl_core::prelude::*;
use etl_core::source::{BoxChunk, Source, SourceInfo, Wanted};
use futures::future::BoxFuture;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

pub struct Numbers;

impl Source for Numbers {
    type Record = Raw;
    type Class = Replayable;

    fn info(&self) -> SourceInfo {
        SourceInfo::named("numbers")
    }
    fn read(&mut self, _: Wanted) -> BoxFuture<'_, Result<Option<BoxChunk<Raw>>>> {
        Box::pin(async { Ok(None) })
    }
}

#[extractor]
fn read() -> Numbers {
    Numbers
}

fn main() {}
