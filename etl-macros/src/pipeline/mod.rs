//! `pipeline!`: parse the clauses, build the graph, check it, expand.

mod ast;
mod check;
mod clauses;
mod context;
mod expand;
mod flow;
mod model;

use proc_macro2::TokenStream;

use crate::diag::Errors;

pub(crate) fn expand(input: TokenStream) -> (TokenStream, Errors) {
    let mut errors = Errors::default();
    let Some(ast) = ast::parse(input, &mut errors) else { return (TokenStream::new(), errors) };
    let pipeline = model::build(ast, &mut errors);
    check::check(&pipeline, &mut errors);
    let sound = errors.count() == 0;
    (expand::expand(&pipeline, sound), errors)
}
