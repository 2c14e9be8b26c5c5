//! `#[resource]`: made once per run.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::ext::IdentExt;

use super::{Impls, Stage};
use crate::ctx::arguments_of;

pub(super) fn impls(stage: &Stage) -> Impls {
    let signature = &stage.signature;
    let name = stage.name();
    let at = stage.at();
    let etl = stage.etl(at);

    // The type is written from its tokens: as a projection it could be equal to another resource's,
    // and the context could not provide both.
    let in_result = arguments_of(&signature.returned.ty, "Result");
    let value = in_result.as_ref().and_then(|arguments| arguments.first().copied()).unwrap_or(&signature.returned.ty);
    let pattern = stage.lent_pattern();
    let call = stage.call(&TokenStream::new(), &TokenStream::new());
    let then = if in_result.is_some() {
        let returned = stage.local("returned");
        quote_spanned!(at=> |#returned| ::core::result::Result::map_err(#returned, #etl::resource_error))
    } else {
        quote_spanned!(at=> ::core::result::Result::Ok)
    };
    let made = stage.future(&call, &then);
    let needs = signature.needs_tuple();
    let borrowed = stage.borrowed();
    let no_result = stage.lends_no_result();
    let text = name.unraw().to_string();
    let tokens = quote_spanned! {at=>
        #[automatically_derived]
        impl #etl::WrittenResource for #name {
            type Value = #value;
            type Shape = <
                [(); #etl::witness::lends::<#value>() #(+ #borrowed)* #no_result] as #etl::Known<#etl::MadeOf<#value, #needs>>
            >::Type;
            const NAME: &'static ::core::primitive::str = #text;

            fn make(
                #pattern: #etl::LentToResource<'_, Self>,
            ) -> impl ::core::future::Future<Output = #etl::Result<#etl::KeptOf<Self>>> + ::core::marker::Send {
                #made
            }
        }
    };
    Impls { tokens, names: false }
}
