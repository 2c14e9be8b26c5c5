//! `#[extractor]`: opens a source.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};

use super::{Impls, Stage};
use crate::ctx::{with_static_lifetimes};
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
    let (nameable, known) = stage.returned(&returned.nameable(&stand_in), "extracts");
    let out = quote_spanned!(at=> <#nameable as #etl::ExtractReturn<'static>>::Record);
    let error = quote_spanned!(at=> <#nameable as #etl::ExtractReturn<'static>>::Error);
    let class = match stage.options.get("replayable") {
        Some(_) => quote_spanned!(at=> #etl::Replayable),
        None => quote_spanned!(at=> <#nameable as #etl::ExtractReturn<'static>>::Class),
    };
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
    let needs = stage.needs();
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
        #known
        #[automatically_derived]
        impl #etl::Extractor for #name {
            type Out = #out;
            type Class = #class;
            type Needs = #needs;
            const DEFINITION: #etl::StageDefinition = #definition;

            fn open<'lent>(
                #pattern: #etl::LentToExtractor<'lent, Self>,
            ) -> impl ::core::future::Future<Output = #etl::Opening<'lent, Self>> + ::core::marker::Send + 'lent {
                #opened
            }
        }
        #assertions
    };
    Impls { tokens, names: true }
}
