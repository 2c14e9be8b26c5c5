//! `#[loader]`: writes records to a target, in its transaction or on its own.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};

use super::{Impls, Stage};
use super::common::text;
use crate::ctx::{first_span, mixed_at, with_static_lifetimes};
use crate::messages;
use crate::options::{Side, Value};
use crate::role::Role;
use crate::signature::Takes;

/// That the fields of the key are fields of the record. The compiler's own words are best: it knows
/// the record's fields.
fn key(stage: &Stage, record: &syn::Type) -> Option<TokenStream> {
    let Value::Key(fields) = &stage.options.get("idempotent")?.value else { return None };
    let looked_at = stage.local("record");
    let looks = fields.iter().map(|field| {
        // The user's own span: the compiler suggests a similar name only for what the user wrote.
        quote_spanned!(mixed_at(field.span())=> let _ = &#looked_at.#field;)
    });
    let at = stage.at();
    Some(quote_spanned!(at=> const _: fn(&#record) = |#looked_at| { #(#looks)* };))
}

pub(super) fn impls(stage: &Stage) -> Impls {
    let signature = &stage.signature;
    let (record, takes) = signature.record();
    let name = stage.name();
    let at = stage.at();
    let etl = stage.etl(at);

    let (nameable, known) = stage.returned(&signature.returned.nameable(&TokenStream::new()), "loads");
    let error = quote_spanned!(at=> <#nameable as #etl::LoadReturn>::Error);
    let asked = quote_spanned!(at=> <#nameable as #etl::LoadReturn>::loaded);
    let classes = quote_spanned!(at=> #etl::loader_classes::<#name>());

    let (lent, records, transaction) = (stage.local("lent"), stage.local("records"), stage.local("transaction"));
    let pattern = stage.lent_pattern();
    let need_types = signature.needs.iter().map(|need| with_static_lifetimes(need.to_token_stream()));
    let (target, needs, target_body, pattern, transacts) = match &signature.mutable {
        Some(transaction) => {
            let at = mixed_at(first_span(transaction));
            let etl = stage.etl(at);
            let transaction = with_static_lifetimes(transaction.to_token_stream());
            let (transaction, transacts) = stage.known("Transaction", at, &transaction, "transacts");
            let target = quote_spanned!(at=> <#transaction as #etl::Transaction>::Target);
            let needs = quote_spanned!(at=> (#target, #(#need_types,)*));
            let parts = pattern.into_iter().next().map(|group| match group {
                proc_macro2::TokenTree::Group(group) => group.stream(),
                other => other.into(),
            });
            (target, needs, quote_spanned!(at=> #lent.0), quote_spanned!(at=> (_, #parts)), Some(transacts))
        }
        None => {
            let target = quote_spanned!(at=> #etl::Untargeted);
            (target, stage.needs(), quote_spanned!(at=> { let _ = #lent; &#etl::UNTARGETED }), pattern, None)
        }
    };

    let class = match stage.options.get("idempotent") {
        Some(_) => quote_spanned!(at=> #etl::Keyed),
        None => quote_spanned!(at=> <#target as #etl::Target>::Class),
    };

    let argument = if takes == Takes::RecordLent { quote_spanned!(at=> &#records[0]) } else { records.to_token_stream() };
    let call = stage.call(&argument, &transaction.to_token_stream());
    let given = if signature.mutable.is_some() { transaction.to_token_stream() } else { quote_spanned!(at=> _) };
    let body = stage.future(&call, &asked);
    let guard = stage
        .guard(Side::Input, &quote_spanned!(at=> <#name as #etl::Loader>::In))
        .unwrap_or_else(|| quote_spanned!(at=> #etl::Unchecked));
    let definition = stage.definition(Role::Loader, None);
    let mut assertions = stage.assertions(&classes);
    if signature.mutable.is_none() && takes == Takes::BatchLent {
        let message = text(&messages::whole_batch_rejects(&name.to_string()), at);
        assertions.extend(quote_spanned! {at=>
            const _: () = #etl::demand(
                <#nameable as #etl::LoadReturn>::PER_RECORD || !#classes.contains(#etl::Class::Reject),
                #message,
            );
        });
    }
    assertions.extend(key(stage, record));
    if let Some(Value::Count(batch)) = stage.options.get("batch").map(|entry| &entry.value) {
        let at = mixed_at(batch.span());
        let etl = stage.etl(at);
        let (message, batch) = (text(messages::too_many_values(), at), batch.tokens());
        assertions.extend(quote_spanned! {at=>
            const _: () = #etl::demand(<#name as #etl::Loader>::DEFINITION.fits_batch(#batch), #message);
        });
    }
    let tokens = quote_spanned! {at=>
        #known
        #transacts
        #[automatically_derived]
        impl #etl::Loader for #name {
            type In = #record;
            type Target = #target;
            type Class = #class;
            type Error = #error;
            type Needs = #needs;
            type InputGuard = #guard;
            const DEFINITION: #etl::StageDefinition = #definition;

            fn target<'lent>(
                #lent: #etl::LentToLoader<'lent, Self>,
            ) -> &'lent #target {
                #target_body
            }

            fn load<'lent, 'records, 'open>(
                #pattern: #etl::LentToLoader<'lent, Self>,
                #records: &'records [#record],
                #given: &'records mut #etl::TransactionOf<'open, Self>,
            ) -> impl ::core::future::Future<Output = #etl::LoadEnded<Self>> + ::core::marker::Send + use<'lent, 'records, 'open> {
                #body
            }
        }
        #assertions
    };
    Impls { tokens, names: true }
}
