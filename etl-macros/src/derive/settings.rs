//! `#[derive(Settings)]`: what the operator sets. serde reads it; what can be wrong with a name is
//! said here, before anything runs.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Fields, LitStr, Path, Type};

use super::case::Case;
use crate::ctx::{Ctx, argument_of, mixed_at, text_of, ungroup};
use crate::diag::{Errors, did_you_mean};
use crate::messages;

const OPTIONS: [&str; 1] = ["shown"];

/// How names end that hold what nobody else may read.
const SECRETS: [&str; 11] =
    ["password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "private_key", "secret_key", "access_key", "credentials"];

pub(crate) fn expand(input: TokenStream) -> (TokenStream, Errors) {
    let mut errors = Errors::default();
    let Some(input) = errors.keep(syn::parse2::<DeriveInput>(input)) else { return (TokenStream::new(), errors) };
    let ctx = runtime(&input.attrs, &mut errors);
    if !input.generics.params.is_empty() {
        errors.on(&input.generics, messages::settings_generic());
        return (TokenStream::new(), errors);
    }
    let wrong = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => {
                let names = names(&fields.named, &input.attrs, &mut errors);
                return (impls(&ctx, &input, fields, &names), errors);
            }
            other => (other.to_token_stream(), "a struct without named fields"),
        },
        Data::Enum(data) => (data.enum_token.to_token_stream(), "an enum"),
        Data::Union(data) => (data.union_token.to_token_stream(), "a union"),
    };
    let at = if wrong.0.is_empty() { input.ident.to_token_stream() } else { wrong.0 };
    errors.on(at, messages::settings_not_a_struct(wrong.1));
    (unusable(&ctx, &input.ident), errors)
}

/// The names that the operator sets, checked.
fn names<'f>(fields: impl IntoIterator<Item = &'f syn::Field>, on_struct: &[Attribute], errors: &mut Errors) -> Vec<String> {
    let case = serde_text(on_struct, "rename_all").and_then(|case| Case::named(&case));
    let mut names = Vec::new();
    for field in fields {
        let Some(ident) = &field.ident else { continue };
        let shown = options(&field.attrs, errors);
        // What is flattened has names of its own, which only its type knows.
        if serde_flag(&field.attrs, &["flatten", "skip", "skip_deserializing"]) {
            continue;
        }
        let plain = ident.unraw().to_string();
        let name = serde_text(&field.attrs, "rename").unwrap_or_else(|| case.map_or_else(|| plain.clone(), |case| case.of_field(&plain)));
        check(&name, &plain, ident.span(), &field.ty, shown, errors);
        names.push(name);
    }
    names
}

fn check(name: &str, field: &str, span: Span, ty: &Type, shown: bool, errors: &mut Errors) {
    if name == "pipeline" {
        errors.at(span, messages::setting_reserved(name));
    }
    if mentions(ty, "Sensitive") {
        errors.on(ty, messages::setting_sensitive());
    } else if !shown
        && !mentions(ty, "Secret")
        && could_be_secret(ty)
        && SECRETS.iter().any(|word| field == *word || field.ends_with(&format!("_{word}")))
    {
        let masked = match argument_of(ty, "Option") {
            Some(inner) => format!("Option<Secret<{}>>", text_of(inner)),
            None => format!("Secret<{}>", text_of(ty)),
        };
        errors.on(ty, messages::setting_in_the_clear(name, &masked));
    }
}

/// A number or a switch is no password.
fn could_be_secret(ty: &Type) -> bool {
    let text = text_of(ungroup(ty));
    let plain = text.strip_prefix("Option<").and_then(|inner| inner.strip_suffix('>')).unwrap_or(&text);
    !["bool", "u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize", "f32", "f64", "Duration"].contains(&plain)
}

fn mentions(ty: &Type, word: &str) -> bool {
    fn within(tokens: TokenStream, word: &str) -> bool {
        tokens.into_iter().any(|token| match token {
            proc_macro2::TokenTree::Ident(ident) => ident == word,
            proc_macro2::TokenTree::Group(group) => within(group.stream(), word),
            _ => false,
        })
    }
    within(ty.to_token_stream(), word)
}

/// serde derives for a twin with the same fields, and the fields move over: a derive cannot ask for
/// another one on the same type, and so the user needs no `serde` among the dependencies.
fn impls(ctx: &Ctx, input: &DeriveInput, fields: &syn::FieldsNamed, names: &[String]) -> TokenStream {
    let name = &input.ident;
    let span = mixed_at(name.span());
    let etl = ctx.runtime_at(span);
    let (twin, real) = (format_ident!("Etl{}", name, span = Span::mixed_site()), name);
    let serde = LitStr::new(&format!("{}::serde", text_of(ctx.runtime())), span);
    let title = LitStr::new(&format!("struct {name}"), span);
    let on_struct = input.attrs.iter().filter(|attr| attr.path().is_ident("serde"));
    let twins = fields.named.iter().map(|field| {
        let attrs = field.attrs.iter().filter(|attr| ["serde", "cfg"].iter().any(|known| attr.path().is_ident(known)));
        let (ident, ty) = (&field.ident, &field.ty);
        quote_spanned!(span=> #(#attrs)* #ident: #ty,)
    });
    let moves = fields.named.iter().map(|field| {
        let attrs = field.attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
        let ident = &field.ident;
        quote_spanned!(span=> #(#attrs)* #ident: __etl_settings.#ident,)
    });
    quote_spanned! {span=>
        const _: () = {
            #[derive(#etl::serde::Deserialize)]
            #[serde(crate = #serde, expecting = #title)]
            #(#on_struct)*
            struct #twin { #(#twins)* }

            #[automatically_derived]
            impl<'de> #etl::serde::Deserialize<'de> for #real {
                fn deserialize<De: #etl::serde::Deserializer<'de>>(__etl_deserializer: De) -> ::core::result::Result<Self, De::Error> {
                    <#twin as #etl::serde::Deserialize<'de>>::deserialize(__etl_deserializer).map(|__etl_settings| Self { #(#moves)* })
                }
            }

            #[automatically_derived]
            impl #etl::settings::Settings for #real {
                const NAMES: &'static [&'static ::core::primitive::str] = &[#(#names),*];
            }
        };
    }
}

/// For a type that cannot be settings: the impls all the same, so that its pipeline says nothing more.
fn unusable(ctx: &Ctx, name: &syn::Ident) -> TokenStream {
    let span = mixed_at(name.span());
    let etl = ctx.runtime_at(span);
    quote_spanned! {span=>
        const _: () = {
            impl<'de> #etl::serde::Deserialize<'de> for #name {
                fn deserialize<De: #etl::serde::Deserializer<'de>>(_: De) -> ::core::result::Result<Self, De::Error> {
                    ::core::unreachable!()
                }
            }
            impl #etl::settings::Settings for #name {
                const NAMES: &'static [&'static ::core::primitive::str] = &[];
            }
        };
    }
}

/// `#[settings(shown)]` on a field.
fn options(attrs: &[Attribute], errors: &mut Errors) -> bool {
    let mut shown = false;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("settings")) {
        let parsed = attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("shown") {
                shown = true;
                return Ok(());
            }
            if meta.path.is_ident("default") {
                return Err(meta.error(messages::setting_default()));
            }
            let name = text_of(&meta.path);
            Err(meta.error(messages::unknown_settings_option(&name, did_you_mean(&name, OPTIONS), &OPTIONS)))
        });
        if let Err(error) = parsed {
            errors.push(error);
        }
    }
    shown
}

/// `#[settings(crate = path)]` on the struct.
fn runtime(attrs: &[Attribute], errors: &mut Errors) -> Ctx {
    let mut path: Option<Path> = None;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("settings")) {
        let parsed = attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("crate") {
                path = Some(meta.value()?.call(Path::parse_mod_style)?);
                return Ok(());
            }
            let name = text_of(&meta.path);
            Err(meta.error(messages::unknown_settings_option(&name, None, &["crate"])))
        });
        if let Err(error) = parsed {
            errors.push(error);
        }
    }
    Ctx::new(path.as_ref(), errors)
}

/// The text of `#[serde(name = "…")]`. What serde makes of the rest is serde's to say.
fn serde_text(attrs: &[Attribute], name: &str) -> Option<String> {
    let mut found = None;
    each_of_serde(attrs, |meta| {
        if meta.path.is_ident(name) && meta.input.peek(syn::Token![=]) {
            let text: LitStr = meta.value()?.parse()?;
            found = Some(text.value());
        } else {
            skip(meta)?;
        }
        Ok(())
    });
    found
}

fn serde_flag(attrs: &[Attribute], names: &[&str]) -> bool {
    let mut found = false;
    each_of_serde(attrs, |meta| {
        found |= names.iter().any(|name| meta.path.is_ident(name));
        skip(meta)
    });
    found
}

fn each_of_serde(attrs: &[Attribute], mut read: impl FnMut(&syn::meta::ParseNestedMeta<'_>) -> syn::Result<()>) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
        // A mistake in it is reported by serde, once.
        let _serdes_to_say = attr.parse_nested_meta(|meta| read(&meta));
    }
}

/// Passes over the value of an option.
fn skip(meta: &syn::meta::ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(syn::Token![=]) {
        meta.value()?.parse::<syn::Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        let inside;
        syn::parenthesized!(inside in meta.input);
        inside.parse::<TokenStream>()?;
    }
    Ok(())
}
