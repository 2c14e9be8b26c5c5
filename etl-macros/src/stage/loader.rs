//! `#[loader]`: writes records to a target, in its transaction or on its own.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};

use super::common::text;
use super::{Impls, Stage};
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
    match &stage.signature.mutable {
        Some(transaction) => transacting(stage, transaction),
        None => alone(stage),
    }
}

/// A loader that writes on its own.
fn alone(stage: &Stage) -> Impls {
    let signature = &stage.signature;
    let (record, _) = signature.record();
    let name = stage.name();
    let at = stage.at();
    let etl = stage.etl(at);

    let returned = signature.returned.nameable(&TokenStream::new());
    let nameable = quote_spanned!(at=> #etl::LoadedBy<#name>);
    let records = stage.local("records");
    let call = stage.call(&argument(stage, &records), &TokenStream::new());
    let body = stage.future(&call, &quote_spanned!(at=> <#nameable as #etl::LoadReturn>::loaded));
    let guard = stage.guard(Side::Input, &record.to_token_stream());
    let keyed = stage.options.get("idempotent").map(|_| quote_spanned!(at=> , #etl::Keyed));
    // Most loaders have neither, and then these are what the type says by default.
    let extras = (guard.is_some() || keyed.is_some()).then(|| {
        let guard = guard.unwrap_or_else(|| quote_spanned!(at=> #etl::Unchecked));
        quote_spanned!(at=> , #guard #keyed)
    });
    let needs = signature.needs_tuple();
    let shape = quote_spanned!(at=> #etl::LoaderOf<#record, #returned, #needs #extras>);
    let shape = stage.known_shape(&shape, &returned, "loads");
    let pattern = stage.lent_pattern();
    let definition = stage.definition(Role::Loader, None);
    let assertions = assertions(stage, &nameable);
    let tokens = quote_spanned! {at=>
        #[automatically_derived]
        impl #etl::WrittenLoader for #name {
            type Shape = #shape;
            const DEFINITION: #etl::StageDefinition = #definition;

            fn load<'lent, 'records>(
                #pattern: #etl::LentToLoader<'lent, Self>,
                #records: &'records [#record],
            ) -> impl ::core::future::Future<Output = #etl::LoadEnded<Self>> + ::core::marker::Send {
                #body
            }
        }
        #assertions
    };
    Impls { tokens, names: false }
}

/// A loader that writes in a transaction of its target.
fn transacting(stage: &Stage, transaction: &syn::Type) -> Impls {
    let signature = &stage.signature;
    let (record, _) = signature.record();
    let name = stage.name();
    let at = stage.at();
    let etl = stage.etl(at);

    let (nameable, known) = stage.returned(&signature.returned.nameable(&TokenStream::new()), "loads");
    let error = quote_spanned!(at=> <#nameable as #etl::LoadReturn>::Error);
    let (lent, records, given) = (stage.local("lent"), stage.local("records"), stage.local("transaction"));
    let need_types = signature.needs.iter().map(|need| with_static_lifetimes(need.to_token_stream()));
    let (target, needs, transacts) = {
        let at = mixed_at(first_span(transaction));
        let etl = stage.etl(at);
        let transaction = with_static_lifetimes(transaction.to_token_stream());
        let (transaction, transacts) = stage.known("Transaction", at, &transaction, "transacts");
        let target = quote_spanned!(at=> <#transaction as #etl::Transaction>::Target);
        let needs = quote_spanned!(at=> (#target, #(#need_types,)*));
        (target, needs, transacts)
    };
    let parts = stage.lent_pattern().into_iter().next().map(|group| match group {
        proc_macro2::TokenTree::Group(group) => group.stream(),
        other => other.into(),
    });
    let class = match stage.options.get("idempotent") {
        Some(_) => quote_spanned!(at=> #etl::Keyed),
        None => quote_spanned!(at=> <#target as #etl::Target>::Class),
    };
    let call = stage.call(&argument(stage, &records), &given.to_token_stream());
    let body = stage.future(&call, &quote_spanned!(at=> <#nameable as #etl::LoadReturn>::loaded));
    let guard = stage.guard(Side::Input, &record.to_token_stream()).unwrap_or_else(|| quote_spanned!(at=> #etl::Unchecked));
    let definition = stage.definition(Role::Loader, None);
    let mut assertions = assertions(stage, &nameable.to_token_stream());
    // Only a target knows how many values fit one statement.
    if let Some(Value::Count(batch)) = stage.options.get("batch").map(|entry| &entry.value) {
        let at = mixed_at(batch.span());
        let etl = stage.etl(at);
        let (message, batch) = (text(messages::too_many_values(), at), batch.tokens());
        assertions.extend(quote_spanned! {at=>
            const _: () = #etl::demand(<#name as #etl::Loader>::DEFINITION.fits_batch(#batch), #message);
        });
    }
    if let Some(Value::Count(lanes)) = stage.options.get("concurrency").map(|entry| &entry.value) {
        let at = mixed_at(lanes.span());
        let etl = stage.etl(at);
        let message = text(messages::one_transaction_at_a_time(), at);
        assertions.extend(quote_spanned! {at=>
            const _: () = #etl::demand(<#name as #etl::Loader>::DEFINITION.concurrent, #message);
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
                #lent.0
            }

            fn load<'lent, 'records, 'open>(
                (_, #parts): #etl::LentToLoader<'lent, Self>,
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

/// What the function is called with, of a slice of records.
fn argument(stage: &Stage, records: &proc_macro2::Ident) -> TokenStream {
    let (_, takes) = stage.signature.record();
    if takes == Takes::RecordLent { quote_spanned!(stage.at()=> &#records[0]) } else { records.to_token_stream() }
}

/// What must hold of the options and of what is returned.
fn assertions(stage: &Stage, nameable: &TokenStream) -> TokenStream {
    let signature = &stage.signature;
    let (record, takes) = signature.record();
    let name = stage.name();
    let at = stage.at();
    let etl = stage.etl(at);
    let classes = quote_spanned!(at=> #etl::loader_classes::<#name>());
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
    assertions
}
