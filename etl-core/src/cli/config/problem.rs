//! What is wrong with a setting or an option: key, layer, and what to do.

use std::fmt::Write as _;

use super::origin::Origin;

/// One thing that is wrong with the configuration. It never holds a secret (I8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The setting or option.
    pub(crate) key: Option<String>,
    /// Who said it.
    pub(crate) origin: Option<Origin>,
    /// What is wrong; follows the key.
    pub(crate) text: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl Problem {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { key: None, origin: None, text: text.into(), hint: None }
    }

    pub(crate) fn of(key: impl Into<String>, origin: &Origin, text: impl Into<String>) -> Self {
        Self { key: Some(key.into()), origin: Some(origin.clone()), text: text.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What is wrong, in one line.
    pub(crate) fn message(&self) -> String {
        match &self.key {
            Some(key) => format!("`{key}` {}", self.text),
            None => self.text.clone(),
        }
    }

    /// The lines below the message.
    pub(crate) fn details(&self) -> String {
        let mut text = String::new();
        if let Some(origin) = &self.origin {
            let _ = writeln!(text, "  set by: {origin}");
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(text, "  hint: {hint}");
        }
        text
    }
}
