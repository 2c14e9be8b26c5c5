//! The expansion: a type, its context, and a chain of calls that is at once the wiring and the
//! check.
//!
//! Every call names its stage in the role that the stage's place asks for, and every type argument
//! is spelt out with the stage's own tokens. So a stage in the wrong place, a record that does not
//! fit and a resource that is missing are one error each, at the stage's name.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};

use super::context;
use super::model::{Node, Pipeline, Place};
use crate::ctx::{first_span, mixed_at};
use crate::messages;

/// `sound` says that nothing was reported: only then can the flow be wired.
pub(super) fn expand(pipeline: &Pipeline, sound: bool) -> TokenStream {
    let mixed = Span::mixed_site();
    let etl = pipeline.ctx.runtime();
    let name = &pipeline.name;
    let at = mixed_at(name.span());
    let (vis, text) = (&pipeline.vis, name.to_string());
    let attrs = pipeline.attrs.iter();
    let cfgs: Vec<_> = pipeline.attrs.iter().filter(|attr| attr.path().is_ident("cfg")).collect();
    let table = table(pipeline).into_iter().map(|line| quote_spanned!(at=> #[doc = #line]));
    let settings = pipeline.settings.as_ref().map_or_else(|| quote_spanned!(mixed=> ()), ToTokens::to_token_stream);
    let context = context::expand(pipeline, &settings);
    let (context_name, context_items, make) = (&context.name, &context.items, &context.make);
    let (plan, assertions) = if sound { (plan(pipeline, context_name), assertions(pipeline)) } else { (unwired(), TokenStream::new()) };
    let dead_letter = dead_letter(pipeline);
    let given = Ident::new("settings", mixed);
    quote_spanned! {at=>
        #(#attrs)*
        #(#table)*
        #vis struct #name {}

        #(#cfgs)*
        const _: () = {
            #context_items

            #[automatically_derived]
            impl ::core::fmt::Debug for #name {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.write_str(#text)
                }
            }

            #[automatically_derived]
            impl #etl::Pipeline for #name {
                type Settings = #settings;
                type Context = #context_name;
                const NAME: &'static str = #text;

                // The parentheses say that a name is meant as a type, so that a function without an
                // attribute is one error and not two.
                #[allow(unused_parens)]
                fn plan() -> #etl::wiring::Plan<#context_name> {
                    #plan
                }

                #[allow(unused_parens)]
                fn context(
                    #given: #settings,
                ) -> impl ::core::future::Future<Output = #etl::Result<#context_name>> + ::core::marker::Send {
                    async move { #make }
                }

                fn settings(context: &#context_name) -> &#settings {
                    &context.settings
                }

                #dead_letter
            }

            #assertions
        };
    }
}

/// The chain of calls.
fn plan(pipeline: &Pipeline, context: &Ident) -> TokenStream {
    let mixed = Span::mixed_site();
    let etl = pipeline.ctx.runtime();
    let (name, doc) = (pipeline.name.to_string(), &pipeline.doc);
    let resources = context::names(pipeline);
    let policy = pipeline.policy.tokens(&pipeline.ctx);
    let mut chain = quote_spanned! {mixed=>
        const POLICY: #etl::policy::Policy = #policy;
        let flow = #etl::wiring::Plan::<#context>::build(#name).doc(#doc).resources(&[#(#resources),*]).policy(POLICY);
    };
    let graph = &pipeline.graph;
    for (at, node) in graph.nodes.iter().enumerate() {
        for edge in graph.edges.iter().filter(|edge| edge.to == at) {
            let call = connect(pipeline, &graph.nodes[edge.from], graph.place(edge.from), node, graph.place(at));
            chain.extend(quote_spanned!(mixed=> let flow = #call(flow);));
        }
        let call = stage(pipeline, node, graph.place(at), context);
        chain.extend(match graph.place(at) {
            Place::Last => quote_spanned!(mixed=> #call(flow)),
            Place::First | Place::Between => quote_spanned!(mixed=> let flow = #call(flow);),
        });
    }
    chain
}

/// `connect::<what `to` takes, from, to, what `from` yields, _>`
fn connect(pipeline: &Pipeline, from: &Node, from_place: Place, to: &Node, to_place: Place) -> TokenStream {
    let span = first_span(&to.path);
    let etl = pipeline.ctx.runtime_at(span);
    let (takes, yields) = (associated(pipeline, to, to_place, "In"), associated(pipeline, from, from_place, "Out"));
    let (from, to) = (&from.path, &to.path);
    quote_spanned!(span=> #etl::wiring::connect::<#takes, (#from), (#to), #yields, _>)
}

/// The call that adds a stage.
fn stage(pipeline: &Pipeline, node: &Node, place: Place, context: &Ident) -> TokenStream {
    let span = first_span(&node.path);
    let etl = pipeline.ctx.runtime_at(span);
    let path = &node.path;
    let associated = |what: &str| associated(pipeline, node, place, what);
    match place {
        Place::First => {
            let (yields, needs) = (associated("Out"), associated("Needs"));
            quote_spanned!(span=> #etl::wiring::extract::<(#path), #yields, #needs, #context>)
        }
        Place::Between => {
            let (takes, yields) = (associated("In"), associated("Out"));
            let needs = all_needs(pipeline, node, "NeedsOf");
            quote_spanned!(span=> #etl::wiring::transform::<(#path), #takes, #yields, #needs, #context>)
        }
        Place::Last => {
            let takes = associated("In");
            let needs = all_needs(pipeline, node, "LoaderNeeds");
            quote_spanned!(span=> #etl::wiring::load::<(#path), #takes, #needs, #context>)
        }
    }
}

/// `wiring::NeedsOf<stage>`, which is what the function and the rules need.
fn all_needs(pipeline: &Pipeline, node: &Node, alias: &str) -> TokenStream {
    let span = first_span(&node.path);
    let etl = pipeline.ctx.runtime_at(span);
    let (alias, path) = (Ident::new(alias, span), &node.path);
    let end = quote_spanned!(last_span(node)=> >);
    quote_spanned!(span=> #etl::wiring::#alias<(#path) #end)
}

/// The span of the last part of a stage's path.
fn last_span(node: &Node) -> Span {
    node.path.segments.last().map_or_else(|| first_span(&node.path), |last| last.ident.span())
}

/// `<stage as Role>::What`, with the role that the place asks for.
fn associated(pipeline: &Pipeline, node: &Node, place: Place, what: &str) -> TokenStream {
    let span = first_span(&node.path);
    let etl = pipeline.ctx.runtime_at(span);
    let role = match place {
        Place::First => "Extractor",
        Place::Between => "Transform",
        Place::Last => "Loader",
    };
    // The last token ends at the last part of the path, so that all of it is underlined.
    let (role, what, path) = (Ident::new(role, span), Ident::new(what, last_span(node)), &node.path);
    quote_spanned!(span=> <#path as #etl::stage::#role>::#what)
}

/// What only the definitions of the stages can tell: that rejected records have somewhere to go,
/// and that a retry is allowed to double a record.
fn assertions(pipeline: &Pipeline) -> TokenStream {
    let name = pipeline.name.to_string();
    let mut assertions = TokenStream::new();
    for (at, node) in pipeline.graph.nodes.iter().enumerate() {
        let span = first_span(&node.path);
        let etl = pipeline.ctx.runtime_at(span);
        let place = pipeline.graph.place(at);
        let definition = associated(pipeline, node, place, "DEFINITION");
        if !pipeline.policy.dead_letter {
            let message = messages::reject_without_dead_letter(&node.name(), &name);
            let holds = quote_spanned!(span=> !#definition.all_classes().contains(#etl::error::Class::Reject));
            assertions.extend(demand(pipeline, node, &holds, &message));
        }
        if place == Place::Last && pipeline.policy.delivery == Some("AtMostOnce") {
            let message = messages::retries_at_most_once(&node.name(), &name);
            let holds = quote_spanned!(span=> #definition.options.retries.is_none());
            assertions.extend(demand(pipeline, node, &holds, &message));
        } else if place == Place::Last && pipeline.policy.delivery != Some("AtLeastOnce") {
            let message = messages::retries_without_delivery(&node.name(), &name);
            let holds = quote_spanned!(span=> #definition.transactional || #definition.options.retries.is_none());
            assertions.extend(demand(pipeline, node, &holds, &message));
        }
    }
    assertions
}

/// A constant that only exists if something holds of a stage.
fn demand(pipeline: &Pipeline, node: &Node, holds: &TokenStream, message: &str) -> TokenStream {
    let span = first_span(&node.path);
    let etl = pipeline.ctx.runtime_at(span);
    let mut arguments = Group::new(Delimiter::Parenthesis, quote_spanned!(span=> #holds, #message));
    arguments.set_span(last_span(node));
    quote_spanned!(span=> const _: () = #etl::__private::demand #arguments;)
}

/// The body of `plan` where there is no flow to wire: something was reported, so nothing runs.
fn unwired() -> TokenStream {
    quote_spanned!(Span::mixed_site()=> ::core::unreachable!())
}

fn dead_letter(pipeline: &Pipeline) -> TokenStream {
    let mixed = Span::mixed_site();
    let etl = pipeline.ctx.runtime();
    let (given, body) = match &pipeline.dead_letter {
        None => (Ident::new("_settings", mixed), quote_spanned!(mixed=> ::core::option::Option::None)),
        Some(dead_letter) => {
            let path = &dead_letter.path;
            let at = mixed_at(first_span(path));
            let etl = pipeline.ctx.runtime_at(at);
            let given = dead_letter.settings.clone().unwrap_or_else(|| Ident::new("_settings", mixed));
            (given, quote_spanned!(at=> #etl::__private::DeadLetterPath::path(&#path)))
        }
    };
    quote_spanned! {mixed=>
        fn dead_letter(
            #given: &<Self as #etl::Pipeline>::Settings,
        ) -> ::core::option::Option<::std::path::PathBuf> {
            #body
        }
    }
}

/// The stages, for the documentation of the pipeline's type.
fn table(pipeline: &Pipeline) -> Vec<String> {
    let graph = &pipeline.graph;
    if graph.nodes.is_empty() || !graph.later.is_empty() {
        return Vec::new();
    }
    let mut lines = Vec::new();
    if pipeline.doc.is_empty() {
        lines.push(format!(" The pipeline `{}`.", pipeline.name));
    }
    lines.extend(["", " | | stage | |", " |---|---|---|"].map(str::to_owned));
    for (at, node) in graph.nodes.iter().enumerate() {
        let role = match graph.place(at) {
            Place::First => "reads",
            Place::Between => "changes or filters",
            Place::Last => "loads",
        };
        lines.push(format!(" | {} | `{}` | {role} |", at + 1, crate::ctx::text_of(&node.path)));
    }
    lines
}
