//! Parts of the file, cut at the ends of records, handed out under a lock.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bench_clean::Result;
use memchr::{memchr, memrchr};

use super::Grammar;

/// Bytes behind the end that may be read, and mean nothing.
pub(crate) const PADDING: usize = 64;

/// What the file must begin with.
const HEADER: &[u8] = b"year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,origin,dest,air_time,distance,hour,minute,time_hour\n";

/// Whole records.
#[derive(Default)]
pub(crate) struct Lease {
    pub(crate) number: usize,
    /// `end` bytes of the file, and padding.
    pub(crate) bytes: Vec<u8>,
    pub(crate) end: usize,
}

pub(crate) struct Leases(Mutex<Reader>);

struct Reader {
    file: File,
    size: usize,
    grammar: Grammar,
    /// The beginning of the next lease.
    carry: Vec<u8>,
    next: usize,
}

impl Leases {
    pub(crate) fn open(path: &Path, size: usize, grammar: Grammar) -> Result<Self> {
        let mut file = File::open(path)?;
        let mut header = vec![0; HEADER.len()];
        file.read_exact(&mut header)?;
        if header != HEADER {
            return Err("these are not the columns of the job".into());
        }
        Ok(Self(Mutex::new(Reader { file, size, grammar, carry: Vec::new(), next: 0 })))
    }

    /// The next lease; `false` at the end of the file.
    pub(crate) fn take(&self, lease: &mut Lease) -> io::Result<bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take(lease)
    }
}

impl Reader {
    fn take(&mut self, lease: &mut Lease) -> io::Result<bool> {
        let bytes = &mut lease.bytes;
        bytes.clear();
        bytes.extend_from_slice(&self.carry);
        self.carry.clear();
        loop {
            bytes.reserve(self.size + PADDING);
            let ended = (&self.file).take(self.size as u64).read_to_end(bytes)? == 0;
            if ended && bytes.is_empty() {
                return Ok(false);
            }
            if ended && bytes.last() != Some(&b'\n') {
                bytes.push(b'\n');
            }
            let end = if ended { Some(bytes.len()) } else { self.last_end(bytes) };
            if let Some(end) = end {
                self.carry.extend_from_slice(&bytes[end..]);
                lease.end = end;
                bytes.truncate(end);
                bytes.resize(end + PADDING, 0);
                lease.number = self.next;
                self.next += 1;
                return Ok(true);
            }
        }
    }

    /// Where the last whole record ends.
    fn last_end(&self, bytes: &[u8]) -> Option<usize> {
        if self.grammar == Grammar::QuoteFree || memchr(b'"', bytes).is_none() {
            return memrchr(b'\n', bytes).map(|at| at + 1);
        }
        let (mut last, mut quoted, mut begins) = (None, false, true);
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                b'"' if quoted && bytes.get(at + 1) == Some(&b'"') => at += 1,
                b'"' if quoted => quoted = false,
                b'"' if begins => quoted = true,
                b'\n' if !quoted => last = Some(at + 1),
                _ => {}
            }
            begins = !quoted && matches!(bytes[at], b',' | b'\n');
            at += 1;
        }
        last
    }
}
