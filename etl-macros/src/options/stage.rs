//! What options mean together, and with the signature; and the constant they become.
//!
//! A rule that is broken is reported at the word that breaks it, and that word is forgotten, so
//! that the stage is still expanded and the pipeline around it says nothing more.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

use super::value::duration_tokens;
use super::{Options, Side, Value};
use crate::ctx::{Ctx, mixed_at};
use crate::diag::Errors;
use crate::messages;
use crate::role::Role;
use crate::signature::Signature;

/// Checks the options of a stage against each other and against its signature.
pub(crate) fn check(role: Role, options: &mut Options, signature: &Signature, errors: &mut Errors) {
    let mut refuse = |options: &mut Options, name: &str, message: &dyn Fn() -> String| {
        if let Some(entry) = options.remove(name) {
            errors.at(entry.key.span(), message());
        }
    };
    if !signature.is_async {
        refuse(options, "timeout", &|| messages::timeout_on_plain_fn().to_owned());
        refuse(options, "concurrency", &|| messages::concurrency_on_plain_fn().to_owned());
    }
    if role == Role::Transform && signature.mutable.is_some() {
        refuse(options, "parallel", &|| messages::shares_state("parallel"));
        refuse(options, "concurrency", &|| messages::shares_state("concurrency"));
    }
    if options.get("parallel").is_none() && options.get("concurrency").is_none() {
        refuse(options, "unordered", &|| messages::unordered_alone(signature.is_async));
    }
    if options.get("retries").is_none() {
        refuse(options, "backoff", &|| messages::backoff_alone().to_owned());
    }
    if options.get("validate").is_none() {
        refuse(options, "invalid", &|| messages::invalid_alone(role));
    }
}

impl Options {
    /// Whether records are checked on one side, and the word that says so.
    pub(crate) fn validates(&self, side: Side) -> Option<Span> {
        match &self.get("validate")?.value {
            Value::Sides(sides) => sides.iter().find(|(known, _)| *known == side).map(|(_, span)| *span),
            _ => None,
        }
    }

    /// The runtime's path.
    pub(crate) fn ctx(&self, errors: &mut Errors) -> Ctx {
        match self.get("crate").map(|entry| &entry.value) {
            Some(Value::Path(path)) => Ctx::new(Some(path), errors),
            _ => Ctx::default(),
        }
    }

    /// `StageOptions`, as a constant expression.
    pub(crate) fn tokens(&self, ctx: &Ctx) -> TokenStream {
        let etl = ctx.runtime();
        let span = Span::mixed_site();
        let mut made = quote_spanned!(span=> #etl::stage::StageOptions::NONE);
        for entry in &self.0 {
            let at = mixed_at(entry.key.span());
            let setter = |name: &str| Ident::new(name, at);
            let call = match &entry.value {
                Value::Flag => {
                    let setter = setter(&format!("with_{}", entry.name));
                    quote_spanned!(at=> .#setter())
                }
                Value::Count(count) => {
                    let setter = setter(&format!("with_{}", entry.name));
                    let count = count.tokens();
                    quote_spanned!(at=> .#setter(#count))
                }
                Value::Duration(duration) => {
                    let setter = setter(&format!("with_{}", entry.name));
                    let duration = duration_tokens(*duration);
                    quote_spanned!(at=> .#setter(#duration))
                }
                Value::Word(word) => {
                    let setter = setter(&format!("with_{}", entry.name));
                    let class = class(ctx, word, at);
                    quote_spanned!(at=> .#setter(#class))
                }
                Value::Sides(sides) => {
                    let (input, output) = (has(sides, Side::Input), has(sides, Side::Output));
                    quote_spanned!(at=> .with_validation(#input, #output))
                }
                Value::Path(_) => continue,
            };
            made.extend(call);
        }
        made
    }

    /// Assertions about numbers that only the compiler knows.
    pub(crate) fn assertions(&self, ctx: &Ctx) -> TokenStream {
        self.0
            .iter()
            .filter_map(|entry| match &entry.value {
                Value::Count(super::Count::Constant(path)) => {
                    let at = crate::ctx::first_span(path);
                    let etl = ctx.runtime_at(mixed_at(at));
                    let message = messages::zero(entry.name);
                    Some(quote_spanned!(at=> const _: () = #etl::__private::demand(#path > 0, #message);))
                }
                _ => None,
            })
            .collect()
    }
}

/// The constant of a class, by its word.
pub(crate) fn class(ctx: &Ctx, word: &str, span: Span) -> TokenStream {
    let etl = ctx.runtime_at(mixed_at(span));
    let variant = match word {
        "retry" => "Retry",
        "skip" => "Skip",
        "reject" => "Reject",
        _ => "Fail",
    };
    let variant = Ident::new(variant, mixed_at(span));
    quote_spanned!(mixed_at(span)=> #etl::error::Class::#variant)
}

fn has(sides: &[(Side, Span)], side: Side) -> bool {
    sides.iter().any(|(known, _)| *known == side)
}
