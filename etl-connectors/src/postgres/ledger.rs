//! Which parts of the source are in the database: a row for each transaction, written in it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use etl_core::position::Cursor;
use etl_core::target::{Entry, Receipt, Recorded, fenced};
use etl_core::{Error, ErrorKind, Result, mutants};
use tokio_postgres::Row;

use super::lease::{self, Held};
use super::session::Session;

/// In place of a first record: the row holds the newest progress of its partition, and no part.
const PROGRESS: i64 = -1;
/// The same, of a run that is not published yet.
const STAGED_PROGRESS: i64 = -2;

/// Writes what a transaction loads. The lease is renewed first: from here on nobody takes it before
/// the transaction ends.
pub(super) async fn record(session: &mut Session, held: &Held, receipt: &Receipt) -> Result<Recorded> {
    if !lease::renew(session, held).await? {
        return Err(fenced(&session.place));
    }
    let parts: Vec<&Entry> = receipt.entries.iter().filter(|entry| !entry.range.is_empty()).collect();
    if !parts.is_empty() && !mutants::active("postgres_ledger_unwritten") {
        let written = insert(session, held, &parts, receipt.records).await?;
        if written == 0 {
            return Ok(Recorded::Already);
        }
        if written != parts.len() as u64 {
            return Err(Error::new(ErrorKind::Load, format!("the ledger in {} has a part of the batch already", session.place))
                .hint("the batch was cut in another way than before: this is a bug"));
        }
    }
    write_progress(session, held, &receipt.entries).await?;
    Ok(Recorded::New)
}

/// Whether all parts of a batch are in. The transaction that may have put them there has ended: a new
/// session waits for it before it says anything else.
pub(super) async fn holds(session: &mut Session, held: &Held, entries: &[Entry]) -> Result<bool> {
    let parts: Vec<&Entry> = entries.iter().filter(|entry| !entry.range.is_empty()).collect();
    let partitions: Vec<&str> = parts.iter().map(|entry| &*entry.partition).collect();
    let starts = column(&parts, |entry| Some(entry.range.start))?;
    let rows = session
        .query(
            "SELECT count(*) FROM _etl_ledger l JOIN unnest($3::text[], $4::bigint[]) AS p (partition, start_record) USING (partition, start_record)
             WHERE pipeline = $1 AND replay_epoch = $2",
            &[&held.pipeline, &held.replay_epoch, &partitions, &starts],
            format!("cannot read the ledger in {}", session.place),
        )
        .await?;
    let found: i64 = rows.first().map_or(0, |row| row.get(0));
    Ok(!parts.is_empty() && found == parts.len() as i64)
}

/// Inserts the parts that are not there. If another transaction is writing one of them, its end is
/// waited for: this is what resolves a commit of which nobody knows whether it was one.
async fn insert(session: &mut Session, held: &Held, parts: &[&Entry], records: u64) -> Result<u64> {
    let texts: Vec<&str> = parts.iter().map(|entry| &*entry.partition).collect();
    let starts = column(parts, |entry| Some(entry.range.start))?;
    let ends = column(parts, |entry| Some(entry.range.end))?;
    let bytes = column(parts, |entry| entry.end.byte)?;
    let lines = column(parts, |entry| entry.end.line)?;
    let sequences = column(parts, |entry| Some(entry.sequence))?;
    // Of the whole transaction: on its first row.
    let records: Vec<i64> = (0..parts.len()).map(|index| if index == 0 { records as i64 } else { 0 }).collect();
    session
        .execute(
            "INSERT INTO _etl_ledger (pipeline, replay_epoch, epoch, staged, partition, start_record, end_record, end_byte, end_line, sequence, records)
             SELECT $1, $2, $3, $4, * FROM unnest($5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])
             ON CONFLICT DO NOTHING",
            &[
                &held.pipeline,
                &held.replay_epoch,
                &held.epoch,
                &held.whole,
                &texts,
                &starts,
                &ends,
                &bytes,
                &lines,
                &sequences,
                &records,
            ],
            format!("cannot write to the ledger in {}", session.place),
        )
        .await
}

/// Keeps the newest progress of each partition, in a row of its own, so that the others stay small.
async fn write_progress(session: &mut Session, held: &Held, entries: &[Entry]) -> Result<()> {
    let mut newest: BTreeMap<&str, &Entry> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.progress.is_some()) {
        let known = newest.entry(&entry.partition).or_insert(entry);
        if entry.sequence >= known.sequence {
            *known = entry;
        }
    }
    let newest: Vec<&Entry> = newest.into_values().collect();
    if newest.is_empty() {
        return Ok(());
    }
    let partitions: Vec<&str> = newest.iter().map(|entry| &*entry.partition).collect();
    let ends = column(&newest, |entry| Some(entry.range.end))?;
    let bytes = column(&newest, |entry| entry.end.byte)?;
    let lines = column(&newest, |entry| entry.end.line)?;
    let sequences = column(&newest, |entry| Some(entry.sequence))?;
    let progress: Vec<&str> = newest.iter().filter_map(|entry| entry.progress.as_deref()).collect();
    let place = if held.whole { STAGED_PROGRESS } else { PROGRESS };
    session
        .execute(
            "INSERT INTO _etl_ledger AS l
                    (pipeline, replay_epoch, epoch, staged, start_record, records, partition, end_record, end_byte, end_line, sequence, progress)
             SELECT $1, $2, $3, $4, $5, 0, * FROM unnest($6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::text[])
             ON CONFLICT (pipeline, replay_epoch, partition, start_record) DO UPDATE
             SET epoch = excluded.epoch, end_record = excluded.end_record, end_byte = excluded.end_byte, end_line = excluded.end_line,
                 sequence = excluded.sequence, progress = excluded.progress
             WHERE l.sequence <= excluded.sequence",
            &[
                &held.pipeline,
                &held.replay_epoch,
                &held.epoch,
                &held.whole,
                &place,
                &partitions,
                &ends,
                &bytes,
                &lines,
                &sequences,
                &progress,
            ],
            format!("cannot write to the ledger in {}", session.place),
        )
        .await
        .map(drop)
}

/// One number of each entry.
fn column(entries: &[&Entry], number: impl Fn(&Entry) -> Option<u64>) -> Result<Vec<Option<i64>>> {
    entries
        .iter()
        .map(|entry| number(entry).map(i64::try_from).transpose())
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| Error::new(ErrorKind::Load, "a place in the source is above the largest number of the ledger"))
}

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq)]
struct Part {
    partition: Arc<str>,
    range: Range<i64>,
    byte: Option<i64>,
    line: Option<i64>,
    sequence: i64,
    records: i64,
    staged: bool,
    progress: Option<Arc<str>>,
}

impl Part {
    fn read(row: &Row) -> Self {
        Self {
            partition: row.get::<_, &str>(0).into(),
            range: row.get(1)..row.get(2),
            byte: row.get(3),
            line: row.get(4),
            sequence: row.get(5),
            records: row.get(6),
            staged: row.get(7),
            progress: row.get::<_, Option<&str>>(8).map(Into::into),
        }
    }

    fn entry(&self, range: Range<i64>) -> Entry {
        let number = |value: i64| value.unsigned_abs();
        let end = Cursor { ordinal: number(range.end), byte: self.byte.map(number), line: self.line.map(number) };
        Entry::new(Arc::clone(&self.partition), number(range.start)..number(range.end), end, number(self.sequence), self.progress.clone())
    }
}

/// Reads the entries, and folds those that follow each other into one, so that the table stays small.
/// Called with the lease just taken, when no other transaction can write to it.
pub(super) async fn read(session: &mut Session, held: &Held) -> Result<Vec<Entry>> {
    let doing = format!("cannot read the ledger in {}", session.place);
    let rows = session
        .query(
            "SELECT partition, start_record, end_record, end_byte, end_line, sequence, records, staged, progress
             FROM _etl_ledger WHERE pipeline = $1 AND replay_epoch = $2 ORDER BY partition, start_record",
            &[&held.pipeline, &held.replay_epoch],
            doing.clone(),
        )
        .await?;
    let (progress, parts): (Vec<_>, Vec<_>) = rows.iter().map(Part::read).partition(|part| part.range.start < 0);
    let folded = fold(&parts);
    for fold in folded.iter().filter(|fold| fold.members > 1) {
        let part = &fold.part;
        session
            .execute(
                "DELETE FROM _etl_ledger WHERE pipeline = $1 AND replay_epoch = $2 AND partition = $3 AND start_record > $4 AND start_record < $5",
                &[&held.pipeline, &held.replay_epoch, &&*part.partition, &part.range.start, &part.range.end],
                doing.clone(),
            )
            .await?;
        session
            .execute(
                "UPDATE _etl_ledger SET end_record = $5, end_byte = $6, end_line = $7, sequence = $8, records = $9
                 WHERE pipeline = $1 AND replay_epoch = $2 AND partition = $3 AND start_record = $4",
                &[
                    &held.pipeline,
                    &held.replay_epoch,
                    &&*part.partition,
                    &part.range.start,
                    &part.range.end,
                    &part.byte,
                    &part.line,
                    &part.sequence,
                    &part.records,
                ],
                doing.clone(),
            )
            .await?;
    }
    Ok(entries(folded.into_iter().map(|fold| fold.part).collect(), &progress))
}

/// The parts, with the progress on the one of the transaction that wrote it, or as an entry of its own.
fn entries(parts: Vec<Part>, progress: &[Part]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = parts.iter().map(|part| part.entry(part.range.clone())).collect();
    for newest in progress {
        // That of a run that is not published yet is newer.
        let superseded = progress.iter().any(|other| {
            other.partition == newest.partition && other.range.start < newest.range.start && other.sequence >= newest.sequence
        });
        if superseded {
            continue;
        }
        let same = |entry: &&mut Entry| entry.partition == newest.partition && entry.sequence == newest.sequence.unsigned_abs();
        match entries.iter_mut().find(same) {
            Some(entry) => entry.progress.clone_from(&newest.progress),
            None => entries.push(newest.entry(newest.range.end..newest.range.end)),
        }
    }
    entries
}

struct Fold {
    part: Part,
    members: usize,
}

/// Joins the parts that follow each other. They come sorted.
fn fold(parts: &[Part]) -> Vec<Fold> {
    let mut folded: Vec<Fold> = Vec::new();
    for part in parts {
        match folded.last_mut() {
            Some(Fold { part: last, members })
                if last.partition == part.partition && last.range.end == part.range.start && last.staged == part.staged =>
            {
                last.range.end = part.range.end;
                (last.byte, last.line) = (part.byte, part.line);
                last.sequence = last.sequence.max(part.sequence);
                last.records += part.records;
                *members += 1;
            }
            _ => folded.push(Fold { part: part.clone(), members: 1 }),
        }
    }
    folded
}

/// Forgets what was loaded in earlier replay epochs.
pub(super) async fn forget(session: &mut Session, pipeline: &str) -> Result<()> {
    let doing = format!("cannot write to the ledger in {}", session.place);
    session.execute("DELETE FROM _etl_ledger WHERE pipeline = $1", &[&pipeline], doing).await.map(drop)
}

/// Forgets what a run that was not published has loaded.
pub(super) async fn forget_staged(session: &mut Session, pipeline: &str) -> Result<()> {
    let doing = format!("cannot write to the ledger in {}", session.place);
    session.execute("DELETE FROM _etl_ledger WHERE pipeline = $1 AND staged", &[&pipeline], doing).await.map(drop)
}

/// Makes what a run has loaded so far count, now that it is published.
pub(super) async fn publish(session: &mut Session, pipeline: &str) -> Result<()> {
    let doing = format!("cannot write to the ledger in {}", session.place);
    session
        .execute(
            "DELETE FROM _etl_ledger l WHERE pipeline = $1 AND start_record = $2 AND EXISTS (
                 SELECT FROM _etl_ledger n WHERE n.pipeline = l.pipeline AND n.replay_epoch = l.replay_epoch AND n.partition = l.partition
                 AND n.start_record = $3)",
            &[&pipeline, &PROGRESS, &STAGED_PROGRESS],
            doing.clone(),
        )
        .await?;
    session
        .execute(
            "UPDATE _etl_ledger SET staged = false, start_record = CASE start_record WHEN $2 THEN $3 ELSE start_record END
             WHERE pipeline = $1 AND staged",
            &[&pipeline, &STAGED_PROGRESS, &PROGRESS],
            doing,
        )
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(partition: &str, range: Range<i64>, sequence: i64) -> Part {
        Part {
            partition: partition.into(),
            byte: Some(range.end * 10),
            range,
            line: None,
            sequence,
            records: 1,
            staged: false,
            progress: None,
        }
    }

    #[test]
    fn parts_that_follow_each_other_are_one() {
        let parts = [part("a", 0..5, 1), part("a", 5..9, 4), part("a", 9..10, 3), part("a", 12..13, 5), part("b", 13..14, 6)];
        let folded: Vec<_> = fold(&parts).into_iter().map(|fold| (fold.part, fold.members)).collect();
        let joined = Part { records: 3, ..part("a", 0..10, 4) };
        assert_eq!(folded, [(joined, 3), (parts[3].clone(), 1), (parts[4].clone(), 1)]);
        let staged = Part { staged: true, ..part("a", 5..9, 4) };
        assert_eq!(fold(&[part("a", 0..5, 1), staged]).len(), 2, "what is published is not joined with what is not");
    }

    #[test]
    fn the_progress_comes_with_its_transaction() {
        let progress = Part { progress: Some("p".into()), ..part("a", PROGRESS..9, 4) };
        let found = entries(vec![part("a", 0..9, 4)], std::slice::from_ref(&progress));
        assert_eq!(found.iter().map(|entry| entry.progress.as_deref()).collect::<Vec<_>>(), [Some("p")]);
        let found = entries(vec![part("a", 0..9, 3)], std::slice::from_ref(&progress));
        assert_eq!(found.iter().map(|entry| (entry.range.clone(), entry.sequence)).collect::<Vec<_>>(), [(0..9, 3), (9..9, 4)]);
        let newer = Part { progress: Some("q".into()), ..part("a", STAGED_PROGRESS..12, 5) };
        let found = entries(vec![part("a", 0..12, 5)], &[newer, progress]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].progress.as_deref(), Some("q"));
    }
}
