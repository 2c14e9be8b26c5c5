//! The clauses that hold policy: delivery, thresholds, dead letters, memory.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::{Lit, LitStr, Token, Type};

use crate::ctx::{runtime_at, text_of};
use crate::diag::{Errors, did_you_mean};
use crate::messages;

/// What the pipeline as a whole promises and tolerates.
#[derive(Default)]
pub(super) struct Policy {
    pub(super) delivery: Option<Delivery>,
    /// `atomic: run`
    pub(super) atomic_run: bool,
    pub(super) threshold: Option<Threshold>,
    /// Bytes.
    pub(super) memory: Option<u64>,
    pub(super) dead_letter: bool,
}

/// `delivery: …`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::enum_variant_names, reason = "the words that people write")]
pub(super) enum Delivery {
    AtMostOnce,
    AtLeastOnce,
    EffectivelyOnce,
    ExactlyOnce,
}

impl Delivery {
    const ALL: [Self; 4] = [Self::AtMostOnce, Self::AtLeastOnce, Self::EffectivelyOnce, Self::ExactlyOnce];

    /// The word in `delivery:`.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::AtMostOnce => "at_most_once",
            Self::AtLeastOnce => "at_least_once",
            Self::EffectivelyOnce => "effectively_once",
            Self::ExactlyOnce => "exactly_once",
        }
    }

    /// The name of the variant of `etl_core::policy::Delivery`.
    const fn variant(self) -> &'static str {
        match self {
            Self::AtMostOnce => "AtMostOnce",
            Self::AtLeastOnce => "AtLeastOnce",
            Self::EffectivelyOnce => "EffectivelyOnce",
            Self::ExactlyOnce => "ExactlyOnce",
        }
    }
}

/// `[1%, 500, 20 in a row] after 1_000`
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Threshold {
    pub(super) rate: Option<f64>,
    pub(super) count: Option<u64>,
    pub(super) in_a_row: Option<u64>,
    pub(super) min_sample: Option<u64>,
}

/// `file("rejects.jsonl")` or `file(settings.rejects)`
pub(super) struct DeadLetter {
    pub(super) path: TokenStream,
    /// The word `settings` in it, which is the name of a parameter.
    pub(super) settings: Option<Ident>,
}

impl Policy {
    /// `Policy`, as a constant expression.
    pub(super) fn tokens(&self) -> TokenStream {
        let span = Span::mixed_site();
        let etl = runtime_at(span);
        let mut made = quote_spanned!(span=> #etl::Policy::NONE);
        if let Some(Threshold { rate, count, in_a_row, min_sample }) = self.threshold {
            let mut threshold = quote_spanned!(span=> #etl::Threshold::NONE);
            threshold.extend(rate.map(|rate| quote_spanned!(span=> .with_rate(#rate))));
            threshold.extend(count.map(|count| quote_spanned!(span=> .with_count(#count))));
            threshold.extend(in_a_row.map(|errors| quote_spanned!(span=> .with_in_a_row(#errors))));
            threshold.extend(min_sample.map(|sample| quote_spanned!(span=> .with_min_sample(#sample))));
            made.extend(quote_spanned!(span=> .with_threshold(#threshold)));
        }
        if let Some(delivery) = self.delivery {
            let delivery = Ident::new(delivery.variant(), span);
            made.extend(quote_spanned!(span=> .with_delivery(#etl::Delivery::#delivery)));
        }
        made.extend(self.atomic_run.then(|| quote_spanned!(span=> .with_atomic(#etl::Atomic::Run))));
        made.extend(self.memory.map(|bytes| quote_spanned!(span=> .with_memory(#bytes))));
        made.extend(self.dead_letter.then(|| quote_spanned!(span=> .with_dead_letter())));
        made
    }
}

/// Reads a value to its end.
pub(super) fn whole<T>(clause: &str, value: TokenStream, parse: impl FnOnce(ParseStream<'_>) -> syn::Result<T>) -> syn::Result<T> {
    let parse = |input: ParseStream<'_>| {
        let parsed = parse(input)?;
        if input.is_empty() { Ok(parsed) } else { Err(input.error(messages::left_over(clause))) }
    };
    parse.parse2(value)
}

/// The type of the settings. What is a list or a value of them names the type all the same.
pub(super) fn settings(value: TokenStream, errors: &mut Errors) -> Option<Type> {
    let wrong = match whole("settings", value.clone(), <Type as syn::parse::Parse>::parse) {
        Ok(Type::Slice(slice)) => Some(*slice.elem),
        Ok(Type::Array(array)) => Some(*array.elem),
        Ok(Type::Reference(reference)) => Some(*reference.elem),
        Ok(Type::ImplTrait(_) | Type::TraitObject(_) | Type::Infer(_) | Type::Never(_)) => None,
        Ok(ty) => return Some(ty),
        Err(_) => type_of_a_value(value.clone()),
    };
    errors.on(value, messages::settings_form(wrong.as_ref().map(text_of).as_deref()));
    wrong
}

/// `Config::from_env()` and `Config { … }` are a `Config`.
fn type_of_a_value(value: TokenStream) -> Option<Type> {
    let path = |input: ParseStream<'_>| {
        let mut path = input.call(syn::Path::parse_mod_style)?;
        let called = input.peek(syn::token::Paren);
        input.parse::<TokenStream>()?;
        if called {
            path.segments.pop();
            path.segments.pop_punct();
        }
        Ok(path)
    };
    let path = path.parse2(value).ok()?;
    let is_type = path.segments.last().is_some_and(|last| last.ident.to_string().starts_with(char::is_uppercase));
    is_type.then(|| Type::Path(syn::TypePath { attrs: Vec::new(), qself: None, path }))
}

pub(super) fn delivery(value: TokenStream, errors: &mut Errors) -> Option<Delivery> {
    let word = one_word("delivery", value, errors)?;
    let written = word.to_string();
    let known = Delivery::ALL.into_iter().find(|known| known.word() == written);
    if known.is_none() {
        let meant = did_you_mean(&written, Delivery::ALL.map(Delivery::word));
        errors.at(word.span(), messages::unknown_delivery(&written, meant));
    }
    known
}

/// Whether the whole run is one commit.
pub(super) fn atomic(value: TokenStream, errors: &mut Errors) -> bool {
    let Some(word) = one_word("atomic", value, errors) else { return false };
    let written = word.to_string();
    if !["batch", "run"].contains(&written.as_str()) {
        errors.at(word.span(), messages::unknown_atomic(&written, did_you_mean(&written, ["batch", "run"])));
    }
    written == "run"
}

fn one_word(clause: &str, value: TokenStream, errors: &mut Errors) -> Option<Ident> {
    errors.keep(whole(clause, value, |input| {
        input.parse::<Ident>().map_err(|error| syn::Error::new(error.span(), messages::one_word(clause)))
    }))
}

pub(super) fn threshold(value: TokenStream, errors: &mut Errors) -> Option<Threshold> {
    errors.keep(whole("error_threshold", value, |input| {
        let mut threshold = Threshold::default();
        if input.peek(syn::token::Bracket) {
            let inside;
            let bracket = syn::bracketed!(inside in input);
            while !inside.is_empty() {
                bound(&inside, &mut threshold)?;
                if !inside.is_empty() {
                    inside.parse::<Token![,]>()?;
                }
            }
            if threshold == Threshold::default() {
                return Err(syn::Error::new(bracket.span.join(), messages::threshold_form()));
            }
        } else {
            bound(input, &mut threshold)?;
        }
        if !input.is_empty() {
            let word: Ident = input.parse().map_err(|_| input.error(messages::threshold_form()))?;
            if word != "after" {
                return Err(syn::Error::new(word.span(), messages::threshold_form()));
            }
            let sample: syn::LitInt = input.parse().map_err(|_| input.error(messages::threshold_form()))?;
            threshold.min_sample = Some(sample.base10_parse()?);
        }
        Ok(threshold)
    }))
}

/// `1%`, `0.5%`, `500` or `20 in a row`.
fn bound(input: ParseStream<'_>, threshold: &mut Threshold) -> syn::Result<()> {
    let literal: Lit = input.parse().map_err(|error| syn::Error::new(error.span(), messages::threshold_form()))?;
    let digits = match &literal {
        Lit::Int(number) => number.base10_digits().to_owned(),
        Lit::Float(number) => number.base10_digits().to_owned(),
        _ => return Err(syn::Error::new(literal.span(), messages::threshold_form())),
    };
    if input.peek(Token![%]) {
        let percent: Token![%] = input.parse()?;
        let whole = literal.to_token_stream().into_iter().chain(percent.to_token_stream()).collect::<TokenStream>();
        let share: f64 = digits.parse().unwrap_or(f64::NAN);
        if !(share > 0.0 && share <= 100.0) {
            return Err(syn::Error::new_spanned(whole, messages::threshold_range(&digits)));
        }
        if threshold.rate.replace(share / 100.0).is_some() {
            return Err(syn::Error::new_spanned(whole, messages::threshold_same_twice()));
        }
        return Ok(());
    }
    let count: u64 = digits.parse().map_err(|_| syn::Error::new(literal.span(), messages::threshold_fraction()))?;
    if count == 0 {
        return Err(syn::Error::new(literal.span(), messages::threshold_zero()));
    }
    let bound = if input.peek(Token![in]) {
        input.parse::<Token![in]>()?;
        for wanted in ["a", "row"] {
            let word: Ident = input.parse().map_err(|_| input.error(messages::threshold_form()))?;
            if word != wanted {
                return Err(syn::Error::new(word.span(), messages::threshold_form()));
            }
        }
        &mut threshold.in_a_row
    } else {
        &mut threshold.count
    };
    if bound.replace(count).is_some() {
        return Err(syn::Error::new(literal.span(), messages::threshold_same_twice()));
    }
    Ok(())
}

pub(super) fn dead_letter(value: TokenStream, has_settings: bool, errors: &mut Errors) -> Option<DeadLetter> {
    let mut tokens = value.clone().into_iter();
    let inside = match (tokens.next(), tokens.next(), tokens.next()) {
        (Some(TokenTree::Ident(word)), Some(TokenTree::Group(group)), None) if word == "file" => group.stream(),
        _ => {
            errors.on(value, messages::dead_letter_form());
            return None;
        }
    };
    if let Ok(path) = syn::parse2::<LitStr>(inside.clone()) {
        return Some(DeadLetter { path: path.to_token_stream(), settings: None });
    }
    match inside.clone().into_iter().next() {
        Some(TokenTree::Ident(word)) if word == "settings" => {
            errors.keep(syn::parse2::<syn::Expr>(inside.clone()))?;
            if has_settings {
                return Some(DeadLetter { path: inside, settings: Some(word) });
            }
            errors.on(inside, messages::dead_letter_settings());
        }
        Some(_) => errors.on(inside, messages::dead_letter_form()),
        None => errors.on(value, messages::dead_letter_form()),
    }
    None
}

pub(super) fn memory(value: TokenStream, errors: &mut Errors) -> Option<u64> {
    let bytes = syn::parse2::<LitStr>(value.clone()).ok().and_then(|text| bytes(&text.value()));
    if bytes.is_none() {
        errors.on(value, messages::memory_form());
    }
    bytes
}

/// `256 MiB`, `1.5 GB`.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit_at = text.find(|letter: char| letter.is_alphabetic())?;
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.trim().replace('_', "").parse().ok()?;
    let scale: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "b" | "byte" | "bytes" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a budget needs no more than 53 bits"
    )]
    let bytes = (number * scale as f64) as u64;
    (bytes > 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn memory_is_read_with_its_unit() {
        assert_eq!(bytes("256 MiB"), Some(268_435_456));
        assert_eq!(bytes("1.5GB"), Some(1_500_000_000));
        assert_eq!(bytes("1_024 b"), Some(1024));
        assert_eq!([bytes("256"), bytes("0 MB"), bytes("many GB"), bytes("1 mile")], [None; 4]);
    }
}
