//! What the file promises, through kills, damage and other hands.

mod format;
mod model;
mod promises;

use std::borrow::Cow;
use std::path::Path;

use super::{DeadLetter, DeadLetters, LIMIT, Opening, Payload};
use crate::contract::error::{ErrorKind, Result};
use crate::contract::position::Position;

pub(super) const PIPELINE: &str = "Flights";

fn opening(path: &Path) -> Opening<'_> {
    Opening { path, pipeline: PIPELINE, run_id: "run-1", replay_epoch: 0, limit: LIMIT, replays: None }
}

fn open(path: &Path) -> Result<DeadLetters> {
    DeadLetters::open(opening(path))
}

fn letter<'a>(ordinal: u64, stage: &'static str, payload: &'a [u8]) -> DeadLetter<'a> {
    DeadLetter {
        stage,
        position: Position { partition: "a.csv".into(), ordinal, byte: Some(ordinal * 10), line: Some(ordinal + 2) },
        batch_start: 0,
        kind: ErrorKind::Transformation,
        code: "CleanError::BadTime",
        column: None,
        message: "departure time is not a time of day",
        attempts: 1,
        payload: Some(Payload::Source(Cow::Borrowed(payload))),
        replayable: true,
    }
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}
