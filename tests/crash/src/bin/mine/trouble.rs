//! What goes wrong, always with a canary in its text.

use std::error::Error as StdError;
use std::fmt;
use std::sync::atomic::Ordering;

use etl_core::prelude::*;

use crate::record::{FRAGILE, Raw};
use crate::settings::Config;

/// The record that something happens to.
pub(crate) const SPOILED: u64 = 13;

/// What happens to it, and where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trouble {
    #[default]
    None,
    // an error with a class
    Rejected,
    Skipped,
    Away,
    Unknown,
    // an error without one
    Foreign,
    Parse,
    Utf8,
    Io,
    Anyhow,
    Boxed,
    FilterFails,
    LoadFails,
    ResourceFails,
    ExtractorFails,
    // a panic
    Panic,
    PanicAny,
    Unwrap,
    PanicLater,
    PanicInThread,
    PanicInTask,
    PanicInFilter,
    PanicInLoader,
    PanicInResource,
    PanicInExtractor,
    PanicInDrop,
    PanicInDropOfRecord,
    PanicTwice,
    Abort,
    // what takes too long
    Hang,
    // what the author says on purpose
    Confess,
}

/// An error that quotes in each of its forms what it was about.
#[derive(Clone)]
pub(crate) struct Quoting(pub(crate) String);

impl fmt::Display for Quoting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Quoting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quoting({:?})", self.0)
    }
}

impl StdError for Quoting {}

/// An error with another below it, both of which quote.
#[derive(Debug, thiserror::Error)]
#[error("{told}")]
pub(crate) struct Nested {
    told: String,
    #[source]
    below: Quoting,
}

impl Nested {
    pub(crate) fn of(text: &str) -> Self {
        Self { told: text.to_owned(), below: Quoting(text.to_owned()) }
    }
}

/// Why a record is not judged well: each with fields of the record in its text.
#[derive(Debug, thiserror::Error, StageError)]
pub(crate) enum JudgeError {
    #[error("{name} must not pass with the card {card:?}")]
    #[on_error(reject)]
    Refused { name: String, card: String },
    #[error("nobody asks for {0}")]
    #[on_error(skip)]
    Unwanted(String),
    #[error("the register does not answer for {name}")]
    #[on_error(retry)]
    Away {
        name: String,
        #[source]
        cause: Nested,
    },
    #[error("the register does not know {name}")]
    #[on_error(fail)]
    #[hint("is the register as new as the input?")]
    Unknown {
        name: String,
        #[source]
        cause: Nested,
    },
}

/// All that is known of a record, and of the settings.
pub(crate) fn everything(raw: &Raw, config: &Config) -> String {
    format!("{} {raw:?} {} {}", raw.name, raw.card.reveal(), config.secrets())
}

/// What goes wrong in a plain function.
pub(crate) fn judge(raw: &Raw, config: &Config) -> Result<(), JudgeError> {
    if raw.id != SPOILED {
        return Ok(());
    }
    let told = everything(raw, config);
    match config.trouble {
        Trouble::Rejected => return Err(JudgeError::Refused { name: raw.name.clone(), card: raw.card.reveal().clone() }),
        Trouble::Skipped => return Err(JudgeError::Unwanted(told)),
        Trouble::Away => return Err(JudgeError::Away { name: raw.name.clone(), cause: Nested::of(&told) }),
        Trouble::Unknown => return Err(JudgeError::Unknown { name: raw.name.clone(), cause: Nested::of(&told) }),
        Trouble::Panic => panic!("{told}"),
        Trouble::PanicAny => std::panic::panic_any(told),
        Trouble::Unwrap => refused(&told).unwrap(),
        Trouble::PanicInThread => {
            let _its_panic = std::thread::spawn(move || panic!("{told}")).join();
        }
        Trouble::PanicInDrop => drop(Fragile(told)),
        Trouble::PanicTwice => {
            let _breaks_while_it_unwinds = Fragile(told.clone());
            panic!("{told}");
        }
        Trouble::PanicInDropOfRecord => FRAGILE.store(true, Ordering::Relaxed),
        Trouble::Abort => std::process::abort(),
        Trouble::Confess => tracing::trace!(told, "the control: this is a leak"),
        _ => {}
    }
    Ok(())
}

fn refused(text: &str) -> Result<(), Nested> {
    Err(Nested::of(text))
}

/// What cannot even be thrown away.
struct Fragile(String);

impl Drop for Fragile {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}
