//! Where a value came from; kept with every setting and option, for `plan` and for errors.

use std::fmt;

/// Where a value came from, from the weakest to the strongest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// Nobody said anything.
    Default,
    /// The author of the pipeline.
    Attribute,
    /// A configuration file; a later one is stronger.
    File { order: usize, path: String },
    /// The environment variable of this name.
    Env(String),
    /// This flag.
    Flag(&'static str),
}

impl Origin {
    /// Values of a higher layer win; in one layer, the later one.
    pub(crate) fn layer(&self) -> (u8, usize) {
        match self {
            Self::Default => (0, 0),
            Self::Attribute => (1, 0),
            Self::File { order, .. } => (2, *order),
            Self::Env(_) => (3, 0),
            Self::Flag(_) => (4, 0),
        }
    }

    /// Whether the operator said it.
    pub(crate) fn is_operators(&self) -> bool {
        !matches!(self, Self::Default | Self::Attribute)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Attribute => f.write_str("attribute"),
            Self::File { path, .. } => write!(f, "file {path}"),
            Self::Env(name) => write!(f, "env {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A value as `plan` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The key within its stage, or the whole key.
    pub(crate) key: String,
    /// The value, masked where it is secret; `None` where it is not set.
    pub(crate) value: Option<String>,
    /// Where it came from.
    pub(crate) origin: Origin,
}
