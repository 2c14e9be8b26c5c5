//! A batch on its way between stages, its record type erased.

#![allow(missing_debug_implementations, reason = "machinery that appears in sealed signatures and is never printed")]

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::spares::Spares;
use crate::contract::error::{Class, ErrorKind};
use crate::contract::record::Record;
use crate::contract::source::{BoxChunk, Malformed, Origin};
use crate::delivery::tracker::Coverage;

/// Records that travel together: a range of the source, less what was left out on the way.
pub struct Parcel {
    /// The place among the parcels of the run.
    pub(crate) sequence: u64,
    /// The records themselves, not decoded or a `Vec<T>`.
    pub(crate) records: Records,
    pub(crate) share: Share,
    /// What of the source it holds, where the run is followed; set when it is decoded. A parcel that
    /// has one travels on when all of its records are gone, because then they are done.
    pub(crate) coverage: Option<Box<Coverage>>,
}

impl Parcel {
    /// Whether there is nothing in it that the stages behind have to know of.
    pub(crate) fn is_empty(&self) -> bool {
        self.coverage.is_none() && matches!(&self.records, Records::Decoded(records) if records.len() == 0)
    }
}

/// A part of the memory budget, given back when it is dropped.
#[derive(Default)]
pub(crate) struct Share(Option<OwnedSemaphorePermit>);

impl Share {
    pub(crate) fn new(permit: Option<OwnedSemaphorePermit>) -> Self {
        Self(permit)
    }

    /// Parts off what `count` of so many records hold.
    pub(crate) fn split(&mut self, count: usize, records: usize) -> Self {
        let Some(permit) = &mut self.0 else { return Self(None) };
        let units = permit.num_permits() * count / records.max(1);
        Self(permit.split(units))
    }
}

/// What is handed over at once: parcels that followed each other without a pause, so that not every
/// small one costs a hand-over.
pub(crate) type Train = Vec<Parcel>;

pub(crate) enum Records {
    Undecoded(Box<dyn Undecoded>),
    Decoded(DecodedRecords),
}

/// A `Vec<T>` and where its records came from.
pub struct DecodedRecords {
    pub(crate) rows: Box<dyn Rows>,
    /// The index in the origin of each record; `None` where it is its index here.
    pub(crate) inputs: Option<Vec<u32>>,
    pub(crate) origin: Arc<dyn Origin>,
}

impl DecodedRecords {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Takes the records out, to be replaced by those that the stage passes on.
    pub(crate) fn take<T: Record>(&mut self) -> Vec<T> {
        let rows: &mut dyn Any = self.rows.as_any();
        // The wiring has connected stages of one record type only.
        rows.downcast_mut::<Vec<T>>().map(std::mem::take).expect("neighbours have one record type")
    }

    /// Keeps the records of which the origin's index is wanted.
    pub(crate) fn retain(&mut self, wanted: &dyn Fn(u32) -> bool) {
        let inputs = self.inputs.take().unwrap_or_else(|| (0..self.len() as u32).collect());
        self.rows.retain(&mut |index| wanted(inputs[index]));
        self.inputs = Some(inputs.into_iter().filter(|input| wanted(*input)).collect());
    }

    /// Parts off the first `count` records.
    pub(crate) fn split_front(&mut self, count: usize) -> Self {
        let length = self.len();
        let rows = self.rows.split_front(count);
        let (front, back) = match self.inputs.take() {
            Some(mut inputs) => {
                let back = inputs.split_off(count);
                (inputs, back)
            }
            None => ((0..count as u32).collect(), (count as u32..length as u32).collect()),
        };
        self.inputs = Some(back);
        Self { rows, inputs: Some(front), origin: Arc::clone(&self.origin) }
    }
}

/// A `Vec` of records of any type.
pub(crate) trait Rows: Any + Send {
    fn len(&self) -> usize;
    fn split_front(&mut self, count: usize) -> Box<dyn Rows>;
    /// Keeps the records at the places that are wanted.
    fn retain(&mut self, wanted: &mut dyn FnMut(usize) -> bool);
    fn as_any(&mut self) -> &mut dyn Any;
}

impl<T: Record> Rows for Vec<T> {
    fn len(&self) -> usize {
        self.len()
    }

    fn split_front(&mut self, count: usize) -> Box<dyn Rows> {
        let back = self.split_off(count);
        Box::new(std::mem::replace(self, back))
    }

    fn retain(&mut self, wanted: &mut dyn FnMut(usize) -> bool) {
        let mut place = 0;
        Vec::retain(self, |_| {
            place += 1;
            wanted(place - 1)
        });
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// A chunk of the source, its record type erased.
pub(crate) trait Undecoded: Send {
    fn bytes(&self) -> usize;
    fn source_bytes(&self) -> u64;
    fn decode(self: Box<Self>, spares: &Spares) -> (DecodedRecords, Vec<Malformed>);
}

impl<T: Record> Undecoded for BoxChunk<T> {
    fn bytes(&self) -> usize {
        (**self).bytes()
    }

    fn source_bytes(&self) -> u64 {
        (**self).source_bytes()
    }

    fn decode(self: Box<Self>, spares: &Spares) -> (DecodedRecords, Vec<Malformed>) {
        let decoded = (*self).decode_into(spares.take());
        (DecodedRecords { rows: Box::new(decoded.records), inputs: decoded.inputs, origin: decoded.origin }, decoded.malformed)
    }
}

/// A record that does not go on, and why: the side list of a batch.
#[derive(Debug)]
pub(crate) struct Excluded {
    /// Its index in the origin.
    pub(crate) input: u32,
    /// [`Class::Skip`] or [`Class::Reject`].
    pub(crate) class: Class,
    pub(crate) kind: ErrorKind,
    pub(crate) code: &'static str,
    pub(crate) column: Option<Cow<'static, str>>,
    pub(crate) message: Cow<'static, str>,
    pub(crate) attempts: u32,
    /// The record as JSON, where the source has no bytes of it.
    pub(crate) shown: Option<Vec<u8>>,
}
