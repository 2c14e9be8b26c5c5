//! `COPY … FROM STDIN`: records are encoded piece by piece, while the server reads the piece before.

use std::pin::pin;
use std::sync::{Arc, Mutex};

use bytes::Buf;
use etl_core::Result;
use etl_core::record::Column;
use etl_core::record::codec::Encode;
use futures::SinkExt;

use super::encode::{self, HEADER, Misfit, TRAILER};
use super::names::{self, Ident};
use super::session::Session;
use super::shape::Binding;

/// How large a piece is, unless one row is larger.
const PIECE: usize = 64 << 10;

/// Records that are still to be encoded; their type is known here and nowhere further down.
pub(super) trait Source: Send {
    /// Their columns.
    fn schema(&self) -> &'static [Column];
    /// Whether none is left.
    fn is_empty(&self) -> bool;
    /// Encodes records until a piece is full or none is left.
    fn fill(&mut self, binding: &Binding, out: &mut Vec<u8>) -> Result<(), Misfit>;
}

/// Records in memory.
pub(super) struct Rows<'r, T> {
    records: &'r [T],
    /// The place of the next one, where places are written.
    place: Option<i64>,
}

impl<'r, T> Rows<'r, T> {
    pub(super) const fn new(records: &'r [T]) -> Self {
        Self { records, place: None }
    }

    /// The same, each with its place behind its fields.
    pub(super) const fn placed(self) -> Self {
        Self { place: Some(0), ..self }
    }
}

impl<T: Encode + Sync> Source for Rows<'_, T> {
    fn schema(&self) -> &'static [Column] {
        T::SCHEMA
    }

    fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    fn fill(&mut self, binding: &Binding, out: &mut Vec<u8>) -> Result<(), Misfit> {
        while let [first, rest @ ..] = self.records
            && out.len() < PIECE
        {
            encode::row(first, &binding.forms, self.place, out)?;
            self.place = self.place.map(|place| place + 1);
            self.records = rest;
        }
        Ok(())
    }
}

/// Copies records into a table, whose name is quoted. With a `place`, that is one more column.
pub(super) async fn copy(
    session: &mut Session,
    table: &str,
    binding: &Binding,
    place: Option<&Ident>,
    mut rows: impl Source,
) -> Result<()> {
    let doing = format!("cannot copy into {}", binding.table);
    let columns = names::list(&binding.columns);
    let place = place.map_or_else(String::new, |place| format!(", {place}"));
    let sql = format!("COPY {table} ({columns}{place}) FROM STDIN (FORMAT binary)");
    let statement = session.statement(sql, doing.clone()).await?;
    let room = Room::default();
    let (mut begun, mut misfit) = (false, None);
    let copying = async {
        let mut sink = pin!(session.client().copy_in(&statement).await?);
        begun = true;
        let mut piece = room.take();
        piece.extend_from_slice(HEADER);
        loop {
            if let Err(found) = rows.fill(binding, &mut piece) {
                misfit = Some(found);
                // Dropped, the sink takes the copy back.
                return Ok(0);
            }
            if rows.is_empty() {
                piece.extend_from_slice(TRAILER);
                sink.as_mut().feed(room.piece(piece)).await?;
                return sink.finish().await;
            }
            sink.as_mut().feed(room.piece(piece)).await?;
            piece = room.take();
        }
    };
    let copied = session.answer(doing, session.limit(), copying).await;
    match (&copied, &misfit) {
        (Ok(_), None) => {}
        // The driver says Sync with the statement and once more behind the data. The server passes over the first while it
        // takes data; where it refused before, it answers both, and every later answer would be taken for that of the next
        // statement: a commit would look done that is not (rust-postgres #1337).
        _ if !begun => session.give_up(),
        _ => session.doubt(),
    }
    match misfit {
        Some(misfit) => Err(misfit.explain(binding)),
        None => copied.map(drop),
    }
}

/// The buffers of pieces that were sent, to be filled again.
#[derive(Clone, Default)]
struct Room(Arc<Mutex<Vec<Vec<u8>>>>);

impl Room {
    fn take(&self) -> Vec<u8> {
        let spare = self.0.lock().ok().and_then(|mut spare| spare.pop());
        // A little more than a piece: the last row may reach over its end.
        spare.unwrap_or_else(|| Vec::with_capacity(PIECE + PIECE / 8))
    }

    fn piece(&self, bytes: Vec<u8>) -> Piece {
        Piece { bytes, at: 0, room: self.clone() }
    }
}

/// Encoded rows on their way; their buffer comes back when they are sent.
struct Piece {
    bytes: Vec<u8>,
    at: usize,
    room: Room,
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    fn advance(&mut self, count: usize) {
        self.at += count;
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        if let Ok(mut spare) = self.room.0.lock() {
            spare.push(bytes);
        }
    }
}
