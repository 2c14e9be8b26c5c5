//! `#[loader]`: writes records to a target, in its transaction or on its own.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};

use super::Stage;
use super::common::text;
use crate::ctx::{first_span, gathered, mixed_at, with_static_lifetimes};
use crate::messages;
use crate::options::Side;
use crate::role::Role;
use crate::signature::Takes;

pub(super) fn impls(stage: &Stage) -> TokenStream {
    let signature = &stage.signature;
    let (record, takes) = signature.record();
    let name = stage.name();
    let at = stage.at();
    let etl = stage.ctx.runtime_at(at);

    let nameable = signature.returned.nameable(&TokenStream::new());
    let error = quote_spanned!(at=> <#nameable as #etl::stage::LoadReturn>::Error);
    let asked = quote_spanned!(at=> <#nameable as #etl::stage::LoadReturn>::loaded);
    let classes = quote_spanned!(at=> #etl::__private::loader_classes::<#name>());

    let (lent, records, transaction) = (stage.local("lent"), stage.local("records"), stage.local("transaction"));
    let pattern = stage.lent_pattern();
    let need_types = signature.needs.iter().map(|need| with_static_lifetimes(need.to_token_stream()));
    let (target, needs, target_body, pattern, bound) = match &signature.mutable {
        Some(transaction) => {
            let at = mixed_at(first_span(transaction));
            let etl = stage.ctx.runtime_at(at);
            let transaction = gathered(with_static_lifetimes(transaction.to_token_stream()), at);
            let target = quote_spanned!(at=> <#transaction as #etl::target::Transaction>::Target);
            let needs = quote_spanned!(at=> (#target, #(#need_types,)*));
            let parts = pattern.into_iter().next().map(|group| match group {
                proc_macro2::TokenTree::Group(group) => group.stream(),
                other => other.into(),
            });
            // The bound says in one place what would else be asked wherever the target comes up.
            let bound = quote_spanned!(at=> where #transaction: #etl::target::Transaction);
            (target, needs, quote_spanned!(at=> #lent.0), quote_spanned!(at=> (_, #parts)), Some(bound))
        }
        None => {
            let target = quote_spanned!(at=> #etl::target::Untargeted);
            (target, signature.needs_tuple(), quote_spanned!(at=> { let _ = #lent; &#etl::target::UNTARGETED }), pattern, None)
        }
    };

    let argument = if takes == Takes::RecordLent { quote_spanned!(at=> &#records[0]) } else { records.to_token_stream() };
    let call = stage.call(&argument, &transaction.to_token_stream());
    let ignored = signature.mutable.is_none().then(|| quote_spanned!(at=> let _ = #transaction;));
    let body = stage.future(&call, &asked);
    let guard = stage.guard(Side::Input);
    let definition = stage.definition(Role::Loader, &classes);
    let mut assertions = stage.assertions(&classes);
    if signature.mutable.is_none() && takes == Takes::BatchLent {
        let message = text(&messages::whole_batch_rejects(&name.to_string()), at);
        assertions.extend(quote_spanned! {at=>
            const _: () = #etl::__private::demand(
                <#nameable as #etl::stage::LoadReturn>::PER_RECORD || !#classes.contains(#etl::error::Class::Reject),
                #message,
            );
        });
    }
    quote_spanned! {at=>
        #[automatically_derived]
        impl #etl::stage::Loader for #name #bound {
            type In = #record;
            type Target = #target;
            type Error = #error;
            type Needs = #needs;
            type InputGuard = #guard;
            const DEFINITION: #etl::stage::StageDefinition = #definition;

            fn target<'lent>(
                #lent: #etl::stage::Lent<'lent, <Self as #etl::stage::Loader>::Needs>,
            ) -> &'lent <Self as #etl::stage::Loader>::Target {
                #target_body
            }

            fn load<'lent, 'records, 'open>(
                #lent: #etl::stage::Lent<'lent, <Self as #etl::stage::Loader>::Needs>,
                #records: &'records [<Self as #etl::stage::Loader>::In],
                #transaction: &'records mut #etl::stage::TransactionOf<'open, Self>,
            ) -> impl ::core::future::Future<
                Output = #etl::stage::Loaded<<Self as #etl::stage::Loader>::Error>,
            > + ::core::marker::Send + use<'lent, 'records, 'open> {
                let #pattern = #lent;
                #ignored
                #body
            }
        }
        #assertions
    }
}
