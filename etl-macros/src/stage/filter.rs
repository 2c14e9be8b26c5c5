//! `#[filter]`: keeps or drops a record.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};

use super::{Impls, Stage};
use crate::options::Side;
use crate::role::Role;

pub(super) fn impls(stage: &Stage) -> Impls {
    let signature = &stage.signature;
    let (record, _) = signature.record();
    let name = stage.name();
    let at = stage.at();
    let etl = stage.etl(at);

    let returned = signature.returned.nameable(&TokenStream::new());
    let classes = quote_spanned!(at=> #etl::transform_classes::<#name>());
    let looked_at = stage.local("record");
    let call = stage.call(&looked_at.to_token_stream(), &TokenStream::new());
    let way = Ident::new(if signature.is_async { "FilterAsync" } else { "FilterPlain" }, at);
    let (call, called) = if signature.is_async {
        (None, Some(asynchronous(stage, &looked_at, &call)))
    } else {
        (Some(stage.plain_call(&quote_spanned!(at=> _), &looked_at.to_token_stream(), &call)), None)
    };
    let needs = signature.needs_tuple();
    let guard = stage.guard(Side::Input, &record.to_token_stream()).map(|guard| quote_spanned!(at=> , #guard));
    let shape = quote_spanned!(at=> #etl::FilterOf<#etl::ways::#way, #record, #returned, #needs #guard>);
    let shape = stage.known_shape(&shape, &returned, "filters");
    let definition = stage.definition(Role::Filter, None);
    let assertions = stage.assertions(&classes);
    let tokens = quote_spanned! {at=>
        #[automatically_derived]
        impl #etl::Written for #name {
            type Shape = #shape;
            const DEFINITION: #etl::StageDefinition = #definition;
            #call
        }
        #called
        #assertions
    };
    Impls { tokens, names: false }
}

fn asynchronous(stage: &Stage, looked_at: &Ident, call: &TokenStream) -> TokenStream {
    let (record, _) = stage.signature.record();
    let name = stage.name();
    let at = stage.at();
    let etl = stage.etl(at);
    let pattern = stage.lent_pattern();
    let asked = quote_spanned!(at=> <#etl::Returned<Self> as #etl::FilterReturn>::keeps);
    let body = stage.future(call, &asked);
    quote_spanned! {at=>
        #[automatically_derived]
        impl #etl::FilterAsync for #name {
            fn keeps<'lent, 'fed>(
                #pattern: #etl::LentTo<'lent, Self>,
                #looked_at: &'fed #record,
            ) -> impl ::core::future::Future<Output = #etl::Ended<Self, ::core::primitive::bool>> + ::core::marker::Send {
                #body
            }
        }
    }
}
