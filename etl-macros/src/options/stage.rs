//! What options mean together, and with the signature; and the constant they become.
//!
//! A rule that is broken is reported at the word that breaks it, and that word is forgotten, so
//! that the stage is still expanded and the pipeline around it says nothing more.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::ext::IdentExt;

use super::value::duration_tokens;
use super::{Count, Options, Side, Value};
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
        refuse(options, "concurrency", &|| messages::concurrency_on_plain_fn(role).to_owned());
        if matches!(role, Role::Transform | Role::Filter) {
            refuse(options, "rate", &|| messages::rate_on_plain_fn().to_owned());
        }
    }
    if role == Role::Loader && signature.mutable.is_none() {
        refuse(options, "concurrency", &|| messages::concurrency_without_a_transaction().to_owned());
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
    if options.get("retries").is_none() {
        refuse(options, "deadline", &|| messages::deadline_alone(signature.is_async));
    }
    if options.get("retries").is_none() {
        refuse(options, "outage", &|| messages::outage_alone().to_owned());
    }
    if signature.mutable.is_some() {
        refuse(options, "idempotent", &|| messages::key_in_a_transaction().to_owned());
    }
    if options.get("validate").is_none() {
        refuse(options, "invalid", &|| messages::invalid_alone(role));
    }
    if signature.record.as_ref().is_some_and(|record| record.takes.is_batch()) {
        refuse(options, "compensate", &|| messages::compensates_a_batch().to_owned());
    }
    if let (Some(worst), Some((deadline, span))) = (worst_case(options), options.duration("deadline"))
        && worst > deadline
    {
        errors.at(span, messages::deadline_too_short(worst));
        options.remove("deadline");
    }
}

/// The longest that all tries of one record may take together, where every part of it is a literal:
/// each try up to its timeout, each pause up to twice its length, because of the jitter. The same as
/// `StageOptions::worst_case` of the runtime.
fn worst_case(options: &Options) -> Option<Duration> {
    let (timeout, _) = options.duration("timeout")?;
    let Value::Count(Count::Literal(retries, _)) = &options.get("retries")?.value else { return None };
    let first = options.duration("backoff").map_or(BACKOFF, |(backoff, _)| backoff);
    let retries = u32::try_from(*retries).unwrap_or(u32::MAX);
    let longest = LONGEST_BACKOFF.max(first);
    let mut worst = timeout.saturating_mul(retries.saturating_add(1));
    let mut pause = first;
    for retry in 0..retries {
        if pause >= longest {
            return Some(worst.saturating_add(longest.saturating_mul(2).saturating_mul(retries - retry)));
        }
        worst = worst.saturating_add(pause.saturating_mul(2));
        pause = longest.min(pause.saturating_mul(2));
    }
    Some(worst)
}

/// The first pause before a retry where nothing is said, and the longest: those of the runtime.
const BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

impl Options {
    fn duration(&self, name: &str) -> Option<(Duration, Span)> {
        match self.get(name)?.value {
            Value::Duration(duration, span) => Some((duration, span)),
            _ => None,
        }
    }

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
        let etl = ctx.private_at(Span::mixed_site());
        let span = Span::mixed_site();
        let mut made = quote_spanned!(span=> #etl::StageOptions::NONE);
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
                Value::Duration(duration, _) => {
                    let setter = setter(&format!("with_{}", entry.name));
                    let duration = duration_tokens(*duration);
                    quote_spanned!(at=> .#setter(#duration))
                }
                Value::Rate { records, seconds } => quote_spanned!(at=> .with_rate(#etl::Rate::new(#records, #seconds))),
                Value::Word(word) => {
                    let setter = setter(&format!("with_{}", entry.name));
                    let class = class(&ctx.private_at(at), word, at);
                    quote_spanned!(at=> .#setter(#class))
                }
                Value::Sides(sides) => {
                    let (input, output) = (has(sides, Side::Input), has(sides, Side::Output));
                    quote_spanned!(at=> .with_validation(#input, #output))
                }
                Value::Key(fields) => {
                    let fields = fields.iter().map(|field| field.unraw().to_string());
                    quote_spanned!(at=> .with_key(&[#(#fields),*]))
                }
                Value::Function(_) => quote_spanned!(at=> .with_compensation()),
                Value::Path(_) => continue,
            };
            made.extend(call);
        }
        made
    }

    /// Assertions about numbers that only the compiler knows.
    pub(crate) fn assertions(&self, ctx: &Ctx) -> TokenStream {
        let mut assertions = self.counts(ctx);
        if let (Some((_, span)), Some(Value::Count(Count::Constant(_))), Some(_)) =
            (self.duration("deadline"), self.get("retries").map(|entry| &entry.value), self.get("timeout"))
        {
            let etl = ctx.private_at(mixed_at(span));
            let (options, message) = (self.tokens(ctx), messages::deadline_too_short_somehow());
            assertions.extend(quote_spanned!(mixed_at(span)=> const _: () = #etl::demand((#options).fits_deadline(), #message);));
        }
        assertions
    }

    fn counts(&self, ctx: &Ctx) -> TokenStream {
        self.0
            .iter()
            .filter_map(|entry| match &entry.value {
                Value::Count(super::Count::Constant(path)) => {
                    let at = crate::ctx::first_span(path);
                    let etl = ctx.private_at(mixed_at(at));
                    let message = messages::zero(entry.name);
                    Some(quote_spanned!(at=> const _: () = #etl::demand(#path > 0, #message);))
                }
                _ => None,
            })
            .collect()
    }
}

/// The constant of a class, by its word.
pub(crate) fn class(etl: &impl ToTokens, word: &str, span: Span) -> TokenStream {
    let variant = match word {
        "retry" => "Retry",
        "skip" => "Skip",
        "reject" => "Reject",
        _ => "Fail",
    };
    let variant = Ident::new(variant, mixed_at(span));
    quote_spanned!(mixed_at(span)=> #etl::Class::#variant)
}

fn has(sides: &[(Side, Span)], side: Side) -> bool {
    sides.iter().any(|(known, _)| *known == side)
}
