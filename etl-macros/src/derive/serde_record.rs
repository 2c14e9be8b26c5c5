//! `#[derive(SerdeRecord)]`: a record without a codec of its own.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::{DeriveInput, Token};

use crate::ctx::{Ctx, mixed_at};
use crate::diag::Errors;
use crate::messages;

pub(crate) fn expand(input: TokenStream) -> (TokenStream, Errors) {
    let mut errors = Errors::default();
    let Some(input) = errors.keep(syn::parse2::<DeriveInput>(input)) else { return (TokenStream::new(), errors) };
    let ctx = runtime(&input, &mut errors);
    if !input.generics.params.is_empty() {
        errors.on(&input.generics, messages::record_generic("SerdeRecord"));
        return (TokenStream::new(), errors);
    }
    let name = &input.ident;
    let span = mixed_at(name.span());
    let etl = ctx.runtime_at(span);
    let output = quote_spanned! {span=>
        const _: () = {
            #[automatically_derived]
            impl #etl::record::Record for #name {
                fn to_json(&self, __etl_out: &mut ::std::vec::Vec<::core::primitive::u8>) -> ::core::primitive::bool {
                    // Shows itself if it is `Serialize`: the method of the type wins over the trait's.
                    #[allow(unused_imports)]
                    use #etl::__private::CannotShowItself as _;
                    #etl::__private::Shown(self).write_json(__etl_out)
                }
            }
        };
    };
    (output, errors)
}

/// `#[record(crate = path)]`, the only option here.
fn runtime(input: &DeriveInput, errors: &mut Errors) -> Ctx {
    let mut path = None;
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("record")) {
        let parsed = attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("crate") {
                meta.input.parse::<Token![=]>()?;
                path = Some(meta.input.call(syn::Path::parse_mod_style)?);
                return Ok(());
            }
            let name = crate::ctx::text_of(&meta.path);
            Err(meta.error(messages::unknown_record_option(&name, None, &["crate"])))
        });
        if let Err(error) = parsed {
            errors.push(error);
        }
    }
    Ctx::new(path.as_ref(), errors)
}
