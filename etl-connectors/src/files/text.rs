//! What the targets of text have in common: where the lines go, and what is kept of them.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use etl_core::Result;
use etl_core::target::{Abandoned, Preparation, Recalled};

use super::dataset::{Dataset, PartLimits};
use super::growing::Growing;
use super::mark::Described;
use super::parts::Parts;
use super::whole::Whole;
use super::{Compression, Output, Single};

/// How the files of a target are laid out.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) compression: Compression,
    /// What every file begins with, where that is known before the first record.
    pub(crate) header: Arc<[u8]>,
    /// Names the format and its options: what is begun in one is not continued in another.
    pub(crate) format: String,
    /// How the names of files end, after a dot.
    pub(crate) extension: &'static str,
}

impl Layout {
    pub(super) fn fit(&self, output: Output) -> Output {
        output.compressed(self.compression)
    }

    /// How the names of files end, with that of the compression.
    pub(super) fn whole_extension(&self) -> String {
        match self.compression {
            Compression::None => self.extension.to_owned(),
            #[cfg(feature = "gzip")]
            Compression::Gzip => format!("{}.gz", self.extension),
            #[cfg(feature = "zstd")]
            Compression::Zstd => format!("{}.zst", self.extension),
        }
    }
}

/// Where the lines go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Into a new file.
    Whole,
    /// Behind what a file has.
    Growing,
    /// Into files of a directory.
    Dataset(PartLimits),
}

/// The part of a target that does not know how records are written.
pub(crate) struct TextTarget {
    place: Single<Text>,
    kind: Kind,
    layout: Layout,
}

/// What lines are written to.
pub(crate) enum Text {
    Whole(Box<Whole>),
    Growing(Box<Growing>),
    Parts(Box<Parts>),
}

impl TextTarget {
    pub(crate) fn new(path: &Path, kind: Kind, layout: Layout) -> Self {
        Self { place: Single::new(path), kind, layout }
    }

    pub(crate) fn name(&self) -> Cow<'_, str> {
        self.place.path().to_string_lossy()
    }

    pub(crate) fn path(&self) -> &Path {
        self.place.path()
    }

    pub(crate) fn appears_whole(&self) -> bool {
        matches!(self.kind, Kind::Whole)
    }

    fn described(&self) -> Described {
        Described { path: self.name().into_owned(), format: self.layout.format.clone() }
    }

    pub(crate) fn prepare(&self, preparation: &Preparation) -> Result<()> {
        if !preparation.look_only {
            return self.place.make(|path| self.open(path, preparation));
        }
        let (path, described) = (self.place.path(), self.described());
        match self.kind {
            Kind::Whole => Whole::look(path, &described, preparation),
            Kind::Growing => Growing::look(path, &described, &self.layout, preparation),
            Kind::Dataset(_) => Dataset::look(path, &described, preparation),
        }
    }

    fn open(&self, path: &Path, preparation: &Preparation) -> Result<Text> {
        let described = self.described();
        Ok(match self.kind {
            Kind::Whole => Text::Whole(Box::new(Whole::open(path, described, self.layout.clone(), preparation)?)),
            Kind::Growing => Text::Growing(Box::new(Growing::open(path, described, &self.layout, preparation)?)),
            Kind::Dataset(limits) => {
                let dataset = Dataset::open(path, described, self.layout.whole_extension(), limits, preparation)?;
                Text::Parts(Box::new(Parts::new(dataset, self.layout.clone())))
            }
        })
    }

    pub(crate) fn recall(&self, mark: &str) -> Result<Recalled> {
        let (path, described) = (self.place.path(), self.described());
        match self.kind {
            Kind::Whole => Whole::recall(path, &described, mark),
            Kind::Growing => Growing::recall(path, &described, mark),
            Kind::Dataset(_) => Dataset::recall(path, &described, mark),
        }
    }

    pub(crate) fn connect(&self) -> Result<Text> {
        self.place.take(|path, replace| self.open(path, &Preparation::new(replace, false)))
    }
}

impl Text {
    /// What a transaction writes to.
    pub(super) fn output(&mut self) -> Result<&mut Output> {
        match self {
            Self::Whole(whole) => whole.output(),
            Self::Growing(growing) => growing.output(),
            Self::Parts(parts) => parts.output(),
        }
    }

    /// The output, if something was written to it.
    pub(super) fn written(&mut self) -> Option<&mut Output> {
        match self {
            Self::Whole(whole) => whole.written(),
            Self::Growing(growing) => Some(growing.written()),
            Self::Parts(parts) => parts.written(),
        }
    }

    /// So many records are committed.
    pub(super) fn committed(&mut self, records: u64) -> Result<()> {
        match self {
            Self::Whole(_) | Self::Growing(_) => Ok(()),
            Self::Parts(parts) => parts.committed(records),
        }
    }

    /// The names of the columns that an earlier run has written, where only its records told them.
    #[cfg(feature = "csv")]
    pub(crate) fn columns(&self) -> Option<&[String]> {
        match self {
            Self::Whole(whole) => whole.columns.as_deref(),
            Self::Growing(growing) => growing.columns.as_deref(),
            Self::Parts(_) => None,
        }
    }

    /// Remembers the names of the columns for the marks.
    #[cfg(feature = "csv")]
    pub(crate) fn set_columns(&mut self, columns: Vec<String>) {
        match self {
            Self::Whole(whole) => whole.columns = Some(columns),
            Self::Growing(growing) => growing.columns = Some(columns),
            Self::Parts(_) => {}
        }
    }

    /// The first line of a file that is appended to and that another run has begun.
    #[cfg(feature = "csv")]
    pub(crate) fn first_line(&self) -> Option<&[u8]> {
        match self {
            Self::Growing(growing) => growing.first_line.as_deref(),
            Self::Whole(_) | Self::Parts(_) => None,
        }
    }

    /// Makes durable what is committed, and says what that is; `sealed` once everything is.
    pub(crate) fn checkpoint(&mut self, sealed: bool) -> Result<Option<String>> {
        match self {
            Self::Whole(whole) => whole.checkpoint(sealed).map(Some),
            Self::Growing(growing) => growing.checkpoint(sealed).map(Some),
            Self::Parts(parts) => parts.checkpoint(sealed),
        }
    }

    pub(crate) fn publish(self) -> Result<()> {
        match self {
            Self::Whole(whole) => whole.publish(),
            Self::Growing(growing) => growing.publish(),
            Self::Parts(parts) => parts.publish(),
        }
    }

    pub(crate) fn abandon(self) -> Abandoned {
        match self {
            Self::Whole(whole) => whole.abandon(),
            Self::Growing(growing) => growing.abandon(),
            Self::Parts(parts) => parts.abandon(),
        }
    }
}
