//! The records, each field of which has a canary in it.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use etl_core::prelude::*;
use serde::Serialize;

use crate::trouble::{Quoting, SPOILED};

/// A line of the source.
#[derive(Record, Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Raw {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) card: Sensitive<String>,
    pub(crate) amount: i64,
    pub(crate) ratio: f64,
    pub(crate) note: Option<CompactString>,
    #[record(text)]
    pub(crate) tag: Tag,
}

/// What is loaded.
#[derive(Record, Validate, Debug, Clone, Serialize, Deserialize)]
#[garde(allow_unvalidated)]
pub(crate) struct Item {
    pub(crate) id: u64,
    #[garde(length(min = 3), custom(is_told))]
    pub(crate) name: String,
    pub(crate) card: Sensitive<String>,
    #[garde(range(max = 90_000_000_000))]
    pub(crate) amount: i64,
    pub(crate) ratio: f64,
    #[garde(inner(ascii))]
    pub(crate) note: Option<String>,
}

/// A rule that tells what it was shown.
#[allow(clippy::trivially_copy_pass_by_ref, clippy::ptr_arg, reason = "garde calls it so")]
fn is_told(name: &String, _: &()) -> garde::Result {
    if name.contains('?') { Err(garde::Error::new(format!("{name} is no name"))) } else { Ok(()) }
}

impl From<&Raw> for Item {
    fn from(raw: &Raw) -> Self {
        Self {
            id: raw.id,
            name: raw.name.clone(),
            card: raw.card.clone(),
            amount: raw.amount,
            ratio: raw.ratio,
            note: raw.note.as_ref().map(ToString::to_string),
        }
    }
}

/// The next item to be dropped panics.
pub(crate) static FRAGILE: AtomicBool = AtomicBool::new(false);

impl Drop for Item {
    fn drop(&mut self) {
        assert!(self.id != SPOILED || !FRAGILE.swap(false, Ordering::Relaxed), "{} {:?}", self.name, self.card.reveal());
    }
}

/// A type of the program's own, whose error quotes what it could not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Tag(String);

impl FromStr for Tag {
    type Err = Quoting;

    fn from_str(text: &str) -> Result<Self, Quoting> {
        if text.contains('!') { Err(Quoting(text.to_owned())) } else { Ok(Self(text.to_owned())) }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
