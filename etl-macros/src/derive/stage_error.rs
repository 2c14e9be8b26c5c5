//! `#[derive(StageError)]`: every error has a class, a code and a text that quotes no record.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::{Attribute, Data, DeriveInput, Fields};

use super::case::in_words;
use super::template::without_values;
use crate::ctx::{Ctx, arguments_of, mixed_at, text_of};
use crate::diag::{Errors, did_you_mean};
use crate::messages;
use crate::options::stage::class;

const CLASSES: [&str; 4] = ["retry", "skip", "reject", "fail"];

/// One kind of error: a variant, or a whole struct.
struct Kind {
    pattern: TokenStream,
    name: Ident,
    /// `None` where it could not be read: then it may be any.
    class: Option<&'static str>,
    code: String,
    message: String,
    hint: Option<String>,
    cause: Option<Cause>,
}

/// The field that holds what caused it.
struct Cause {
    member: syn::Member,
    optional: bool,
}

pub(crate) fn expand(input: TokenStream) -> (TokenStream, Errors) {
    let mut errors = Errors::default();
    let Some(input) = errors.keep(syn::parse2::<DeriveInput>(input)) else { return (TokenStream::new(), errors) };
    let ctx = runtime(&input.attrs, &mut errors);
    let name = &input.ident;
    let kinds = match &input.data {
        Data::Enum(data) => {
            let on_enum = find(&input.attrs, "on_error").next();
            if let Some(attr) = on_enum {
                errors.on(attr, messages::class_on_enum());
            }
            let kind = |variant: &syn::Variant| {
                let ident = &variant.ident;
                let what = format!("variant `{ident}`");
                let pattern = quote_spanned!(mixed_at(ident.span())=> Self::#ident);
                let mut kind = Kind::new(pattern, ident, format!("{name}::{ident}"), &variant.attrs, &variant.fields, &mut errors);
                // A class for all of them is told already.
                let classed = find(&variant.attrs, "on_error").next().is_some();
                kind.class = if classed || on_enum.is_none() { class_of(ident, &what, &variant.attrs, &mut errors) } else { None };
                kind
            };
            data.variants.iter().map(kind).collect()
        }
        Data::Struct(data) => {
            let pattern = quote_spanned!(mixed_at(name.span())=> Self);
            let mut kind = Kind::new(pattern, name, name.to_string(), &input.attrs, &data.fields, &mut errors);
            kind.class = class_of(name, &format!("`{name}`"), &input.attrs, &mut errors);
            vec![kind]
        }
        Data::Union(data) => {
            errors.on(data.union_token, messages::stage_error_not_possible("a union"));
            Vec::new()
        }
    };
    (impls(&ctx, &input, &kinds), errors)
}

impl Kind {
    /// Everything but its class.
    fn new(pattern: TokenStream, name: &Ident, code: String, attrs: &[Attribute], fields: &Fields, errors: &mut Errors) -> Self {
        let transparent = find(attrs, "error").any(|attr| attr.parse_args::<Ident>().is_ok_and(|word| word == "transparent"));
        Self {
            pattern,
            name: name.clone(),
            class: None,
            code,
            message: message(attrs).unwrap_or_else(|| in_words(&name.to_string())),
            hint: hint(attrs, errors),
            cause: cause(fields, transparent),
        }
    }
}

/// The class; `None` where something was said of it, so that nothing else is.
fn class_of(name: &Ident, what: &str, attrs: &[Attribute], errors: &mut Errors) -> Option<&'static str> {
    let (mut class, mut first) = (None, true);
    for attr in find(attrs, "on_error") {
        let read = class_in(attr, what, errors);
        if !std::mem::take(&mut first) {
            errors.on(attr, messages::classed_twice(what));
            return None;
        }
        class = read;
    }
    if first {
        errors.at(name.span(), messages::unclassed(what));
    }
    class
}

/// The word in `#[on_error(…)]`.
fn class_in(attr: &Attribute, what: &str, errors: &mut Errors) -> Option<&'static str> {
    let written = match &attr.meta {
        syn::Meta::Path(_) => TokenStream::new(),
        syn::Meta::List(list) => list.tokens.clone(),
        syn::Meta::NameValue(pair) => pair.value.to_token_stream(),
    };
    if let Ok(text) = syn::parse2::<syn::LitStr>(written.clone()) {
        let known = CLASSES.into_iter().find(|known| *known == text.value());
        errors.at(text.span(), known.map_or_else(|| messages::class_form().to_owned(), messages::class_as_text));
        return None;
    }
    let mut rest = written.clone().into_iter();
    let (Some(TokenTree::Ident(word)), syn::Meta::List(_)) = (rest.next(), &attr.meta) else {
        errors.on(if written.is_empty() { attr.to_token_stream() } else { written }, messages::class_form());
        return None;
    };
    let name = word.to_string();
    let known = CLASSES.into_iter().find(|known| *known == name);
    match (known, rest.next()) {
        (Some(known), None) => return Some(known),
        (Some("retry"), Some(TokenTree::Group(count))) => errors.at(count.span(), messages::class_with_a_count(&text_of(count.stream()))),
        (_, Some(TokenTree::Punct(comma))) if comma.as_char() == ',' => {
            let second: TokenStream = rest.collect();
            errors.on(if second.is_empty() { comma.to_token_stream() } else { second }, messages::classed_twice(what));
        }
        (_, Some(_)) => errors.on(written, messages::class_form()),
        (None, None) => {
            let meant = match name.as_str() {
                "dead_letter" | "dlq" => Some("reject"),
                "fatal" | "abort" | "stop" => Some("fail"),
                "ignore" | "drop" => Some("skip"),
                "transient" => Some("retry"),
                other => did_you_mean(other, CLASSES),
            };
            errors.at(word.span(), messages::unknown_class(&name, meant));
        }
    }
    None
}

/// The template of `#[error("…")]`.
fn message(attrs: &[Attribute]) -> Option<String> {
    let attr = find(attrs, "error").next()?;
    let syn::Meta::List(list) = &attr.meta else { return None };
    let first = list.tokens.clone().into_iter().next()?;
    let text: syn::LitStr = syn::parse2(first.into_token_stream()).ok()?;
    Some(without_values(&text.value()))
}

fn hint(attrs: &[Attribute], errors: &mut Errors) -> Option<String> {
    let mut hint = None;
    for attr in find(attrs, "hint") {
        match attr.parse_args::<syn::LitStr>() {
            Ok(_) if hint.is_some() => errors.on(attr, messages::hint_twice()),
            Ok(text) => {
                if quotes(&text.value()) {
                    errors.at(text.span(), messages::hint_quotes());
                }
                hint = Some(text.value());
            }
            Err(_) => errors.on(attr, messages::hint_form()),
        }
    }
    hint
}

/// Whether a text has a place for a value, as the texts of `#[error(…)]` have.
fn quotes(text: &str) -> bool {
    without_values(text).contains('…') && !text.contains('…')
}

/// The cause as thiserror finds it: `#[source]`, `#[from]`, a field named `source`, or the only
/// field of a transparent error.
fn cause(fields: &Fields, transparent: bool) -> Option<Cause> {
    let marked = |field: &syn::Field| ["source", "from"].iter().any(|name| find(&field.attrs, name).next().is_some());
    let named = |field: &syn::Field| field.ident.as_ref().is_some_and(|name| name == "source");
    let (at, field) = fields
        .iter()
        .enumerate()
        .find(|(_, field)| marked(field))
        .or_else(|| fields.iter().enumerate().find(|(_, field)| named(field)))
        .or_else(|| fields.iter().enumerate().next().filter(|_| transparent && fields.len() == 1))?;
    let member = field.ident.clone().map_or_else(|| syn::Member::from(at), syn::Member::Named);
    Some(Cause { member, optional: arguments_of(&field.ty, "Option").is_some() })
}

fn impls(ctx: &Ctx, input: &DeriveInput, kinds: &[Kind]) -> TokenStream {
    let name = &input.ident;
    let span = mixed_at(name.span());
    let etl = ctx.private_at(span);
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    let patterns: Vec<_> = kinds.iter().map(|kind| &kind.pattern).collect();
    let class_at = |word: &str, at: proc_macro2::Span| class(&ctx.private_at(at), word, at);
    let classes: Vec<_> = kinds.iter().map(|kind| class_at(kind.class.unwrap_or("fail"), mixed_at(kind.name.span()))).collect();
    // A class that could not be read may be any: what is said of retries and dead letters would be a guess.
    let open = kinds.iter().any(|kind| kind.class.is_none()).then(|| {
        let retry = class_at("retry", span);
        quote_spanned!(span=> .with(#retry).open())
    });
    let codes = kinds.iter().map(|kind| &kind.code);
    let messages = kinds.iter().map(|kind| &kind.message);
    let causes = kinds.iter().filter_map(|kind| cause_arm(ctx, kind));
    let hints = kinds.iter().filter_map(|kind| {
        let (pattern, hint) = (&kind.pattern, kind.hint.as_ref()?);
        Some(quote_spanned!(span=> #pattern { .. } => ::core::option::Option::Some(::std::borrow::Cow::Borrowed(#hint)),))
    });
    // An enum without variants has no values to match.
    let subject = if kinds.is_empty() { quote_spanned!(span=> *self) } else { quote_spanned!(span=> self) };
    let causes: Vec<_> = causes.collect();
    let hints: Vec<_> = hints.collect();
    let rest = |arms: usize| (arms < kinds.len()).then(|| quote_spanned!(span=> _ =>));
    let no_cause = rest(causes.len()).map(|rest| quote_spanned!(span=> #rest ::std::vec::Vec::new(),));
    let no_hint = rest(hints.len()).map(|rest| quote_spanned!(span=> #rest ::core::option::Option::None,));
    // Where there are none, the trait's own say so.
    let causes = (!causes.is_empty()).then(|| {
        quote_spanned! {span=>
            fn causes(&self) -> ::std::vec::Vec<::std::borrow::Cow<'static, ::core::primitive::str>> {
                #[allow(unused_imports)]
                use #etl::{ForeignCause as _, UnknownCause as _};
                match #subject { #(#causes)* #no_cause }
            }
        }
    });
    let hints = (!hints.is_empty()).then(|| {
        quote_spanned! {span=>
            fn hint(&self) -> ::core::option::Option<::std::borrow::Cow<'static, ::core::primitive::str>> {
                match #subject { #(#hints)* #no_hint }
            }
        }
    });
    quote_spanned! {span=>
        #[automatically_derived]
        impl #impl_generics #etl::StageError for #name #type_generics #where_clause {
            const CLASSES: #etl::Classes = #etl::Classes::NONE #(.with(#classes))* #open;

            fn class(&self) -> #etl::Class {
                match #subject { #(#patterns { .. } => #classes,)* }
            }

            fn code(&self) -> &'static ::core::primitive::str {
                match #subject { #(#patterns { .. } => #codes,)* }
            }

            fn message(&self) -> ::std::borrow::Cow<'static, ::core::primitive::str> {
                match #subject { #(#patterns { .. } => ::std::borrow::Cow::Borrowed(#messages),)* }
            }

            #causes

            #hints
        }

        #[automatically_derived]
        impl #impl_generics #etl::Fallible for #name #type_generics #where_clause {}
    }
}

fn cause_arm(ctx: &Ctx, kind: &Kind) -> Option<TokenStream> {
    let Cause { member, optional } = kind.cause.as_ref()?;
    let span = mixed_at(kind.name.span());
    let etl = ctx.private_at(span);
    let (pattern, found) = (&kind.pattern, format_ident!("__etl_cause", span = proc_macro2::Span::mixed_site()));
    let texts = quote_spanned!(span=> (&#etl::Cause(#found)).texts());
    Some(if *optional {
        quote_spanned! {span=>
            #pattern { #member: ::core::option::Option::Some(#found), .. } => #texts,
            #pattern { #member: ::core::option::Option::None, .. } => ::std::vec::Vec::new(),
        }
    } else {
        quote_spanned!(span=> #pattern { #member: #found, .. } => #texts,)
    })
}

fn find<'a>(attrs: &'a [Attribute], name: &'a str) -> impl Iterator<Item = &'a Attribute> {
    attrs.iter().filter(move |attr| attr.path().is_ident(name))
}

/// `#[on_error(crate = path)]` would read badly, so a renamed runtime is said by
/// `#[stage_error(crate = path)]`; no attribute, no parsing.
fn runtime(attrs: &[Attribute], errors: &mut Errors) -> Ctx {
    let mut path = None;
    for attr in find(attrs, "stage_error") {
        let parsed = attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("crate") {
                path = Some(meta.value()?.call(syn::Path::parse_mod_style)?);
                return Ok(());
            }
            Err(meta.error(messages::only_crate()))
        });
        if let Err(error) = parsed {
            errors.push(error);
        }
    }
    Ctx::new(path.as_ref(), errors)
}
