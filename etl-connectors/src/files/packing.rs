//! Compressing a file whose transactions can be taken back.
//!
//! A compressed member can only be cut off where it begins. So what a transaction has written stays
//! in memory as long as it is little; when it becomes much, the member ends where the transaction
//! began, and the transaction has one of its own.

use std::fs::File;
use std::io::{self, Write};

use super::Compression;
use super::compression::Member;

pub(super) struct Packing {
    compression: Compression,
    member: Option<Member<Vec<u8>>>,
    /// How long the file is.
    physical: u64,
    /// The open transaction.
    transaction: Transaction,
}

enum Transaction {
    None,
    /// It began here, before compression, and nothing of it was compressed yet.
    InMemory {
        start: u64,
    },
    /// Its member begins here.
    Written {
        start: u64,
        physical: u64,
    },
}

impl Packing {
    /// Goes on in a file of this length.
    pub(super) fn new(compression: Compression, physical: u64) -> Self {
        Self { compression, member: None, physical, transaction: Transaction::None }
    }

    pub(super) fn physical(&self) -> u64 {
        self.physical
    }

    pub(super) fn begin(&mut self, start: u64) {
        self.transaction = Transaction::InMemory { start };
    }

    pub(super) fn keep(&mut self) {
        self.transaction = Transaction::None;
    }

    /// Where to cut the file to take the transaction back that began at `start`. `None` if it cannot
    /// be taken back.
    pub(super) fn take_back(&mut self, start: u64) -> Option<u64> {
        match self.transaction {
            Transaction::Written { start: began, physical } if began == start => {
                (self.member, self.physical) = (None, physical);
                Some(physical)
            }
            _ => None,
        }
    }

    /// Compresses bytes that stand at `at` before compression.
    pub(super) fn write(&mut self, bytes: &[u8], at: u64, file: &mut File) -> io::Result<()> {
        let mut bytes = bytes;
        if let Transaction::InMemory { start } = self.transaction {
            let before = usize::try_from(start.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes.len());
            let (kept, rest) = bytes.split_at(before);
            self.compress(kept, file)?;
            bytes = rest;
            if !bytes.is_empty() {
                self.end(file)?;
                self.transaction = Transaction::Written { start, physical: self.physical };
            }
        }
        self.compress(bytes, file)
    }

    /// Ends the member.
    pub(super) fn end(&mut self, file: &mut File) -> io::Result<()> {
        if let Some(member) = self.member.take() {
            let packed = member.finish()?;
            self.hand_over(&packed, file)?;
        }
        Ok(())
    }

    /// Writes the member of an empty file.
    pub(super) fn write_empty(&mut self, file: &mut File) -> io::Result<()> {
        self.end(file)?;
        if self.physical == 0 {
            self.member = Some(Member::begin(self.compression, Vec::new())?);
            self.end(file)?;
        }
        Ok(())
    }

    fn compress(&mut self, bytes: &[u8], file: &mut File) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut member = match self.member.take() {
            Some(member) => member,
            None => Member::begin(self.compression, Vec::new())?,
        };
        member.write_all(bytes)?;
        let packed = member.get_mut();
        self.hand_over(packed, file)?;
        packed.clear();
        self.member = Some(member);
        Ok(())
    }

    fn hand_over(&mut self, packed: &[u8], file: &mut File) -> io::Result<()> {
        file.write_all(packed)?;
        self.physical += packed.len() as u64;
        Ok(())
    }
}
