//! `#[extractor]`: opens a source.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};

use super::Stage;
use crate::ctx::{gathered, with_static_lifetimes};
use crate::role::Role;

pub(super) fn impls(stage: &Stage) -> TokenStream {
    let signature = &stage.signature;
    let returned = &signature.returned;
    let name = stage.name();
    let at = stage.at();
    let etl = stage.ctx.runtime_at(at);

    let item = returned.hidden.as_ref().map(|hidden| {
        let item = gathered(with_static_lifetimes(hidden.item.to_token_stream()), at);
        quote_spanned!(at=> <#item as #etl::source::StreamItem>::Record)
    });
    // `Vec` stands in for the type that cannot be named: it yields the same records.
    let stand_in = item.as_ref().map(|item| quote_spanned!(at=> ::std::vec::Vec<#item>)).unwrap_or_default();
    let nameable = returned.nameable(&stand_in);
    let out = item.unwrap_or_else(|| quote_spanned!(at=> <#nameable as #etl::source::ExtractReturn<'static>>::Record));
    let error = quote_spanned!(at=> <#nameable as #etl::source::ExtractReturn<'static>>::Error);
    let classes = quote_spanned!(at=> <#error as #etl::__private::Extraction>::CLASSES);

    let wrapper = match &returned.hidden {
        Some(hidden) if hidden.is_stream => quote_spanned!(at=> #etl::source::FromStream),
        _ => quote_spanned!(at=> #etl::source::FromIter),
    };
    let call = stage.call(&TokenStream::new(), &TokenStream::new());
    let given = stage.local("returned");
    let wrapped = returned.wrapped(given.to_token_stream(), &wrapper);
    let then = quote_spanned! {at=>
        |#given| #etl::source::ExtractReturn::source(#wrapped).map_err(<#error as #etl::__private::Extraction>::into_error)
    };
    let opened = stage.future(&call, &then);
    let (lent, pattern) = (stage.local("lent"), stage.lent_pattern());
    let needs = signature.needs_tuple();
    let definition = stage.definition(Role::Extractor, &classes);
    let assertions = stage.assertions(&classes);
    quote_spanned! {at=>
        #[automatically_derived]
        impl #etl::stage::Extractor for #name {
            type Out = #out;
            type Needs = #needs;
            const DEFINITION: #etl::stage::StageDefinition = #definition;

            fn open<'lent>(
                #lent: #etl::stage::Lent<'lent, <Self as #etl::stage::Extractor>::Needs>,
            ) -> impl ::core::future::Future<
                Output = #etl::Result<#etl::source::BoxSource<'lent, <Self as #etl::stage::Extractor>::Out>>,
            > + ::core::marker::Send + 'lent {
                let #pattern = #lent;
                #opened
            }
        }
        #assertions
    }
}
