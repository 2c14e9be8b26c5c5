//! The compiler of the pipeline language, tested without a compiler: on token streams.

mod derives;
mod expansions;
mod half_typed;
mod options;
mod pipelines;
mod signatures;

use proc_macro2::TokenStream;

use crate::diag::Errors;
use crate::role::Role;

/// What a stage attribute says of a program. The attribute's options are on line 1, as if it began
/// with them; the item begins on line 1 of its own text.
fn said(role: Role, options: &str, item: &str) -> Vec<String> {
    listed(crate::stage::expand(role, tokens(options), tokens(item)).1)
}

/// `line:column text`
fn listed(errors: Errors) -> Vec<String> {
    errors.listed().into_iter().map(|(line, column, text)| format!("{line}:{column} {text}")).collect()
}

pub(crate) fn tokens(text: &str) -> TokenStream {
    text.parse().unwrap_or_else(|error| panic!("`{text}` is no token stream: {error}"))
}

/// The errors that an expansion itself shows: a poison keeps one of them in a type.
fn poison_in(expanded: &TokenStream) -> usize {
    expanded.to_string().matches("compile_error").count()
}

/// An expansion as a person would write it.
fn pretty(expanded: TokenStream) -> String {
    let file = syn::parse2::<syn::File>(expanded.clone()).unwrap_or_else(|error| panic!("{error} in {expanded}"));
    prettyplease::unparse(&file)
}
