//! `#[transform]`: one record or one batch in, any number out.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};

use super::{Impls, Stage};
use crate::ctx::{mixed_at, with_static_lifetimes};
use crate::options::Side;
use crate::role::Role;

pub(super) fn impls(stage: &Stage) -> Impls {
    let signature = &stage.signature;
    let (record, takes) = signature.record();
    let name = stage.name();
    let at = stage.at();
    let etl = stage.etl(at);

    let hidden = signature.returned.hidden.as_ref().map(|hidden| {
        let item = with_static_lifetimes(hidden.item.to_token_stream());
        quote_spanned!(at=> ::std::vec::Vec<#item>)
    });
    let (asked, witness) = if takes.is_batch() { ("BatchReturn", "transforms_batches") } else { ("StageReturn", "transforms") };
    let returned = signature.returned.nameable(&hidden.unwrap_or_default());
    // The rules on it say the type once more.
    let (returned, known) = if stage.options.validates(Side::Output).is_some() {
        let (name, known) = stage.returned(&returned, witness);
        (name.to_token_stream(), Some(known))
    } else {
        (returned, None)
    };
    let asked = Ident::new(asked, at);
    let classes = quote_spanned!(at=> #etl::transform_classes::<#name>());

    let rules = [
        stage.guard(Side::Input, &record.to_token_stream()),
        stage.guard(Side::Output, &quote_spanned!(at=> <#returned as #etl::#asked>::Record)),
    ];
    let kept = signature.mutable.as_ref().map(ToTokens::to_token_stream);
    // Most stages have neither, and then these are what the type says by default.
    let extras = (kept.is_some() || rules.iter().any(Option::is_some)).then(|| {
        let kept = kept.unwrap_or_else(|| quote_spanned!(at=> ()));
        let [input, output] = rules.map(|guard| guard.unwrap_or_else(|| quote_spanned!(at=> #etl::Unchecked)));
        quote_spanned!(at=> , #kept, #input, #output)
    });
    let way = way(stage);
    let (of, feed) = match (takes.is_batch(), &signature.returned.hidden) {
        (true, _) => {
            let feed = feed(stage);
            ("BatchOf", Some(quote_spanned!(at=> #feed,)))
        }
        (false, Some(_)) if !signature.is_async => ("EachInto", None),
        (false, _) => ("EachOf", None),
    };
    let (of, needs) = (Ident::new(of, at), signature.needs_tuple());
    let shape = quote_spanned!(at=> #etl::#of<#etl::ways::#way, #feed #record, #returned, #needs #extras>);
    let shape = stage.known_shape(&shape, &returned, witness);
    let definition = stage.definition(Role::Transform, None);
    let (call, called) = match (signature.is_async, takes.is_batch()) {
        (false, _) => (Some(plain(stage)), None),
        (true, false) => (None, Some(each(stage))),
        (true, true) => (None, Some(batch(stage))),
    };
    let assertions = stage.assertions(&classes);
    // The signature says the type; whether serde can write it, its impls say.
    let codec = stage.signature.mutable.is_some().then(|| {
        quote_spanned! {at=>
            fn state_codec() -> ::core::option::Option<#etl::StateCodec<#etl::StateOf<Self>>> {
                #[allow(unused_imports)]
                use #etl::{ByCodec as _, WithoutCodec as _};
                (&#etl::CodecOf::<#etl::StateOf<Self>>::NEW).codec()
            }
        }
    });
    let compensation = stage.compensation();
    let noted = stage.noted();
    let tokens = quote_spanned! {at=>
        #known
        #[automatically_derived]
        impl #etl::Written for #name {
            type Shape = #shape;
            const DEFINITION: #etl::StageDefinition = #definition;
            #call
            #codec
            #compensation
        }
        #called
        #assertions
        #noted
    };
    Impls { tokens, names: known.is_some() }
}

/// The call of a plain `fn`.
fn plain(stage: &Stage) -> TokenStream {
    let at = stage.at();
    let etl = stage.etl(at);
    let (record, state, out) = (stage.local("record"), stage.local("state"), stage.local("out"));
    let call = stage.call(&argument(stage, &record), &state.to_token_stream());
    let (fed, body) = if stage.signature.returned.hidden.is_some() {
        let made = stage.signature.returned.wrapped(call, &quote_spanned!(at=> #etl::Each));
        (quote_spanned!(at=> (#record, #out)), quote_spanned!(at=> #etl::StageReturn::emit(#made, #out)))
    } else {
        (record.to_token_stream(), call)
    };
    stage.plain_call(&keeps_or_ignores(stage, &state), &fed, &body)
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
    let etl = stage.etl(at);
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
    let etl = stage.etl(span);
    let clone = Ident::new(if takes.is_batch() { "all_retained" } else { "retained" }, span);
    quote_spanned!(span=> #etl::#clone::<#record>(#fed))
}

/// The name of the state, or nothing where the function keeps none.
fn keeps_or_ignores(stage: &Stage, state: &Ident) -> TokenStream {
    if stage.signature.mutable.is_some() { state.to_token_stream() } else { quote_spanned!(stage.at()=> _) }
}

/// An `async fn` on single records.
fn each(stage: &Stage) -> TokenStream {
    let signature = &stage.signature;
    let returned = &signature.returned;
    let name = stage.name();
    let at = stage.at();
    let etl = stage.etl(at);

    let feed = feed(stage);
    let (record, state) = (stage.local("record"), stage.local("state"));
    let pattern = stage.lent_pattern();
    let call = stage.call(&argument(stage, &record), &state.to_token_stream());
    let wrapper = quote_spanned!(at=> #etl::Each);
    let body = if returned.hidden.is_some() { stage.future(&call, &returned.wrapper(&wrapper)) } else { call };
    let output = if returned.hidden.is_some() {
        quote_spanned! {at=>
            impl #etl::StageReturn<
                Record = <Self as #etl::Transform>::Out,
                Error = <Self as #etl::Transform>::Error,
            > + ::core::marker::Send
        }
    } else {
        quote_spanned!(at=> #etl::Returned<Self>)
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

/// An `async fn` on batches.
fn batch(stage: &Stage) -> TokenStream {
    let name = stage.name();
    let at = stage.at();
    let etl = stage.etl(at);

    let feed = feed(stage);
    let (records, state) = (stage.local("records"), stage.local("state"));
    let pattern = stage.lent_pattern();
    let call = stage.call(&argument(stage, &records), &state.to_token_stream());
    let asked = quote_spanned!(at=> <#etl::Returned<Self> as #etl::BatchReturn>::outcomes);
    let state = keeps_or_ignores(stage, &state);
    let body = stage.future(&call, &asked);
    quote_spanned! {at=>
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
    }
}
