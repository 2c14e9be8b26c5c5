//! Where the records of a loader's batch came from: it may hold pieces of several parcels.

use std::borrow::Cow;
use std::sync::Arc;

use super::parcel::Share;
use crate::contract::position::Position;
use crate::contract::source::Origin;
use crate::delivery::tracker::Coverage;

/// Records of one parcel that follow each other.
pub(super) struct Piece {
    pub(super) origin: Arc<dyn Origin>,
    /// The index in the origin of each record from `start` on; `None` where it is its place there.
    pub(super) inputs: Option<Vec<u32>>,
    pub(super) start: usize,
    pub(super) length: usize,
    /// The records' part of the memory budget, until they are loaded.
    pub(super) share: Share,
    /// What of the source it holds, where the run is followed: then it is never cut.
    pub(super) coverage: Option<Box<Coverage>>,
}

impl Piece {
    /// The origin's index of record `place` of the piece.
    fn input(&self, place: usize) -> u32 {
        let place = self.start + place;
        self.inputs.as_ref().map_or(place as u32, |inputs| inputs[place])
    }

    /// Parts off the first `count` records.
    pub(super) fn split_front(&mut self, count: usize) -> Self {
        let share = self.share.split(count, self.length);
        let end = self.start + count;
        let (start, inputs) = match &self.inputs {
            Some(inputs) => (0, Some(inputs[self.start..end].to_vec())),
            None => (self.start, None),
        };
        let front = Self { origin: Arc::clone(&self.origin), inputs, start, length: count, share, coverage: None };
        self.start += count;
        self.length -= count;
        front
    }
}

/// The pieces of a batch, none of them empty.
#[derive(Default)]
pub(super) struct Lineage {
    pub(super) pieces: Vec<Piece>,
    /// The place in the batch of each piece's first record.
    starts: Vec<usize>,
    records: usize,
}

impl Lineage {
    pub(super) fn push(&mut self, piece: Piece) {
        self.starts.push(self.records);
        self.records += piece.length;
        self.pieces.push(piece);
    }

    pub(super) fn clear(&mut self) -> impl Iterator<Item = Piece> + '_ {
        self.starts.clear();
        self.records = 0;
        self.pieces.drain(..)
    }

    /// The origin of record `index` of the batch, and its index there.
    pub(super) fn of(&self, index: usize) -> (&Arc<dyn Origin>, u32) {
        let piece = self.starts.partition_point(|start| *start <= index) - 1;
        (&self.pieces[piece].origin, self.pieces[piece].input(index - self.starts[piece]))
    }
}

/// For the bookkeeping, a loader's batch is an origin of its own, numbered by place in the batch.
impl Origin for Lineage {
    fn position(&self, index: u32) -> Position {
        let (origin, index) = self.of(index as usize);
        origin.position(index)
    }

    fn payload(&self, index: u32) -> Option<Cow<'_, [u8]>> {
        let (origin, index) = self.of(index as usize);
        origin.payload(index)
    }
}
