//! `#[transform]`: one record or one batch in, any number out.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};

use super::Stage;
use crate::ctx::{mixed_at, with_static_lifetimes};
use crate::options::Side;
use crate::role::Role;

pub(super) fn impls(stage: &Stage) -> TokenStream {
    let signature = &stage.signature;
    let (record, takes) = signature.record();
    let name = stage.name();
    let at = stage.at();
    let etl = stage.ctx.runtime_at(at);

    let hidden = signature.returned.hidden.as_ref().map(|hidden| {
        let item = with_static_lifetimes(hidden.item.to_token_stream());
        quote_spanned!(at=> ::std::vec::Vec<#item>)
    });
    let (asked, witness) = if takes.is_batch() { ("BatchReturn", "transforms_batches") } else { ("StageReturn", "transforms") };
    let (nameable, known) = stage.returned(&signature.returned.nameable(&hidden.unwrap_or_default()), witness);
    let asked = Ident::new(asked, at);
    let returns = |what: &str| {
        let what = Ident::new(what, at);
        quote_spanned!(at=> <#nameable as #etl::stage::#asked>::#what)
    };
    let (out, error) = (returns("Record"), returns("Error"));
    let classes = quote_spanned!(at=> #etl::__private::transform_classes::<#name>());

    let needs = stage.needs();
    let state = signature.mutable.as_ref().map_or_else(|| quote_spanned!(at=> ()), ToTokens::to_token_stream);
    let side = |what: &str| {
        let what = Ident::new(what, at);
        quote_spanned!(at=> <#name as #etl::stage::Transform>::#what)
    };
    let (input_guard, output_guard) = (stage.guard(Side::Input, &side("In")), stage.guard(Side::Output, &side("Out")));
    let way = way(stage);
    let definition = stage.definition(Role::Transform, &classes);
    let calls = if takes.is_batch() { batch(stage, &nameable) } else { each(stage, &nameable) };
    let assertions = stage.assertions(&classes);
    quote_spanned! {at=>
        #known
        #[automatically_derived]
        impl #etl::stage::Transform for #name {
            type In = #record;
            type Out = #out;
            type Error = #error;
            type Needs = #needs;
            type State = #state;
            type InputGuard = #input_guard;
            type OutputGuard = #output_guard;
            type Way = #etl::stage::ways::#way;
            const DEFINITION: #etl::stage::StageDefinition = #definition;
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
    let etl = stage.ctx.runtime_at(at);
    let feed = Ident::new(if takes.is_lent() || stage.is_retried() { "Borrowed" } else { "Owned" }, at);
    quote_spanned!(at=> #etl::stage::#feed)
}

/// What the function is called with, from what it is fed with.
fn argument(stage: &Stage, fed: &Ident) -> TokenStream {
    let (record, takes) = stage.signature.record();
    if takes.is_lent() || !stage.is_retried() {
        return fed.to_token_stream();
    }
    let span = mixed_at(crate::ctx::first_span(record));
    let etl = stage.ctx.runtime_at(span);
    let clone = Ident::new(if takes.is_batch() { "all_retained" } else { "retained" }, span);
    quote_spanned!(span=> #etl::__private::#clone::<#record>(#fed))
}

fn each(stage: &Stage, nameable: &Ident) -> TokenStream {
    let signature = &stage.signature;
    let returned = &signature.returned;
    let name = stage.name();
    let at = stage.at();
    let etl = stage.ctx.runtime_at(at);

    let feed = feed(stage);
    let (lent, record, state, out) = (stage.local("lent"), stage.local("record"), stage.local("state"), stage.local("out"));
    let pattern = stage.lent_pattern();
    let call = stage.call(&argument(stage, &record), &state.to_token_stream());
    let wrapper = quote_spanned!(at=> #etl::stage::Each);
    // A type that can be named is asked by name, so that all complaints about it are one.
    let asked = if returned.hidden.is_some() {
        quote_spanned!(at=> #etl::stage::StageReturn::emit)
    } else {
        quote_spanned!(at=> <#nameable as #etl::stage::StageReturn>::emit)
    };
    if !signature.is_async {
        let made = returned.wrapped(call, &wrapper);
        let body = quote_spanned!(at=> #asked(#made, #out));
        let ignored = signature.mutable.is_none().then(|| quote_spanned!(at=> let _ = #state;));
        return quote_spanned! {at=>
            #[automatically_derived]
            impl #etl::stage::EachPlain for #name {
                type Feed = #feed;

                #[inline]
                fn call(
                    #lent: #etl::stage::Lent<'_, <Self as #etl::stage::Transform>::Needs>,
                    #state: &mut <Self as #etl::stage::Transform>::State,
                    #record: <<Self as #etl::stage::EachPlain>::Feed as #etl::stage::Feed<<Self as #etl::stage::Transform>::In>>::Arg<'_>,
                    #out: &mut ::std::vec::Vec<<Self as #etl::stage::Transform>::Out>,
                ) -> ::core::result::Result<(), <Self as #etl::stage::Transform>::Error> {
                    let #pattern = #lent;
                    #ignored
                    #body
                }
            }
        };
    }
    let body = if returned.hidden.is_some() { stage.future(&call, &returned.wrapper(&wrapper)) } else { call };
    let output = if returned.hidden.is_some() {
        quote_spanned! {at=>
            impl #etl::stage::StageReturn<
                Record = <Self as #etl::stage::Transform>::Out,
                Error = <Self as #etl::stage::Transform>::Error,
            > + ::core::marker::Send
        }
    } else {
        nameable.to_token_stream()
    };
    let (how, state) = if signature.mutable.is_some() {
        ("EachAsyncStateful", Some(quote_spanned!(at=> #state: &'fed mut <Self as #etl::stage::Transform>::State,)))
    } else {
        ("EachAsync", None)
    };
    let how = Ident::new(how, at);
    quote_spanned! {at=>
        #[automatically_derived]
        impl #etl::stage::#how for #name {
            type Feed = #feed;

            #[allow(refining_impl_trait)]
            fn call<'lent, 'fed>(
                #lent: #etl::stage::Lent<'lent, <Self as #etl::stage::Transform>::Needs>,
                #state
                #record: <<Self as #etl::stage::#how>::Feed as #etl::stage::Feed<<Self as #etl::stage::Transform>::In>>::Arg<'fed>,
            ) -> impl ::core::future::Future<
                Output = #output,
            > + ::core::marker::Send {
                let #pattern = #lent;
                #body
            }
        }
    }
}

fn batch(stage: &Stage, nameable: &Ident) -> TokenStream {
    let signature = &stage.signature;
    let name = stage.name();
    let at = stage.at();
    let etl = stage.ctx.runtime_at(at);

    let feed = feed(stage);
    let (lent, records, state) = (stage.local("lent"), stage.local("records"), stage.local("state"));
    let pattern = stage.lent_pattern();
    let call = stage.call(&argument(stage, &records), &state.to_token_stream());
    let asked = quote_spanned!(at=> <#nameable as #etl::stage::BatchReturn>::outcomes);
    let outcomes = quote_spanned! {at=>
        ::core::result::Result<
            #etl::stage::Batch<<Self as #etl::stage::Transform>::Out, <Self as #etl::stage::Transform>::Error>,
            <Self as #etl::stage::Transform>::Error,
        >
    };
    let ignored = signature.mutable.is_none().then(|| quote_spanned!(at=> let _ = #state;));
    if signature.is_async {
        let body = stage.future(&call, &asked);
        return quote_spanned! {at=>
            #[automatically_derived]
            impl #etl::stage::BatchAsync for #name {
                type Feed = #feed;

                fn call<'lent, 'fed>(
                    #lent: #etl::stage::Lent<'lent, <Self as #etl::stage::Transform>::Needs>,
                    #state: &'fed mut <Self as #etl::stage::Transform>::State,
                    #records: <<Self as #etl::stage::BatchAsync>::Feed as #etl::stage::FeedBatch<<Self as #etl::stage::Transform>::In>>::Arg<'fed>,
                ) -> impl ::core::future::Future<Output = #outcomes> + ::core::marker::Send {
                    let #pattern = #lent;
                    #ignored
                    #body
                }
            }
        };
    }
    quote_spanned! {at=>
        #[automatically_derived]
        impl #etl::stage::BatchPlain for #name {
            type Feed = #feed;

            fn call(
                #lent: #etl::stage::Lent<'_, <Self as #etl::stage::Transform>::Needs>,
                #state: &mut <Self as #etl::stage::Transform>::State,
                #records: <<Self as #etl::stage::BatchPlain>::Feed as #etl::stage::FeedBatch<<Self as #etl::stage::Transform>::In>>::Arg<'_>,
            ) -> #outcomes {
                let #pattern = #lent;
                #ignored
                #asked(#call)
            }
        }
    }
}
