//! `#[filter]`: keeps or drops a record.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};

use super::Stage;
use crate::ctx::runtime_at;
use crate::options::Side;
use crate::role::Role;

pub(super) fn impls(stage: &Stage) -> TokenStream {
    let signature = &stage.signature;
    let (record, _) = signature.record();
    let name = stage.name();
    let at = stage.at();
    let etl = runtime_at(at);

    let (nameable, known) = stage.returned(&signature.returned.nameable(&TokenStream::new()), "filters");
    let error = quote_spanned!(at=> <#nameable as #etl::FilterReturn>::Error);
    let asked = quote_spanned!(at=> <#nameable as #etl::FilterReturn>::keeps);
    let classes = quote_spanned!(at=> #etl::transform_classes::<#name>());
    let way = Ident::new(if signature.is_async { "FilterAsync" } else { "FilterPlain" }, at);

    let looked_at = stage.local("record");
    let pattern = stage.lent_pattern();
    let call = stage.call(&looked_at.to_token_stream(), &TokenStream::new());
    let kept = quote_spanned!(at=> #etl::Ended<Self, ::core::primitive::bool>);
    let keeps = if signature.is_async {
        let body = stage.future(&call, &asked);
        quote_spanned! {at=>
            fn keeps<'lent, 'fed>(
                #pattern: #etl::LentTo<'lent, Self>,
                #looked_at: &'fed #record,
            ) -> impl ::core::future::Future<Output = #kept> + ::core::marker::Send {
                #body
            }
        }
    } else {
        quote_spanned! {at=>
            #[inline]
            fn keeps(
                #pattern: #etl::LentTo<'_, Self>,
                #looked_at: &#record,
            ) -> #kept {
                #asked(#call)
            }
        }
    };
    let needs = stage.needs();
    let guard = stage.guard(Side::Input, &quote_spanned!(at=> <#name as #etl::Transform>::In));
    let definition = stage.definition(Role::Filter, None);
    let assertions = stage.assertions(&classes);
    quote_spanned! {at=>
        #known
        #[automatically_derived]
        impl #etl::Transform for #name {
            type In = #record;
            type Out = <Self as #etl::Transform>::In;
            type Error = #error;
            type Needs = #needs;
            type State = ();
            type InputGuard = #guard;
            type OutputGuard = #etl::Unchecked;
            type Way = #etl::ways::#way;
            const DEFINITION: #etl::StageDefinition = #definition;
        }
        #[automatically_derived]
        impl #etl::#way for #name {
            #keeps
        }
        #assertions
    }
}
