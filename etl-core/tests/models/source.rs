//! A source that can be read again, from any record on: the numbers from 0.

use std::borrow::Cow;
use std::sync::Arc;

use etl_core::Result;
use etl_core::guarantee::Replayable;
use etl_core::position::{Cursor, Position};
use etl_core::source::{BoxChunk, BoxSource, Chunk, Decoded, Identity, Origin, Source, SourceInfo, Wanted};
use etl_core::stage::{Extractor, Lent, Role, StageDefinition};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::support::{Cx, Number};

/// Its name.
pub(crate) const NAME: &str = "replayed";

pub(crate) struct Replayed;

impl Extractor for Replayed {
    type Out = Number;
    type Class = Replayable;
    type Needs = (Cx,);
    const DEFINITION: StageDefinition = {
        let mut definition = StageDefinition::new("replayed", Role::Extractor);
        definition.replayable = true;
        definition
    };

    async fn open<'a>((cx,): Lent<'a, Self::Needs>) -> Result<BoxSource<'a, Number>> {
        Ok(Box::new(Numbers { next: 0, count: cx.count }))
    }
}

struct Numbers {
    next: u64,
    count: u64,
}

struct Range {
    first: u64,
    records: u64,
}

impl Source for Numbers {
    type Record = Number;
    type Class = Replayable;

    fn info(&self) -> SourceInfo {
        let mut info = SourceInfo::named(NAME);
        info.replayable = true;
        info
    }

    fn identity(&self, head: Option<u64>) -> Result<Option<Identity>> {
        let whole = self.count;
        Ok(Some(Identity { length: whole, ..Identity::of_bytes(&vec![b'n'; usize::try_from(head.unwrap_or(whole)).unwrap()]) }))
    }

    fn seek(&mut self, from: Cursor) -> BoxFuture<'_, Result<Cursor>> {
        self.next = from.ordinal;
        async move { Ok(from) }.boxed()
    }

    fn read(&mut self, wanted: Wanted) -> BoxFuture<'_, Result<Option<BoxChunk<Number>>>> {
        let first = self.next;
        self.next = self.count.min(first + wanted.records as u64);
        let records = self.next - first;
        async move { Ok((records > 0).then(|| Box::new(Range { first, records }) as BoxChunk<Number>)) }.boxed()
    }
}

impl Chunk<Number> for Range {
    fn bytes(&self) -> usize {
        8 * usize::try_from(self.records).unwrap()
    }

    fn decode(self: Box<Self>) -> Decoded<Number> {
        let records = (self.first..self.first + self.records).map(Number).collect();
        Decoded { records, inputs: None, malformed: Vec::new(), origin: Arc::new(*self) }
    }
}

impl Origin for Range {
    fn position(&self, index: u32) -> Position {
        Position { partition: NAME.into(), ordinal: self.first + u64::from(index), byte: None, line: None }
    }

    fn payload(&self, index: u32) -> Option<Cow<'_, [u8]>> {
        Some((self.first + u64::from(index)).to_string().into_bytes().into())
    }
}
