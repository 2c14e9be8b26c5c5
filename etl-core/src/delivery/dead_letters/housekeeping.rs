//! What an operator does to the file: takes letters away for good.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::Path;

use super::file::{self, Locked, cannot, sync_directory};
use super::id::LetterId;
use super::line::{Line, Tombstone, Why, now};
use super::scan::{End, Live, Tail, scan};
use crate::contract::error::Result;

/// Takes these letters away, durably, and returns how many there were. The file is locked meanwhile:
/// no run writes to it.
///
/// First each gets a tombstone. Where a quarter of the file or more is of letters that are gone, it is
/// then rewritten without them; a process that is killed in between leaves the one or the other.
///
/// # Errors
/// That the file cannot be locked, read or written. Then each letter is either gone or still there.
pub(crate) fn discard(path: &Path, letters: &HashSet<LetterId>) -> Result<usize> {
    let Locked { mut file, .. } = file::lock(path)?;
    let mut live = Live::default();
    let End { length, tail } = scan(path, &file, |place, line| live.take(line, |letter| Some((letter.id(), place))))?;
    let (gone, mut left): (Vec<_>, Vec<_>) = live.into_all().partition(|(id, _)| letters.contains(id));
    if gone.is_empty() {
        return Ok(0);
    }
    let mut lines = Vec::new();
    if tail == Tail::Unended {
        lines.push(b'\n');
    }
    let now = now();
    let ids: HashSet<_> = gone.iter().map(|(id, _)| *id).collect();
    for letter in ids {
        Line::Tombstone(Tombstone { letter, why: Why::Discarded, at: (&*now).into(), run_id: None }).encode(&mut lines);
    }
    (|| {
        if tail == Tail::Torn {
            file.set_len(length)?;
        }
        file.write_all(&lines)?;
        file.sync_data()?;
        sync_directory(path)
    })()
    .map_err(|error| cannot("write to", path, &error))?;

    left.sort_by_key(|(_, place)| place.start);
    let kept: u64 = left.iter().map(|(_, place)| place.end - place.start).sum();
    let total = length + lines.len() as u64;
    if (total - kept) * 4 >= total {
        file::replace(path, |new| copy(&file, left.iter().map(|(_, place)| place.clone()), new))?;
    }
    Ok(gone.len())
}

/// Copies these lines.
fn copy(mut from: &File, lines: impl Iterator<Item = Range<u64>>, to: &mut File) -> io::Result<()> {
    let mut to = io::BufWriter::with_capacity(64 << 10, to);
    let mut line = Vec::new();
    for place in lines {
        from.seek(SeekFrom::Start(place.start))?;
        line.clear();
        from.take(place.end - place.start).read_to_end(&mut line)?;
        to.write_all(line.trim_ascii())?;
        to.write_all(b"\n")?;
    }
    to.flush()
}
