//! A transaction on text: what was written since it began can be taken back.

use etl_core::Result;

use super::Output;
use super::text::Text;

/// An open transaction on a [`Text`]. Dropped, it is taken back.
pub(crate) struct Draft<'c> {
    text: &'c mut Text,
    /// Where it began, once something was written.
    start: Option<u64>,
    records: u64,
}

impl<'c> Draft<'c> {
    pub(crate) fn begin(text: &'c mut Text) -> Result<Self> {
        if let Some(output) = text.written() {
            output.usable()?;
        }
        Ok(Self { text, start: None, records: 0 })
    }

    pub(crate) fn output(&mut self) -> Result<&mut Output> {
        let output = self.text.output()?;
        if self.start.is_none() {
            self.start = Some(output.mark_start());
        }
        Ok(output)
    }

    /// What it is a transaction on.
    #[cfg(feature = "csv")]
    pub(crate) fn text(&mut self) -> &mut Text {
        self.text
    }

    /// So many records were written.
    pub(crate) fn wrote(&mut self, records: usize) {
        self.records += records as u64;
    }

    /// Keeps what was written.
    pub(crate) fn commit(mut self) -> Result<()> {
        if self.start.is_some() {
            let output = self.text.output()?;
            output.usable()?;
            output.keep();
            self.start = None;
            self.text.committed(self.records)?;
        }
        Ok(())
    }

    /// Takes back what was written.
    pub(crate) fn rollback(mut self) -> Result<()> {
        self.take_back()
    }

    fn take_back(&mut self) -> Result<()> {
        match (self.start.take(), self.text.written()) {
            (Some(start), Some(output)) => output.truncate(start),
            _ => Ok(()),
        }
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        // An output that could not be cut back remembers it, and refuses to go on.
        let _remembered = self.take_back();
    }
}
