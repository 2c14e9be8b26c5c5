//! `#[serde(…)]` on a record. The codec of a record does not read it, so what stands there and says
//! nothing to `Record` is a mistake, unless the type has serde's codec as well.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{Attribute, Data, DeriveInput, Ident, LitStr};

use crate::ctx::{Ctx, mixed_at, text_of};
use crate::diag::Errors;
use crate::messages;

/// An option that serde alone reads: where it stands, and its name.
pub(super) struct Foreign {
    span: Span,
    name: String,
}

/// Reads `#[serde(…)]` on the struct and on its fields. What `Record` has a word of its own for, or cannot
/// do, is refused where no `#[record(…)]` says it; the rest is given back.
pub(super) fn read(input: &DeriveInput, errors: &mut Errors) -> Vec<Foreign> {
    let mut foreign = Vec::new();
    let Data::Struct(data) = &input.data else { return foreign };
    // A default of the whole struct is one of its fields.
    let of_fields = data.fields.iter().flat_map(|field| in_record(&field.attrs)).filter(|name| name == "default");
    read_one(&input.attrs, &in_record(&input.attrs).into_iter().chain(of_fields).collect::<Vec<_>>(), &mut foreign, errors);
    for field in &data.fields {
        read_one(&field.attrs, &in_record(&field.attrs), &mut foreign, errors);
    }
    foreign
}

fn read_one(attrs: &[Attribute], ours: &[String], foreign: &mut Vec<Foreign>, errors: &mut Errors) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
        // A mistake in it is reported by serde, if it has its derive; else it is refused as a whole.
        let _serdes_to_say = attr.parse_nested_meta(|meta| {
            let (name, span) = (text_of(&meta.path), crate::ctx::first_span(&meta.path));
            let value = value(&meta)?;
            let said = match name.as_str() {
                "rename" | "rename_all" | "default" => ours.contains(&name),
                "skip" | "skip_deserializing" | "flatten" => !ours.is_empty(),
                _ => {
                    foreign.push(Foreign { span, name });
                    return Ok(());
                }
            };
            if !said {
                errors.at(span, messages::serde_on_a_record(&name, value.as_deref()));
            }
            Ok(())
        });
    }
}

/// The names of the options in `#[record(…)]`.
fn in_record(attrs: &[Attribute]) -> Vec<String> {
    let mut names = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("record")) {
        // What is wrong with them is told where they are read.
        let _told = attr.parse_nested_meta(|meta| {
            names.push(text_of(&meta.path));
            value(&meta).map(drop)
        });
    }
    names
}

/// The text behind `=`, or inside of `(deserialize = "…")`.
fn value(meta: &syn::meta::ParseNestedMeta<'_>) -> syn::Result<Option<String>> {
    if meta.input.peek(syn::Token![=]) {
        let value: syn::Expr = meta.value()?.parse()?;
        return Ok(syn::parse2::<LitStr>(quote::ToTokens::into_token_stream(value)).ok().map(|text| text.value()));
    }
    if !meta.input.peek(syn::token::Paren) {
        return Ok(None);
    }
    let mut found = None;
    meta.parse_nested_meta(|inner| {
        let text = value(&inner)?;
        if inner.path.is_ident("deserialize") {
            found = text;
        }
        Ok(())
    })?;
    Ok(found)
}

/// That a type with options of serde has a derive of serde that reads them: without one they would say
/// nothing at all.
pub(super) fn read_by_serde(ctx: &Ctx, name: &Ident, foreign: &[Foreign]) -> TokenStream {
    let demands = foreign.iter().map(|Foreign { span, name: option }| {
        let span = mixed_at(*span);
        let etl = ctx.runtime_at(span);
        let message = messages::serde_without_serde(option);
        quote_spanned! {span=>
            const _: () = {
                #[allow(unused_imports)]
                use #etl::__private::{NotDeserialized as _, NotSerialized as _};
                #etl::__private::demand(#etl::__private::Serde::<#name>::READS || #etl::__private::Serde::<#name>::WRITES, #message)
            };
        }
    });
    demands.collect()
}
