//! Where Parquet goes: a file that appears as a whole, or the parts of a dataset.
//!
//! A Parquet file ends with its table of contents, so nothing can be added to one: a run that was
//! killed begins a single file again, and goes on in a dataset behind the last part.

use std::borrow::Cow;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use etl_core::target::{Abandoned, Preparation, Recalled};
use etl_core::{Error, ErrorKind, Result};

use super::encoder::Encoder;
use super::options::Options;
use super::target::cannot_write;
use crate::files::{Dataset, Described, FileMark, NewFile, Output, Over, PartLimits, Single, check_output};

/// The place of a target.
pub(super) struct Place {
    single: Single<Sink>,
    dataset: Option<PartLimits>,
    described: Described,
}

/// The place of one run.
pub(super) struct Sink {
    kind: Kind,
    part: Part,
    described: Described,
}

enum Kind {
    Whole { resumable: bool },
    Dataset(Box<Dataset>),
}

/// The file that is written.
enum Part {
    /// Not begun, in a dataset.
    None {
        rows: u64,
    },
    /// A single file, made but not written to.
    Made {
        output: Output,
        place: NewFile,
    },
    Open {
        encoder: Box<Encoder>,
        place: NewFile,
        rows: u64,
    },
    /// Complete and durable.
    Ended {
        output: Output,
        place: NewFile,
    },
    /// Writing it failed.
    Lost,
}

impl Place {
    pub(super) fn new(path: &Path, dataset: Option<PartLimits>, schema: &SchemaRef) -> Self {
        let columns = schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect::<Vec<_>>();
        let format = format!("parquet {}", columns.join(","));
        Self { single: Single::new(path), dataset, described: Described { path: path.to_string_lossy().into_owned(), format } }
    }

    pub(super) fn name(&self) -> Cow<'_, str> {
        self.single.path().to_string_lossy()
    }

    pub(super) fn appears_whole(&self) -> bool {
        self.dataset.is_none()
    }

    pub(super) fn recall(&self, mark: &str) -> Result<Recalled> {
        let path = self.single.path();
        match self.dataset {
            Some(_) => Dataset::recall(path, &self.described, mark),
            // A draft is no use: its end may be missing.
            None => {
                let published = FileMark::decode(mark, &self.described)?.published(path)?;
                Ok(published.map_or(Recalled::Gone, |_| Recalled::Finished))
            }
        }
    }

    pub(super) fn prepare(&self, preparation: &Preparation) -> Result<()> {
        let mut preparation = preparation.clone();
        if self.dataset.is_none() && preparation.replaces.is_none() {
            // Nothing is ever added to what was published: it can only be replaced.
            preparation.replaces = preparation.mark.take();
        }
        let preparation = &preparation;
        if !preparation.look_only {
            return self.single.make(|path| self.open(path, preparation));
        }
        let path = self.single.path();
        match self.dataset {
            Some(_) => Dataset::look(path, &self.described, preparation),
            None => check_output(path, FileMark::over(path, &self.described, preparation)? != Over::Nothing),
        }
    }

    pub(super) fn connect(&self) -> Result<Sink> {
        self.single.take(|path, replace| self.open(path, &Preparation::new(replace, false)))
    }

    fn open(&self, path: &Path, preparation: &Preparation) -> Result<Sink> {
        let described = self.described.clone();
        if let Some(limits) = self.dataset {
            let dataset = Dataset::open(path, described.clone(), "parquet".to_owned(), limits, preparation)?;
            return Ok(Sink { kind: Kind::Dataset(Box::new(dataset)), part: Part::None { rows: 0 }, described });
        }
        let (file, place) = if preparation.resumable {
            NewFile::keep(path, FileMark::over(path, &self.described, preparation)?)?
        } else {
            NewFile::create(path, preparation.replace)?
        };
        let part = Part::Made { output: Output::new(file, path), place };
        Ok(Sink { kind: Kind::Whole { resumable: preparation.resumable }, part, described })
    }
}

impl Sink {
    /// So many records are committed.
    pub(super) fn touch(&mut self, records: u64) {
        if let Kind::Dataset(dataset) = &mut self.kind {
            dataset.touch();
        }
        if let Part::None { rows } | Part::Open { rows, .. } = &mut self.part {
            *rows += records;
        }
    }

    /// Whether the part has grown enough.
    pub(super) fn is_full(&self) -> bool {
        match (&self.kind, &self.part) {
            (Kind::Dataset(dataset), Part::Open { encoder, .. }) => encoder.size() >= dataset.part_size(),
            _ => false,
        }
    }

    /// Whether a checkpoint commits what there is.
    pub(super) fn is_due(&self) -> bool {
        match &self.kind {
            Kind::Whole { .. } => false,
            Kind::Dataset(dataset) => dataset.is_due(),
        }
    }

    pub(super) fn write(&mut self, batch: RecordBatch, schema: &SchemaRef, options: Options) -> Result<()> {
        self.encoder(schema, options)?.write(batch).map_err(|error| cannot_write(&self.described.path, &error))
    }

    fn encoder(&mut self, schema: &SchemaRef, options: Options) -> Result<&mut Encoder> {
        if !matches!(self.part, Part::Open { .. }) {
            let (output, place, rows) = match std::mem::replace(&mut self.part, Part::Lost) {
                Part::Made { output, place } => (output, place, 0),
                Part::None { rows } => {
                    let Kind::Dataset(dataset) = &mut self.kind else { return Err(self.lost()) };
                    let (output, place) = dataset.part()?;
                    (output, place, rows)
                }
                Part::Open { .. } | Part::Ended { .. } | Part::Lost => return Err(self.lost()),
            };
            let encoder = Encoder::new(output, schema, options.properties(), options.row_group_size());
            let encoder = Box::new(encoder.map_err(|error| cannot_write(&self.described.path, &error))?);
            self.part = Part::Open { encoder, place, rows };
        }
        match &mut self.part {
            Part::Open { encoder, .. } => Ok(encoder),
            _ => Err(Error::new(ErrorKind::Storage, "a file that was begun is gone")),
        }
    }

    /// Ends the file that is written: durable, but not in its place.
    pub(super) fn end_part(&mut self, schema: &SchemaRef, options: Options) -> Result<()> {
        match &self.part {
            // A single file has its end even without records; a dataset has no empty part.
            Part::Made { .. } => drop(self.encoder(schema, options)?),
            Part::None { .. } | Part::Ended { .. } => return Ok(()),
            Part::Open { .. } => {}
            Part::Lost => return Err(self.lost()),
        }
        let Part::Open { encoder, place, rows } = std::mem::replace(&mut self.part, Part::Lost) else { return Err(self.lost()) };
        let mut output = encoder.finish().map_err(|error| cannot_write(&self.described.path, &error))?;
        output.complete()?;
        self.part = match &mut self.kind {
            Kind::Whole { .. } => Part::Ended { output, place },
            Kind::Dataset(dataset) => {
                dataset.add(place, rows)?;
                Part::None { rows: 0 }
            }
        };
        Ok(())
    }

    /// Says what is committed, after [`end_part`](Self::end_part).
    pub(super) fn checkpoint(&mut self, sealed: bool) -> Result<Option<String>> {
        match (&mut self.kind, &self.part) {
            (Kind::Dataset(dataset), _) => dataset.checkpoint(sealed),
            (Kind::Whole { resumable: true }, Part::Ended { output, place }) => {
                place.sync_name()?;
                FileMark::take(&self.described, output.file(), output.physical())?.of_draft(place, true)?.encode().map(Some)
            }
            (Kind::Whole { .. }, _) => Ok(None),
        }
    }

    pub(super) fn publish(self) -> Result<()> {
        match (self.kind, self.part) {
            (Kind::Dataset(dataset), _) => dataset.publish(),
            (Kind::Whole { .. }, Part::Ended { output, place }) => place.publish(output.file()),
            (Kind::Whole { .. }, _) => Err(Error::new(ErrorKind::Storage, format!("an earlier write to {} failed", self.described.path))),
        }
    }

    pub(super) fn abandon(self) -> Abandoned {
        match (self.kind, self.part) {
            (Kind::Dataset(dataset), _) => dataset.abandon(),
            (Kind::Whole { .. }, Part::Made { place, .. } | Part::Open { place, .. } | Part::Ended { place, .. }) => {
                place.discard();
                Abandoned::Discarded
            }
            (Kind::Whole { .. }, Part::None { .. } | Part::Lost) => Abandoned::Discarded,
        }
    }

    fn lost(&self) -> Error {
        Error::new(ErrorKind::Storage, format!("an earlier write to {} failed", self.described.path))
    }
}
