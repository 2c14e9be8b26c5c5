//! Errors are collected and reported all at once: a mistake in an option must not hide one in the
//! signature.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The errors of one macro call. Dropping it with errors in it is a bug, because a macro that
/// reports nothing seems to have worked.
#[derive(Default)]
#[must_use]
pub(crate) struct Errors(Vec<syn::Error>);

impl Errors {
    /// One error at one place.
    pub(crate) fn at(&mut self, span: Span, message: impl std::fmt::Display) {
        self.0.push(syn::Error::new(span, message));
    }

    /// One error that underlines all of `tokens`. (The span of a syntax node is only its first
    /// token on a stable compiler.)
    pub(crate) fn on(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.0.push(syn::Error::new_spanned(tokens, message));
    }

    /// What a parser of syn complained about.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.0.push(error);
    }

    /// The value, or `None` and the error kept.
    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.push(error);
                None
            }
        }
    }

    /// The errors of another part of the same call.
    pub(crate) fn absorb(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Takes the first error out, for a place that can show it better.
    pub(crate) fn take_first(&mut self) -> Option<syn::Error> {
        if self.0.is_empty() { None } else { Some(self.0.remove(0)) }
    }

    /// The `compile_error!` calls, and an end to this collection.
    pub(crate) fn into_tokens(mut self) -> TokenStream {
        std::mem::take(&mut self.0).into_iter().map(syn::Error::into_compile_error).collect()
    }

    /// For tests: `(line, column, text)` of each.
    #[cfg(test)]
    pub(crate) fn listed(mut self) -> Vec<(usize, usize, String)> {
        let listed = |error: syn::Error| {
            let start = error.span().start();
            (start.line, start.column + 1, error.to_string())
        };
        std::mem::take(&mut self.0).into_iter().flatten().map(listed).collect()
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        assert!(self.0.is_empty() || std::thread::panicking(), "errors were collected but not reported");
    }
}

/// The known word that `word` was probably meant to be.
pub(crate) fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let closeness = |known: &str| strsim::jaro_winkler(&word.to_lowercase(), known);
    known
        .into_iter()
        .map(|known| (closeness(known), known))
        .filter(|(closeness, _)| *closeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}
