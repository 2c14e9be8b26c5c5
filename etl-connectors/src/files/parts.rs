//! The parts of a dataset of text.

use etl_core::target::Abandoned;
use etl_core::{Error, ErrorKind, Result};

use super::dataset::Dataset;
use super::text::Layout;
use super::{NewFile, Output};

/// The dataset of one run, and the part that is being written.
pub(crate) struct Parts {
    dataset: Dataset,
    layout: Layout,
    part: Option<Part>,
    /// The part has grown enough: the next transaction begins another one.
    full: bool,
}

struct Part {
    output: Output,
    place: NewFile,
    /// Committed records.
    rows: u64,
}

impl Parts {
    pub(super) fn new(dataset: Dataset, layout: Layout) -> Self {
        Self { dataset, layout, part: None, full: false }
    }

    /// What a transaction writes to.
    pub(super) fn output(&mut self) -> Result<&mut Output> {
        if self.full {
            self.close()?;
        }
        if self.part.is_none() {
            let (output, place) = self.dataset.part()?;
            let mut output = self.layout.fit(output);
            output.buffer().extend_from_slice(&self.layout.header);
            self.part = Some(Part { output, place, rows: 0 });
        }
        match &mut self.part {
            Some(part) => Ok(&mut part.output),
            None => Err(Error::new(ErrorKind::Storage, "a part that was begun is gone")),
        }
    }

    /// The output, if something was written to it.
    pub(super) fn written(&mut self) -> Option<&mut Output> {
        self.part.as_mut().map(|part| &mut part.output)
    }

    /// So many records are committed to the part.
    pub(super) fn committed(&mut self, records: u64) -> Result<()> {
        if let Some(part) = &mut self.part {
            part.rows += records;
            self.full = part.output.physical() >= self.dataset.part_size();
        }
        Ok(())
    }

    /// Ends the part that is being written.
    fn close(&mut self) -> Result<()> {
        self.full = false;
        if let Some(mut part) = self.part.take()
            && part.rows > 0
        {
            part.output.complete()?;
            self.dataset.add(part.place, part.rows)?;
        }
        Ok(())
    }

    pub(super) fn checkpoint(&mut self, sealed: bool) -> Result<Option<String>> {
        if !sealed && !self.dataset.is_due() {
            return Ok(None);
        }
        self.close()?;
        self.dataset.checkpoint(sealed)
    }

    pub(super) fn publish(mut self) -> Result<()> {
        self.close()?;
        self.dataset.publish()
    }

    pub(super) fn abandon(self) -> Abandoned {
        self.dataset.abandon()
    }
}
