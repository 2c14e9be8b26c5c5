//! The expansion: a type, its context, and a chain of calls that is at once the wiring and the
//! check.
//!
//! Every call names its stage in the role that the stage's place asks for, and every type argument
//! is spelt out with the stage's own tokens. So a stage in the wrong place, a record that does not
//! fit and a resource that is missing are one error each, at the stage's name.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};

use super::clauses::{Delivery, Policy};
use super::context;
use super::model::{Node, Pipeline, Place};
use crate::ctx::{first_span, mixed_at, runtime_at, text_of};
use crate::messages;

/// `sound` says that nothing was reported: only then can the flow be wired.
pub(super) fn expand(pipeline: &Pipeline, sound: bool) -> TokenStream {
    let mixed = Span::mixed_site();
    let etl = runtime_at(mixed);
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
    let guarantee = guarantee(pipeline).filter(|_| sound).unwrap_or_else(|| quote_spanned!(mixed=> #etl::exactly_once));
    let import = pipeline.ctx.import();
    let dead_letter = dead_letter(pipeline);
    let given = Ident::new("__etl_settings", mixed);
    quote_spanned! {at=>
        #(#attrs)*
        #(#table)*
        #[derive(::core::fmt::Debug)]
        #vis struct #name {}

        #(#cfgs)*
        const _: () = {
            #import
            #context_items

            #[automatically_derived]
            impl #etl::Pipeline for #name {
                type Settings = #settings;
                type Context = #context_name;
                type Guarantee = #guarantee;
                const NAME: &'static ::core::primitive::str = #text;

                // The parentheses say that a name is meant as a type, so that a function without an
                // attribute is one error and not two.
                #[allow(unused_parens)]
                fn plan() -> #etl::Plan<#context_name> {
                    #plan
                }

                #[allow(unused_parens)]
                fn context(
                    #given: #settings,
                ) -> impl ::core::future::Future<Output = #etl::Result<#context_name>> + ::core::marker::Send {
                    async move { #make }
                }

                fn settings(__etl_context: &#context_name) -> &#settings {
                    &__etl_context.settings
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
    let etl = runtime_at(mixed);
    let (name, doc) = (pipeline.name.to_string(), &pipeline.doc);
    let resources = context::names(pipeline);
    let policy = pipeline.policy.tokens();
    let mut chain = quote_spanned! {mixed=>
        let __etl_flow = #etl::Plan::<#context>::build(#name).doc(#doc).resources(&[#(#resources),*]).policy(#policy);
    };
    let graph = &pipeline.graph;
    for (at, node) in graph.nodes.iter().enumerate() {
        let from = graph.edges.iter().find(|edge| edge.to == at).map(|edge| (&graph.nodes[edge.from], graph.place(edge.from)));
        let call = stage(node, graph.place(at), from);
        chain.extend(match graph.place(at) {
            Place::Last => quote_spanned!(mixed=> #call(__etl_flow)),
            Place::First | Place::Between => quote_spanned!(mixed=> let __etl_flow = #call(__etl_flow);),
        });
    }
    chain
}

/// The call that adds a stage: `pass::<stage, what it takes, _, what it needs, from, what that yields, _>`. What is
/// left out are what it yields, which is known by the stage, and the context, which is known by the flow.
fn stage(node: &Node, place: Place, from: Option<(&Node, Place)>) -> TokenStream {
    let span = first_span(&node.path);
    let etl = runtime_at(span);
    let path = &node.path;
    let associated = |what: &str| associated(node, place, what);
    let Some((from, from_place)) = from else {
        let needs = associated("Needs");
        return quote_spanned!(span=> #etl::extract::<(#path), _, #needs, _>);
    };
    let (takes, comes) = (associated("In"), self::associated(from, from_place, "Out"));
    let from = &from.path;
    if place == Place::Last {
        let needs = all_needs(node, "LoaderNeeds");
        quote_spanned!(span=> #etl::end::<(#path), #takes, #needs, (#from), #comes, _>)
    } else {
        let needs = all_needs(node, "NeedsOf");
        quote_spanned!(span=> #etl::pass::<(#path), #takes, _, #needs, (#from), #comes, _>)
    }
}

/// `wiring::NeedsOf<stage>`, which is what the function and the rules need.
fn all_needs(node: &Node, alias: &str) -> TokenStream {
    let span = first_span(&node.path);
    let etl = runtime_at(span);
    let (alias, path) = (Ident::new(alias, span), &node.path);
    let end = quote_spanned!(last_span(node)=> >);
    quote_spanned!(span=> #etl::#alias<(#path) #end)
}

/// The span of the last part of a stage's path.
fn last_span(node: &Node) -> Span {
    node.path.segments.last().map_or_else(|| first_span(&node.path), |last| last.ident.span())
}

/// `<stage as Role>::What`, with the role that the place asks for.
fn associated(node: &Node, place: Place, what: &str) -> TokenStream {
    let span = first_span(&node.path);
    let etl = runtime_at(span);
    let role = match place {
        Place::First => "Extractor",
        Place::Between => "Transform",
        Place::Last => "Loader",
    };
    // The last token ends at the last part of the path, so that all of it is underlined.
    let (role, what, path) = (Ident::new(role, span), Ident::new(what, last_span(node)), &node.path);
    quote_spanned!(span=> <#path as #etl::#role>::#what)
}

/// What the source and the target can promise. (By way of a number: their classes as types would make
/// stages public that are not.)
fn guarantee(pipeline: &Pipeline) -> Option<TokenStream> {
    let graph = &pipeline.graph;
    let class = |place: Place| {
        let (_, node) = graph.nodes.iter().enumerate().find(|(at, _)| graph.place(*at) == place)?;
        Some(associated(node, place, "Class"))
    };
    let (source, target) = class(Place::First).zip(class(Place::Last))?;
    let etl = runtime_at(Span::mixed_site());
    Some(quote_spanned!(Span::mixed_site()=> <[(); #etl::promise::<#source, #target>()] as #etl::Numbered>::Guarantee))
}

/// What only the stages can tell: that rejected records have somewhere to go, that a retry is
/// allowed to double a record, that the parts can keep what `delivery` and `atomic` demand.
fn assertions(pipeline: &Pipeline) -> TokenStream {
    let mut assertions = named_apart(pipeline).unwrap_or_default();
    let name = pipeline.name.to_string();
    for (at, node) in pipeline.graph.nodes.iter().enumerate() {
        let span = first_span(&node.path);
        let place = pipeline.graph.place(at);
        if !pipeline.policy.dead_letter {
            let definition = associated(node, place, "DEFINITION");
            let message = messages::reject_without_dead_letter(&node.name(), &name);
            assertions.extend(assertion(node, "demand", &quote_spanned!(span=> !#definition.rejects(), #message)));
        }
        if place == Place::Last {
            assertions.extend(retries(pipeline, node));
        }
        assertions.extend(kept(pipeline, node, place));
    }
    assertions.extend(used(pipeline));
    assertions.extend(in_order(pipeline));
    assertions
}

/// That no stage loses the order of the records behind one that keeps state. One constant for all of them: each
/// call stands at its stage.
fn in_order(pipeline: &Pipeline) -> Option<TokenStream> {
    let graph = &pipeline.graph;
    let behind: Vec<_> = graph.nodes.iter().enumerate().filter(|(at, _)| graph.place(*at) != Place::First).collect();
    if behind.len() < 2 || pipeline.policy.delivery == Some(Delivery::AtMostOnce) {
        return None;
    }
    let mixed = Span::mixed_site();
    let (state, otherwise) = (Ident::new("__etl_state", mixed), Ident::new("__etl_otherwise", mixed));
    let calls = behind.into_iter().map(|(at, node)| {
        let span = first_span(&node.path);
        let (etl, definition) = (runtime_at(span), associated(node, graph.place(at), "DEFINITION"));
        let mut arguments = Group::new(Delimiter::Parenthesis, quote_spanned!(span=> #state, &#definition, #otherwise));
        arguments.set_span(last_span(node));
        quote_spanned!(span=> let #state = #etl::in_order #arguments;)
    });
    let message = messages::order_lost_behind_state();
    Some(quote_spanned! {mixed=>
        const _: () = {
            let (#state, #otherwise) = (false, #message);
            #(#calls)*
            let _ = #state;
        };
    })
}

/// That a load is only tried again where it cannot double a record, or may.
fn retries(pipeline: &Pipeline, loader: &Node) -> Option<TokenStream> {
    let name = pipeline.name.to_string();
    let definition = associated(loader, Place::Last, "DEFINITION");
    let span = first_span(&loader.path);
    let arguments = match pipeline.policy.delivery {
        Some(Delivery::AtMostOnce) => {
            let message = messages::retries_at_most_once(&loader.name(), &name);
            quote_spanned!(span=> #definition.options.retries.is_none(), #message)
        }
        // The demand itself says what the target lacks.
        Some(_) => return None,
        None => {
            let message = messages::retries_without_delivery(&loader.name(), &name);
            quote_spanned!(span=> #definition.retries_safely(), #message)
        }
    };
    Some(assertion(loader, "demand", &arguments))
}

/// That no stage is named like a setting. One constant for all of them: each call stands at its stage.
fn named_apart(pipeline: &Pipeline) -> Option<TokenStream> {
    let settings = pipeline.settings.as_ref()?;
    let mixed = Span::mixed_site();
    let (etl, name) = (runtime_at(mixed), &pipeline.name);
    let message = messages::stage_named_like_a_setting(&text_of(settings));
    // Locals of the macro's own: beside a token of the user's they keep their span.
    let (names, otherwise) = (Ident::new("__etl_names", mixed), Ident::new("__etl_otherwise", mixed));
    let calls = pipeline.graph.nodes.iter().map(|node| {
        let (span, name) = (first_span(&node.path), node.name());
        let etl = runtime_at(span);
        let mut arguments = Group::new(Delimiter::Parenthesis, quote_spanned!(span=> #names, #name, #otherwise));
        arguments.set_span(last_span(node));
        quote_spanned!(span=> #etl::apart #arguments;)
    });
    // By way of the pipeline, so that a type that does not exist is reported once, where it is named.
    Some(quote_spanned! {mixed=>
        const _: () = {
            #[allow(unused_imports)]
            use #etl::UnknownNames as _;
            let (#names, #otherwise) = (#etl::SettingNames::<<#name as #etl::Pipeline>::Settings>::NAMES, #message);
            #(#calls)*
        };
    })
}

/// That one stage can keep what the pipeline demands. The stage is named, so that what it lacks is
/// said of it.
fn kept(pipeline: &Pipeline, node: &Node, place: Place) -> TokenStream {
    let Policy { delivery, atomic_run, .. } = pipeline.policy;
    let span = first_span(&node.path);
    let etl = runtime_at(span);
    let path = &node.path;
    let demanded = delivery.filter(|delivery| *delivery != Delivery::AtMostOnce);
    let class = || associated(node, place, "Class");
    let assertion = |call: TokenStream| quote_spanned!(span=> #[allow(unused_parens)] const _: () = #etl::#call;);
    let mut assertions = TokenStream::new();
    match (place, demanded) {
        (Place::First, Some(delivery)) => {
            let (class, word) = (class(), Ident::new(delivery.word(), span));
            assertions.extend(assertion(quote_spanned!(span=> reads_again::<#class, (#path), #etl::#word>())));
        }
        (Place::Between, Some(_)) => {
            let state = associated(node, place, "State");
            assertions.extend(assertion(quote_spanned!(span=> keeps::<#state, (#path)>())));
        }
        (Place::Last, Some(Delivery::ExactlyOnce)) => {
            let class = class();
            assertions.extend(assertion(quote_spanned!(span=> commits_exactly_once::<#class, (#path)>())));
        }
        (Place::Last, Some(Delivery::EffectivelyOnce)) => {
            let class = class();
            assertions.extend(assertion(quote_spanned!(span=> commits_effectively_once::<#class, (#path)>())));
        }
        _ => {}
    }
    if place == Place::Last && atomic_run {
        let class = class();
        assertions.extend(assertion(quote_spanned!(span=> commits_whole_runs::<#class, (#path)>())));
        let definition = associated(node, place, "DEFINITION");
        let message = messages::concurrency_of_a_whole_run(&node.name(), &pipeline.name.to_string());
        assertions.extend(self::assertion(node, "demand", &quote_spanned!(span=> !#definition.loads_side_by_side(), #message)));
    }
    assertions
}

/// That a clause is about something: a place for dead letters where no stage rejects keeps nothing.
fn used(pipeline: &Pipeline) -> TokenStream {
    let name = pipeline.name.to_string();
    let keys = &pipeline.keys;
    if keys.dead_letter.is_none() && keys.error_threshold.is_none() {
        return TokenStream::new();
    }
    let graph = &pipeline.graph;
    let definitions = || graph.nodes.iter().enumerate().map(|(at, node)| associated(node, graph.place(at), "DEFINITION"));
    let mut assertions = TokenStream::new();
    let mut demand = |span: Option<Span>, function: &str, message: String| {
        let Some(span) = span.map(mixed_at) else { return };
        let (etl, function, definitions) = (runtime_at(span), Ident::new(function, span), definitions());
        assertions.extend(quote_spanned!(span=> const _: () = #etl::demand(#etl::#function(&[#(&#definitions),*]), #message);));
    };
    demand(keys.dead_letter, "any_rejects", messages::dead_letter_without_reject(&name));
    demand(keys.error_threshold, "any_goes_on", messages::threshold_without_errors(&name));
    assertions
}

/// A constant that only exists if something holds of a stage.
fn assertion(node: &Node, function: &str, arguments: &TokenStream) -> TokenStream {
    let span = first_span(&node.path);
    let (etl, function) = (runtime_at(span), Ident::new(function, span));
    let mut arguments = Group::new(Delimiter::Parenthesis, arguments.clone());
    arguments.set_span(last_span(node));
    quote_spanned!(span=> const _: () = #etl::#function #arguments;)
}

/// The body of `plan` where there is no flow to wire: something was reported, so nothing runs.
fn unwired() -> TokenStream {
    quote_spanned!(Span::mixed_site()=> ::core::unreachable!())
}

fn dead_letter(pipeline: &Pipeline) -> TokenStream {
    let mixed = Span::mixed_site();
    let etl = runtime_at(mixed);
    let (given, body) = match &pipeline.dead_letter {
        None => (Ident::new("_settings", mixed), quote_spanned!(mixed=> ::core::option::Option::None)),
        Some(dead_letter) => {
            let path = &dead_letter.path;
            let at = mixed_at(first_span(path));
            let etl = runtime_at(at);
            let given = dead_letter.settings.clone().unwrap_or_else(|| Ident::new("_settings", mixed));
            (given, quote_spanned!(at=> #etl::DeadLetterPath::path(&#path)))
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

/// The flow and the policy, for the documentation of the pipeline's type. What follows from the
/// stages' types is below it in rustdoc, as a trait that the compiler implements.
fn table(pipeline: &Pipeline) -> Vec<String> {
    let graph = &pipeline.graph;
    if graph.nodes.is_empty() || !graph.later.is_empty() {
        return Vec::new();
    }
    let mut lines = Vec::new();
    if pipeline.doc.is_empty() {
        lines.push(format!(" The pipeline `{}`.", pipeline.name));
    }
    let mut line = |text: &str| lines.push(if text.is_empty() { String::new() } else { format!(" {text}") });
    line("");
    line("| | stage | |");
    line("|---|---|---|");
    for (at, node) in graph.nodes.iter().enumerate() {
        let role = match graph.place(at) {
            Place::First => "reads",
            Place::Between => "changes or filters",
            Place::Last => "loads",
        };
        line(&format!("| {} | `{}` | {role} |", at + 1, text_of(&node.path)));
    }
    line("");
    line("| policy | |");
    line("|---|---|");
    let delivery = match pipeline.policy.delivery {
        Some(delivery) => format!("`{}`, which the compiler has checked", delivery.word()),
        None => "nothing demanded; what its parts keep is listed below: `ExactlyOnce`, `EffectivelyOnce`, `AtLeastOnce` or `AtMostOnce`"
            .to_owned(),
    };
    line(&format!("| delivery | {delivery} |"));
    line(&format!("| committed at once | {} |", if pipeline.policy.atomic_run { "the whole run" } else { "each batch" }));
    let threshold = pipeline.written.error_threshold.as_deref();
    line(&format!(
        "| errors tolerated | {} |",
        threshold.map_or_else(|| "any number of those that are skipped or rejected".to_owned(), |text| format!("`{text}`"))
    ));
    let dead_letter = pipeline.written.dead_letter.as_deref();
    line(&format!(
        "| rejected records | {} |",
        dead_letter.map_or_else(|| "none: a record that would be rejected stops the run".to_owned(), |text| format!("`{text}`"))
    ));
    if let Some(memory) = &pipeline.written.memory {
        line(&format!("| records in memory | at most {memory} |"));
    }
    if let Some(settings) = &pipeline.settings {
        line(&format!("| settings | `{}` |", text_of(settings)));
    }
    if !pipeline.resources.is_empty() {
        let resources: Vec<_> = pipeline.resources.iter().map(|path| format!("`{}`", text_of(path))).collect();
        line(&format!("| resources, in the order of their making | {} |", resources.join(", ")));
    }
    lines
}
