//! The context of a pipeline: a struct that holds the settings and the resources.
//!
//! A resource may need the settings and what is listed before it, so there is one struct for each
//! step of the making, and fields move from one to the next. Nothing is an `Option`, and a resource
//! that needs a later one does not compile.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::ext::IdentExt;

use super::model::Pipeline;
use crate::ctx::{first_span, mixed_at, runtime_at, text_of};

/// What the rest of the expansion needs of the context.
pub(super) struct Context {
    /// The type that holds everything.
    pub(super) name: Ident,
    /// The types and their impls.
    pub(super) items: TokenStream,
    /// The body of `Pipeline::context`; the settings are in scope as `settings`.
    pub(super) make: TokenStream,
}

pub(super) fn expand(pipeline: &Pipeline, settings: &TokenStream) -> Context {
    let mixed = mixed_at(pipeline.name.span());
    let etl = runtime_at(mixed);
    let resources = &pipeline.resources;
    let step_name = |made: usize| {
        if made == resources.len() {
            format_ident!("{}Context", pipeline.name, span = mixed)
        } else {
            format_ident!("{}Context{made}", pipeline.name, span = mixed)
        }
    };
    let (given, value) = (local("__etl_settings"), local("__etl_value"));

    let mut items = TokenStream::new();
    let first = step_name(0);
    let mut make = quote_spanned!(mixed=> let __etl_context = #first { settings: #given };);
    for made in 0..=resources.len() {
        let name = step_name(made);
        items.extend(step(pipeline, &name, settings, made));
        if let Some(resource) = resources.get(made) {
            let span = first_span(resource);
            let etl = runtime_at(span);
            let next = step_name(made + 1);
            let (kept, field) = ((0..made).map(field), field(made));
            let moved = kept.map(|field| quote_spanned!(mixed=> #field: __etl_context.#field,));
            let making = quote_spanned! {span=>
                #etl::make::<(#resource), <#resource as #etl::Resource>::Needs, #name>
            };
            make.extend(quote_spanned! {mixed=>
                let #value = #making(&__etl_context).await?;
                let __etl_context = #next { settings: __etl_context.settings, #(#moved)* #field: #value };
            });
        }
    }
    make.extend(quote_spanned!(mixed=> ::core::result::Result::Ok::<_, #etl::Error>(__etl_context)));
    Context { name: step_name(resources.len()), items, make }
}

/// The struct after `made` resources are made, and what it lends.
fn step(pipeline: &Pipeline, name: &Ident, settings: &TokenStream, made: usize) -> TokenStream {
    let mixed = mixed_at(pipeline.name.span());
    let etl = runtime_at(mixed);
    let resources = &pipeline.resources[..made];
    let fields = resources.iter().enumerate().map(|(index, resource)| {
        let (field, kept) = (field(index), value(resource, "Kept"));
        quote_spanned!(mixed=> #field: #kept,)
    });
    let lends_settings = pipeline.settings.as_ref().map(|_| provides(name, settings, &local("settings")));
    let lends = resources.iter().enumerate().map(|(index, resource)| {
        let value = value(resource, "Value");
        provides(name, &value, &field(index))
    });
    quote_spanned! {mixed=>
        #[allow(dead_code, missing_debug_implementations, unreachable_pub)]
        pub struct #name {
            settings: #settings,
            #(#fields)*
        }
        #[automatically_derived]
        impl #etl::Context for #name {}
        #lends_settings
        #(#lends)*
    }
}

fn provides(name: &Ident, ty: &TokenStream, field: &Ident) -> TokenStream {
    let span = mixed_at(first_span(ty));
    let etl = runtime_at(span);
    quote_spanned! {span=>
        #[automatically_derived]
        impl #etl::Provides<#ty> for #name {
            #[inline]
            fn get(&self) -> &#ty {
                &self.#field
            }
        }
    }
}

/// The type that a resource lends, as its value or as what the context keeps.
fn value(resource: &syn::Path, what: &str) -> TokenStream {
    let span = first_span(resource);
    let etl = runtime_at(span);
    let what = Ident::new(what, span);
    quote_spanned!(span=> <#resource as #etl::Resource>::#what)
}

fn field(index: usize) -> Ident {
    format_ident!("resource_{index}", span = Span::mixed_site())
}

fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// The names of the resources, for the plan.
pub(super) fn names(pipeline: &Pipeline) -> Vec<String> {
    pipeline
        .resources
        .iter()
        .map(|path| path.segments.last().map_or_else(|| text_of(path.to_token_stream()), |last| last.ident.unraw().to_string()))
        .collect()
}
