//! One loop over a batch of which no record becomes more than one.
//!
//! What the loop needs for every record is in local variables, so that it is as tight as one written
//! by hand; the bookkeeping ([`Work`]) is told of what is rare, and of the rest at the end.

use std::ops::ControlFlow;

use crate::contract::record::Record;
use crate::engine::spares::Spares;
use crate::engine::work::{Stopped, Work};

/// What one record becomes: a record, or none, whose fate the work then knows.
pub(super) type Became<T> = ControlFlow<Stopped, Option<T>>;

/// The record that is being worked on, told of if the user's function panics.
struct Place<'a, 'w, Out> {
    work: &'a mut Work<'w, Out>,
    index: usize,
}

impl<Out> Drop for Place<'_, '_, Out> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.work.blame(self.index);
        }
    }
}

/// Makes of each record what `one` makes of it; none is left in `rows`.
pub(super) fn make<In: Record, Out: Record>(
    mut work: Work<'_, Out>,
    rows: &mut Vec<In>,
    mut one: impl FnMut(&mut Work<'_, Out>, usize, In) -> Became<Out>,
) -> (Vec<Out>, Option<Vec<u32>>) {
    let entered = rows.len();
    let mut out = std::mem::take(&mut work.out);
    // The place of each record that goes on, once one was left out.
    let mut places: Option<Vec<u32>> = None;
    let mut place = Place { work: &mut work, index: 0 };
    let mut boundary = 0;
    for (index, record) in rows.drain(..).enumerate() {
        if index == boundary {
            match place.work.begin_slice(index) {
                Some(next) => boundary = next,
                None => break,
            }
        }
        place.index = index;
        match one(place.work, index, record) {
            ControlFlow::Continue(Some(record)) => {
                if let Some(places) = &mut places {
                    places.push(index as u32);
                }
                out.push(record);
            }
            ControlFlow::Continue(None) if places.is_none() => places = Some(all_before(index, entered)),
            ControlFlow::Continue(None) => {}
            ControlFlow::Break(Stopped) => break,
        }
    }
    drop(place);
    work.finish_one_each(out, places)
}

/// Makes one record of each, where nothing can go wrong but a panic; none is left in `rows`. The
/// batch is one slice: nobody looks in between whether the run goes on.
pub(super) fn map<In: Record, Out: Record>(
    mut work: Work<'_, Out>,
    rows: &mut Vec<In>,
    spares: &Spares,
    mut one: impl FnMut(In) -> Out,
) -> (Vec<Out>, Option<Vec<u32>>) {
    let mut out = Vec::new();
    if work.begin_slice(0).is_some() {
        let mut place = Place { work: &mut work, index: 0 };
        let mut one = |record| {
            let made = one(record);
            place.index += 1;
            made
        };
        if const { size_of::<In>() == size_of::<Out>() && align_of::<In>() == align_of::<Out>() } {
            // The standard library collects into the vector that the records came in.
            out = std::mem::take(rows).into_iter().map(one).collect();
        } else {
            out = spares.take();
            out.reserve(rows.len());
            out.extend(rows.drain(..).map(&mut one));
        }
        drop(place);
    }
    work.finish_one_each(out, None)
}

/// Keeps the records that `keeps` wants, where nothing can go wrong but a panic; they do not leave
/// `rows`. The batch is one slice, as in [`map`].
pub(super) fn keep<T: Record>(
    mut work: Work<'_, T>,
    rows: &mut Vec<T>,
    spares: &Spares,
    mut keeps: impl FnMut(&T) -> bool,
) -> (Vec<T>, Option<Vec<u32>>) {
    let entered = rows.len();
    let mut places: Vec<u32> = spares.take();
    if work.begin_slice(0).is_some() {
        places.resize(entered, 0);
        let (mut index, mut kept) = (0, 0);
        let mut slots = places.iter_mut();
        let mut place = Place { work: &mut work, index: 0 };
        rows.retain(|record| {
            place.index = index;
            let stays = keeps(record);
            if stays && let Some(slot) = slots.next() {
                *slot = index as u32;
                kept += 1;
            }
            index += 1;
            stays
        });
        drop(place);
        places.truncate(kept);
    }
    let places = if places.len() == entered {
        spares.give(places);
        None
    } else {
        Some(places)
    };
    work.finish_one_each(std::mem::take(rows), places)
}

/// Until the first is left out, each record stands at the place of its input.
#[cold]
fn all_before(index: usize, entered: usize) -> Vec<u32> {
    let mut places = Vec::with_capacity(entered);
    places.extend(0..index as u32);
    places
}
