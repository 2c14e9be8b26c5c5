//! `#[extractor]`: opens a source.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};

use super::{Impls, Stage};
use crate::ctx::with_static_lifetimes;
use crate::messages;
use crate::role::Role;

pub(super) fn impls(stage: &Stage) -> Impls {
    let signature = &stage.signature;
    let returned = &signature.returned;
    let name = stage.name();
    let at = stage.at();
    let etl = stage.etl(at);

    let item = returned.hidden.as_ref().map(|hidden| {
        let item = with_static_lifetimes(hidden.item.to_token_stream());
        quote_spanned!(at=> <#item as #etl::StreamItem>::Record)
    });
    // `Vec` stands in for the type that cannot be named: it yields the same records.
    let stand_in = item.map(|item| quote_spanned!(at=> ::std::vec::Vec<#item>)).unwrap_or_default();
    let returned_type = returned.nameable(&stand_in);
    let nameable = quote_spanned!(at=> #etl::OpenedBy<#name>);
    let error = quote_spanned!(at=> <#nameable as #etl::ExtractReturn<'static>>::Error);
    // Most sources know themselves whether they can be read again.
    let class = stage.options.get("replayable").map(|_| quote_spanned!(at=> , #etl::Replayable));
    let decodes = quote_spanned!(at=> <#nameable as #etl::ExtractReturn<'static>>::DECODES);
    let classes = quote_spanned!(at=> <#error as #etl::Extraction>::CLASSES);

    let wrapper = match &returned.hidden {
        Some(hidden) if hidden.is_stream => quote_spanned!(at=> #etl::FromStream),
        _ => quote_spanned!(at=> #etl::FromIter),
    };
    let call = stage.call(&TokenStream::new(), &TokenStream::new());
    let given = stage.local("returned");
    let wrapped = returned.wrapped(given.to_token_stream(), &wrapper);
    let then = quote_spanned! {at=>
        |#given| <_ as #etl::Opened<'_, #nameable>>::opened(#wrapped).map_err(<#error as #etl::Extraction>::into_error)
    };
    let opened = stage.future(&call, &then);
    let pattern = stage.lent_pattern();
    let (needs, borrowed) = (signature.needs_tuple(), stage.borrowed());
    let definition = stage.definition(Role::Extractor, Some((&classes, &decodes)));
    let mut assertions = stage.assertions(&classes);
    let sources_own = quote_spanned!(at=> <#nameable as #etl::ExtractReturn<'static>>::Class);
    assertions.extend(stage.demand(
        "replayable",
        &quote_spanned!(at=> !#etl::replayable::<#sources_own>()),
        messages::replayable_already(),
    ));
    assertions.extend(stage.demand("malformed", &decodes, messages::nothing_to_decode()));
    let tokens = quote_spanned! {at=>
        #[automatically_derived]
        impl #etl::WrittenExtractor for #name {
            type Shape = <
                [(); #etl::witness::extracts::<#returned_type>() #(+ #borrowed)*]
                    as #etl::Known<#etl::ExtractorOf<#returned_type, #needs #class>>
            >::Type;
            const DEFINITION: #etl::StageDefinition = #definition;

            fn open<'lent>(
                #pattern: #etl::LentToExtractor<'lent, Self>,
            ) -> impl ::core::future::Future<Output = #etl::Opening<'lent, Self>> + ::core::marker::Send + 'lent {
                #opened
            }
        }
        #assertions
    };
    Impls { tokens, names: false }
}
