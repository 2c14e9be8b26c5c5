//! A file of text that appears as a whole, when it is published; a run that was killed goes on in its
//! draft.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use etl_core::target::{Abandoned, Preparation, Recalled};
use etl_core::{Error, ErrorKind, Result};

use super::identity::{Identity, Version};
use super::mark::{self, Described, FileMark, Found};
use super::new_file::{self, NewFile, Over, resolved};
use super::text::Layout;
use super::{Output, check_output};

/// The file of one run.
pub(crate) struct Whole {
    described: Described,
    layout: Layout,
    state: State,
    /// The next run can go on from it.
    resumable: bool,
    /// A mark was given out that speaks of the draft.
    marked: bool,
    /// The names of its columns, where only the first record tells them.
    pub(super) columns: Option<Vec<String>>,
}

enum State {
    Draft {
        output: Box<Output>,
        place: NewFile,
    },
    /// An earlier run has published it. It is copied once something is to be added.
    Published {
        file: File,
        path: PathBuf,
        mark: FileMark,
    },
    /// Copying failed.
    Broken,
}

impl Whole {
    /// Looks whether the place can be written, and changes nothing.
    pub(super) fn look(path: &Path, described: &Described, preparation: &Preparation) -> Result<()> {
        let Some(mark) = &preparation.mark else {
            return check_output(path, FileMark::over(path, described, preparation)? != Over::Nothing);
        };
        check_output(path, true)?;
        match Self::recall(path, described, mark)? {
            Recalled::Gone => Err(mark::gone(&described.path)),
            _ => Ok(()),
        }
    }

    /// What has become of a mark's file.
    pub(super) fn recall(path: &Path, described: &Described, mark: &str) -> Result<Recalled> {
        Ok(match FileMark::decode(mark, described)?.find(path)? {
            Found::Gone => Recalled::Gone,
            Found::Draft | Found::Published(_) => Recalled::Holds,
        })
    }

    /// Makes the draft, or takes up that of an earlier run.
    pub(super) fn open(path: &Path, described: Described, layout: Layout, preparation: &Preparation) -> Result<Self> {
        let new = |(file, place): (File, NewFile)| {
            let mut output = layout.fit(Output::new(file, path));
            output.buffer().extend_from_slice(&layout.header);
            State::Draft { output: Box::new(output), place }
        };
        let mut columns = None;
        let state = match &preparation.mark {
            None if preparation.resumable => new(NewFile::keep(path, FileMark::over(path, &described, preparation)?)?),
            None => new(NewFile::create(path, preparation.replace)?),
            Some(mark) => {
                let mut mark = FileMark::decode(mark, &described)?;
                columns = mark.columns.take();
                check_output(path, true)?;
                Self::take_up(path, &layout, mark, preparation.replace)?
            }
        };
        Ok(Self { described, layout, state, resumable: preparation.resumable, marked: preparation.mark.is_some(), columns })
    }

    fn take_up(path: &Path, layout: &Layout, mark: FileMark, replace: bool) -> Result<State> {
        let name = path.to_string_lossy();
        match mark.find(path)? {
            Found::Gone => Err(mark::gone(&name)),
            Found::Published(file) => {
                new_file::lock(&file, path)?;
                Ok(State::Published { file, path: path.to_owned(), mark })
            }
            Found::Draft => {
                let over = match (replace, mark.over) {
                    (true, _) => Over::Anything,
                    (false, Some(known)) => Over::This(known),
                    (false, None) => Over::Nothing,
                };
                let there = Version::at(&resolved(path));
                let there = there.map_err(|error| Error::io(ErrorKind::Config, format!("cannot look at {name}"), &error))?;
                if !replace && there.is_some() && there != mark.over {
                    return Err(new_file::exists_already(path));
                }
                let (file, place) = NewFile::reopen(path, over)?.ok_or_else(|| mark::gone(&name))?;
                // Nobody writes it any more, but somebody may have until it was locked.
                if Identity::of(&file).ok() != Some(mark.file) {
                    return Err(mark::gone(&name));
                }
                mark.check(&file, false)?;
                let output = Box::new(layout.fit(Output::resume(file, path, mark.length)?));
                Ok(State::Draft { output, place })
            }
        }
    }

    /// What a transaction writes to.
    pub(super) fn output(&mut self) -> Result<&mut Output> {
        if !matches!(self.state, State::Draft { .. }) {
            self.copy()?;
        }
        match &mut self.state {
            State::Draft { output, .. } => Ok(output),
            State::Published { .. } | State::Broken => Err(broken(&self.described.path)),
        }
    }

    /// The output, unless nothing was written to it in this run.
    pub(super) fn written(&mut self) -> Option<&mut Output> {
        match &mut self.state {
            State::Draft { output, .. } => Some(output),
            State::Published { .. } | State::Broken => None,
        }
    }

    /// Goes on in a copy of what was published, which then takes its place.
    fn copy(&mut self) -> Result<()> {
        let State::Published { file, path, mark } = std::mem::replace(&mut self.state, State::Broken) else {
            return Err(broken(&self.described.path));
        };
        let failed = |error: &io::Error| Error::io(ErrorKind::Storage, format!("cannot copy {}", path.display()), error);
        let published = Version::of(&file).map_err(|error| failed(&error))?;
        let (mut copy, place) = NewFile::keep(&path, Over::This(published))?;
        let copied = io::copy(&mut (&file).take(mark.length), &mut copy).map_err(|error| failed(&error))?;
        if copied != mark.length {
            return Err(mark::changed(&self.described.path, "it is shorter than what was committed to it"));
        }
        mark.check(&copy, false)?;
        let output = Box::new(self.layout.fit(Output::resume(copy, &path, mark.length)?));
        self.state = State::Draft { output, place };
        Ok(())
    }

    /// Makes durable what is committed, and says what that is.
    pub(super) fn checkpoint(&mut self, sealed: bool) -> Result<String> {
        let mut mark = match &mut self.state {
            State::Draft { output, place } => {
                let length = if sealed { output.complete()? } else { output.make_durable()? };
                if !self.marked {
                    place.sync_name()?;
                }
                let mark = FileMark::take(&self.described, output.file(), length)?.of_draft(place, sealed)?;
                self.marked = true;
                mark
            }
            State::Published { mark, .. } => mark.clone(),
            State::Broken => return Err(broken(&self.described.path)),
        };
        mark.columns.clone_from(&self.columns);
        mark.encode()
    }

    pub(super) fn publish(self) -> Result<()> {
        match self.state {
            State::Draft { mut output, place } => {
                output.complete()?;
                place.publish(output.file())
            }
            State::Published { .. } => Ok(()),
            State::Broken => Err(broken(&self.described.path)),
        }
    }

    pub(super) fn abandon(self) -> Abandoned {
        match self.state {
            State::Draft { place, .. } if !(self.resumable && self.marked) => {
                place.discard();
                Abandoned::Discarded
            }
            _ => Abandoned::Kept,
        }
    }
}

fn broken(path: &str) -> Error {
    Error::new(ErrorKind::Storage, format!("an earlier write to {path} failed"))
}
