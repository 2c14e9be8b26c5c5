//! Why a setting could not be read. The values in serde's own texts are dropped, because they may
//! be secrets (I8); the value is added where it is known not to be one.

use std::fmt;

use crate::cli::config::masked::without_userinfo;
use crate::cli::config::origin::Origin;
use crate::cli::config::problem::Problem;
use crate::cli::config::suggest::{did_you_mean, listed};

/// An error of deserialization, and the setting to which it belongs once that is known.
#[derive(Debug)]
pub(super) struct SettingError {
    pub(super) kind: Kind,
    pub(super) path: Option<String>,
    origin: Option<Origin>,
    /// The value; `None` where it is secret or there is none.
    value: Option<String>,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// A required field that nobody gave.
    Missing(&'static str),
    /// What it must be.
    Expected(String),
    /// None of these words.
    Unlisted(&'static [&'static str]),
    /// In the words of the setting's type.
    Said(String),
}

impl SettingError {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, path: None, origin: None, value: None }
    }

    pub(super) fn expected(what: impl Into<String>) -> Self {
        Self::new(Kind::Expected(what.into()))
    }

    /// Says which setting it is, unless that is known better already.
    pub(super) fn of(mut self, path: &str, origin: Option<&Origin>, value: Option<String>, secret: bool) -> Self {
        if self.path.is_none() {
            self.path = Some(path.to_owned());
            self.origin = origin.cloned();
            if secret {
                if let Kind::Said(_) = self.kind {
                    self.kind = Kind::Said("why is withheld, because it is a secret".to_owned());
                }
            } else {
                self.value = value;
            }
        }
        self
    }

    /// Says that it happened in the struct at `path`.
    pub(super) fn within(mut self, path: &str) -> Self {
        if self.path.is_none() {
            self.path = Some(match self.kind {
                Kind::Missing(field) => super::join(path, field),
                _ => path.to_owned(),
            });
        }
        self
    }

    /// The error for people. `hide` takes secrets out of texts that this crate did not write.
    pub(super) fn problem(&self, hide: impl Fn(&str) -> String) -> Problem {
        let not = self.value.as_ref().map_or(String::new(), |value| format!(", not `{value}`"));
        let mut hint = None;
        let text = match &self.kind {
            Kind::Missing(_) => "is missing".to_owned(),
            Kind::Expected(what) => format!("must be {what}{not}"),
            Kind::Unlisted(words) => {
                let meant = self.value.as_deref().and_then(|value| did_you_mean(value, words.iter().copied()));
                hint = meant.map(|meant| format!("did you mean `{meant}`?"));
                format!("must be one of {}{not}", listed(words))
            }
            Kind::Said(text) => format!("is not valid: {}", without_userinfo(&hide(text))),
        };
        let key = self.path.clone().filter(|path| !path.is_empty());
        let text = if key.is_none() { format!("the settings {}", text.replacen("is not", "are not", 1)) } else { text };
        Problem { key, origin: self.origin.clone(), text, hint }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a setting could not be read")
    }
}

impl std::error::Error for SettingError {}

impl serde::de::Error for SettingError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::new(Kind::Said(text.to_string()))
    }

    fn invalid_type(_found: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::expected(expected.to_string())
    }

    fn invalid_value(_found: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::expected(expected.to_string())
    }

    fn invalid_length(_length: usize, expected: &dyn serde::de::Expected) -> Self {
        Self::expected(expected.to_string())
    }

    fn unknown_variant(_variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Kind::Unlisted(expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Kind::Missing(field))
    }
}
