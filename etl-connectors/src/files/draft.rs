//! A transaction on a file: what was written since it began can be taken back.

use etl_core::Result;

use super::Output;

/// An open transaction on an [`Output`]. Dropped, it is taken back.
pub(crate) struct Draft<'c> {
    output: &'c mut Output,
    start: u64,
    open: bool,
}

impl<'c> Draft<'c> {
    pub(crate) fn begin(output: &'c mut Output) -> Result<Self> {
        output.usable()?;
        let start = output.len();
        Ok(Self { output, start, open: true })
    }

    pub(crate) fn output(&mut self) -> &mut Output {
        self.output
    }

    /// Keeps what was written.
    pub(crate) fn commit(mut self) -> Result<()> {
        self.output.usable()?;
        self.open = false;
        Ok(())
    }

    /// Takes back what was written.
    pub(crate) fn rollback(mut self) -> Result<()> {
        self.open = false;
        self.output.truncate(self.start)
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if self.open {
            // An output that could not be cut back remembers it, and refuses to go on.
            let _remembered = self.output.truncate(self.start);
        }
    }
}
