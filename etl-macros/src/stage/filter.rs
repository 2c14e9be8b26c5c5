//! `#[filter]`: keeps or drops a record.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};

use super::Stage;
use crate::options::Side;
use crate::role::Role;

pub(super) fn impls(stage: &Stage) -> TokenStream {
    let signature = &stage.signature;
    let (record, _) = signature.record();
    let name = stage.name();
    let at = stage.at();
    let etl = stage.ctx.runtime_at(at);

    let (nameable, known) = stage.returned(&signature.returned.nameable(&TokenStream::new()), "filters");
    let error = quote_spanned!(at=> <#nameable as #etl::stage::FilterReturn>::Error);
    let asked = quote_spanned!(at=> <#nameable as #etl::stage::FilterReturn>::keeps);
    let classes = quote_spanned!(at=> #etl::__private::transform_classes::<#name>());
    let way = Ident::new(if signature.is_async { "FilterAsync" } else { "FilterPlain" }, at);

    let (lent, looked_at) = (stage.local("lent"), stage.local("record"));
    let pattern = stage.lent_pattern();
    let call = stage.call(&looked_at.to_token_stream(), &TokenStream::new());
    let kept = quote_spanned!(at=> ::core::result::Result<bool, <Self as #etl::stage::Transform>::Error>);
    let keeps = if signature.is_async {
        let body = stage.future(&call, &asked);
        quote_spanned! {at=>
            fn keeps<'lent, 'fed>(
                #lent: #etl::stage::Lent<'lent, <Self as #etl::stage::Transform>::Needs>,
                #looked_at: &'fed <Self as #etl::stage::Transform>::In,
            ) -> impl ::core::future::Future<Output = #kept> + ::core::marker::Send {
                let #pattern = #lent;
                #body
            }
        }
    } else {
        quote_spanned! {at=>
            #[inline]
            fn keeps(
                #lent: #etl::stage::Lent<'_, <Self as #etl::stage::Transform>::Needs>,
                #looked_at: &<Self as #etl::stage::Transform>::In,
            ) -> #kept {
                let #pattern = #lent;
                #asked(#call)
            }
        }
    };
    let needs = stage.needs();
    let guard = stage.guard(Side::Input, &quote_spanned!(at=> <#name as #etl::stage::Transform>::In));
    let definition = stage.definition(Role::Filter, &classes);
    let assertions = stage.assertions(&classes);
    quote_spanned! {at=>
        #known
        #[automatically_derived]
        impl #etl::stage::Transform for #name {
            type In = #record;
            type Out = <Self as #etl::stage::Transform>::In;
            type Error = #error;
            type Needs = #needs;
            type State = ();
            type InputGuard = #guard;
            type OutputGuard = #etl::stage::Unchecked;
            type Way = #etl::stage::ways::#way;
            const DEFINITION: #etl::stage::StageDefinition = #definition;
        }
        #[automatically_derived]
        impl #etl::stage::#way for #name {
            #keeps
        }
        #assertions
    }
}
