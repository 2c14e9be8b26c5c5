//! `#[transform]`: one record or one batch in, any number out.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};

use super::Stage;
use crate::ctx::{mixed_at, runtime_at, with_static_lifetimes};
use crate::options::Side;
use crate::role::Role;

pub(super) fn impls(stage: &Stage) -> TokenStream {
    let signature = &stage.signature;
    let (record, takes) = signature.record();
    let name = stage.name();
    let at = stage.at();
    let etl = runtime_at(at);

    let hidden = signature.returned.hidden.as_ref().map(|hidden| {
        let item = with_static_lifetimes(hidden.item.to_token_stream());
        quote_spanned!(at=> ::std::vec::Vec<#item>)
    });
    let (asked, witness) = if takes.is_batch() { ("BatchReturn", "transforms_batches") } else { ("StageReturn", "transforms") };
    let (nameable, known) = stage.returned(&signature.returned.nameable(&hidden.unwrap_or_default()), witness);
    let asked = Ident::new(asked, at);
    let returns = |what: &str| {
        let what = Ident::new(what, at);
        quote_spanned!(at=> <#nameable as #etl::#asked>::#what)
    };
    let (out, error) = (returns("Record"), returns("Error"));
    let classes = quote_spanned!(at=> #etl::transform_classes::<#name>());

    let needs = stage.needs();
    let state = signature.mutable.as_ref().map_or_else(|| quote_spanned!(at=> ()), ToTokens::to_token_stream);
    let side = |what: &str| {
        let what = Ident::new(what, at);
        quote_spanned!(at=> <#name as #etl::Transform>::#what)
    };
    let (input_guard, output_guard) = (stage.guard(Side::Input, &side("In")), stage.guard(Side::Output, &side("Out")));
    let way = way(stage);
    let definition = stage.definition(Role::Transform, None);
    let calls = if takes.is_batch() { batch(stage, &nameable) } else { each(stage, &nameable) };
    let assertions = stage.assertions(&classes);
    quote_spanned! {at=>
        #known
        #[automatically_derived]
        impl #etl::Transform for #name {
            type In = #record;
            type Out = #out;
            type Error = #error;
            type Needs = #needs;
            type State = #state;
            type InputGuard = #input_guard;
            type OutputGuard = #output_guard;
            type Way = #etl::ways::#way;
            const DEFINITION: #etl::StageDefinition = #definition;
        }
        #calls
        #assertions
    }
}

/// How the engine runs the stage.
fn way(stage: &Stage) -> Ident {
    let signature = &stage.signature;
    let (_, takes) = signature.record();
    let again = takes.is_lent() || stage.is_retried();
    let way = match (takes.is_batch(), signature.is_async, signature.mutable.is_some(), again) {
        (true, false, ..) => "BatchPlain",
        (true, true, ..) => "BatchAsync",
        (false, false, _, false) => "PlainOnce",
        (false, false, _, true) => "PlainAgain",
        (false, true, false, false) => "AsyncOnce",
        (false, true, false, true) => "AsyncAgain",
        (false, true, true, false) => "AsyncStatefulOnce",
        (false, true, true, true) => "AsyncStatefulAgain",
    };
    Ident::new(way, stage.at())
}

/// How the function is fed. A function that takes its record away and may be called again gets a
/// clone; the engine keeps the original, as if it were lent.
fn feed(stage: &Stage) -> TokenStream {
    let (_, takes) = stage.signature.record();
    let at = stage.at();
    let etl = runtime_at(at);
    let feed = Ident::new(if takes.is_lent() || stage.is_retried() { "Borrowed" } else { "Owned" }, at);
    quote_spanned!(at=> #etl::#feed)
}

/// What the function is called with, from what it is fed with.
fn argument(stage: &Stage, fed: &Ident) -> TokenStream {
    let (record, takes) = stage.signature.record();
    if takes.is_lent() || !stage.is_retried() {
        return fed.to_token_stream();
    }
    let span = mixed_at(crate::ctx::first_span(record));
    let etl = runtime_at(span);
    let clone = Ident::new(if takes.is_batch() { "all_retained" } else { "retained" }, span);
    quote_spanned!(span=> #etl::#clone::<#record>(#fed))
}

/// The name of the state, or nothing where the function keeps none.
fn keeps_or_ignores(stage: &Stage, state: &Ident) -> TokenStream {
    if stage.signature.mutable.is_some() { state.to_token_stream() } else { quote_spanned!(stage.at()=> _) }
}

fn each(stage: &Stage, nameable: &Ident) -> TokenStream {
    let signature = &stage.signature;
    let returned = &signature.returned;
    let name = stage.name();
    let at = stage.at();
    let etl = runtime_at(at);

    let feed = feed(stage);
    let (record, state, out) = (stage.local("record"), stage.local("state"), stage.local("out"));
    let pattern = stage.lent_pattern();
    let call = stage.call(&argument(stage, &record), &state.to_token_stream());
    let wrapper = quote_spanned!(at=> #etl::Each);
    // A type that can be named is asked by name, so that all complaints about it are one.
    let asked = if returned.hidden.is_some() {
        quote_spanned!(at=> #etl::StageReturn::emit)
    } else {
        quote_spanned!(at=> <#nameable as #etl::StageReturn>::emit)
    };
    if !signature.is_async {
        let made = returned.wrapped(call, &wrapper);
        let body = quote_spanned!(at=> #asked(#made, #out));
        let state = keeps_or_ignores(stage, &state);
        return quote_spanned! {at=>
            #[automatically_derived]
            impl #etl::EachPlain for #name {
                type Feed = #feed;

                #[inline]
                fn call(
                    #pattern: #etl::LentTo<'_, Self>,
                    #state: &mut #etl::StateOf<Self>,
                    #record: #etl::Fed<'_, #feed, Self>,
                    #out: &mut #etl::OutOf<Self>,
                ) -> #etl::Ended<Self> {
                    #body
                }
            }
        };
    }
    let body = if returned.hidden.is_some() { stage.future(&call, &returned.wrapper(&wrapper)) } else { call };
    let output = if returned.hidden.is_some() {
        quote_spanned! {at=>
            impl #etl::StageReturn<
                Record = <Self as #etl::Transform>::Out,
                Error = <Self as #etl::Transform>::Error,
            > + ::core::marker::Send
        }
    } else {
        nameable.to_token_stream()
    };
    let (how, state) = if signature.mutable.is_some() {
        ("EachAsyncStateful", Some(quote_spanned!(at=> #state: &'fed mut #etl::StateOf<Self>,)))
    } else {
        ("EachAsync", None)
    };
    let how = Ident::new(how, at);
    quote_spanned! {at=>
        #[automatically_derived]
        impl #etl::#how for #name {
            type Feed = #feed;

            #[allow(refining_impl_trait)]
            fn call<'lent, 'fed>(
                #pattern: #etl::LentTo<'lent, Self>,
                #state
                #record: #etl::Fed<'fed, #feed, Self>,
            ) -> impl ::core::future::Future<Output = #output> + ::core::marker::Send {
                #body
            }
        }
    }
}

fn batch(stage: &Stage, nameable: &Ident) -> TokenStream {
    let signature = &stage.signature;
    let name = stage.name();
    let at = stage.at();
    let etl = runtime_at(at);

    let feed = feed(stage);
    let (records, state) = (stage.local("records"), stage.local("state"));
    let pattern = stage.lent_pattern();
    let call = stage.call(&argument(stage, &records), &state.to_token_stream());
    let asked = quote_spanned!(at=> <#nameable as #etl::BatchReturn>::outcomes);
    let state = keeps_or_ignores(stage, &state);
    if signature.is_async {
        let body = stage.future(&call, &asked);
        return quote_spanned! {at=>
            #[automatically_derived]
            impl #etl::BatchAsync for #name {
                type Feed = #feed;

                fn call<'lent, 'fed>(
                    #pattern: #etl::LentTo<'lent, Self>,
                    #state: &'fed mut #etl::StateOf<Self>,
                    #records: #etl::FedBatch<'fed, #feed, Self>,
                ) -> impl ::core::future::Future<Output = #etl::BatchEnded<Self>> + ::core::marker::Send {
                    #body
                }
            }
        };
    }
    quote_spanned! {at=>
        #[automatically_derived]
        impl #etl::BatchPlain for #name {
            type Feed = #feed;

            fn call(
                #pattern: #etl::LentTo<'_, Self>,
                #state: &mut #etl::StateOf<Self>,
                #records: #etl::FedBatch<'_, #feed, Self>,
            ) -> #etl::BatchEnded<Self> {
                #asked(#call)
            }
        }
    }
}
