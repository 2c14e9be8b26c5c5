//! What a stage attribute can be on.

use std::fmt;

/// The four roles, and `#[resource]`, which shares their front end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Extractor,
    Transform,
    Filter,
    Loader,
    Resource,
}

impl Role {
    pub(crate) const ALL: [Self; 5] = [Self::Extractor, Self::Transform, Self::Filter, Self::Loader, Self::Resource];

    /// The name of the attribute.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Extractor => "extractor",
            Self::Transform => "transform",
            Self::Filter => "filter",
            Self::Loader => "loader",
            Self::Resource => "resource",
        }
    }

    /// The name of the variant of `etl_core::stage::Role`.
    pub(crate) const fn variant(self) -> &'static str {
        match self {
            Self::Extractor => "Extractor",
            Self::Transform => "Transform",
            Self::Filter => "Filter",
            Self::Loader => "Loader",
            Self::Resource => "Resource",
        }
    }

    /// A signature that is right, for messages about one that is not.
    pub(crate) const fn usage(self) -> &'static str {
        match self {
            Self::Extractor => "fn name(settings: &Settings) -> Result<impl Iterator<Item = Record>>",
            Self::Transform => "fn name(record: Record, resource: &Resource) -> Result<Other, Error>",
            Self::Filter => "fn name(record: &Record, resource: &Resource) -> bool",
            Self::Loader => "async fn name(records: &[Record], transaction: &mut Transaction<'_>) -> Result<()>",
            Self::Resource => "async fn name(settings: &Settings) -> Result<Resource>",
        }
    }
}

/// As people write it: `#[transform]`.
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#[{}]", self.name())
    }
}
