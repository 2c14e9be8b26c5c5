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
use crate::ctx::{first_span, mixed_at, text_of};
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
    let guarantee = guarantee(pipeline).filter(|_| sound);
    let guarantee = guarantee.unwrap_or_else(|| quote_spanned!(mixed=> #etl::policy::Delivery::ExactlyOnce));
    let dead_letter = dead_letter(pipeline);
    let given = Ident::new("__etl_settings", mixed);
    quote_spanned! {at=>
        #(#attrs)*
        #(#table)*
        #vis struct #name {}

        #(#cfgs)*
        const _: () = {
            #context_items

            #[automatically_derived]
            impl ::core::fmt::Debug for #name {
                fn fmt(&self, __etl_f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    __etl_f.write_str(#text)
                }
            }

            #[automatically_derived]
            impl #etl::Pipeline for #name {
                type Settings = #settings;
                type Context = #context_name;
                type Guarantee = <[(); #guarantee as ::core::primitive::usize] as #etl::guarantee::Numbered>::Guarantee;
                const NAME: &'static ::core::primitive::str = #text;

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
    let etl = pipeline.ctx.runtime();
    let (name, doc) = (pipeline.name.to_string(), &pipeline.doc);
    let resources = context::names(pipeline);
    let policy = pipeline.policy.tokens(&pipeline.ctx);
    let mut chain = quote_spanned! {mixed=>
        const POLICY: #etl::policy::Policy = #policy;
        let __etl_flow = #etl::wiring::Plan::<#context>::build(#name).doc(#doc).resources(&[#(#resources),*]).policy(POLICY);
    };
    let graph = &pipeline.graph;
    for (at, node) in graph.nodes.iter().enumerate() {
        for edge in graph.edges.iter().filter(|edge| edge.to == at) {
            let call = connect(pipeline, &graph.nodes[edge.from], graph.place(edge.from), node, graph.place(at));
            chain.extend(quote_spanned!(mixed=> let __etl_flow = #call(__etl_flow);));
        }
        let call = stage(pipeline, node, graph.place(at), context);
        chain.extend(match graph.place(at) {
            Place::Last => quote_spanned!(mixed=> #call(__etl_flow)),
            Place::First | Place::Between => quote_spanned!(mixed=> let __etl_flow = #call(__etl_flow);),
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

/// What the source and the target can promise, as a constant expression. (It becomes a type by way of
/// a number: their classes as types would make stages public that are not.)
fn guarantee(pipeline: &Pipeline) -> Option<TokenStream> {
    let graph = &pipeline.graph;
    let of = |place: Place| {
        let (_, node) = graph.nodes.iter().enumerate().find(|(at, _)| graph.place(*at) == place)?;
        Some(associated(pipeline, node, place, "DEFINITION"))
    };
    let (first, last) = of(Place::First).zip(of(Place::Last))?;
    let etl = pipeline.ctx.runtime();
    Some(quote_spanned!(Span::mixed_site()=> #etl::guarantee::of(#first.replayable, #last.target)))
}

/// What only the stages can tell: that rejected records have somewhere to go, that a retry is
/// allowed to double a record, that the parts can keep what `delivery` and `atomic` demand.
fn assertions(pipeline: &Pipeline) -> TokenStream {
    let mut assertions = TokenStream::new();
    let name = pipeline.name.to_string();
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
        if place == Place::Last {
            assertions.extend(retries(pipeline, node));
        }
        assertions.extend(kept(pipeline, node, place));
        assertions.extend(named_apart(pipeline, node));
    }
    assertions.extend(used(pipeline));
    assertions
}

/// That a load is only tried again where it cannot double a record, or may.
fn retries(pipeline: &Pipeline, loader: &Node) -> Option<TokenStream> {
    let name = pipeline.name.to_string();
    let definition = associated(pipeline, loader, Place::Last, "DEFINITION");
    let span = first_span(&loader.path);
    let once = quote_spanned!(span=> #definition.options.retries.is_none());
    let (holds, message) = match pipeline.policy.delivery {
        Some(Delivery::AtMostOnce) => (once, messages::retries_at_most_once(&loader.name(), &name)),
        // The demand itself says what the target lacks.
        Some(_) => return None,
        None => (
            quote_spanned!(span=> #definition.transactional || !#definition.options.key.is_empty() || #once),
            messages::retries_without_delivery(&loader.name(), &name),
        ),
    };
    Some(demand(pipeline, loader, &holds, &message))
}

/// That a stage is not named like a setting.
fn named_apart(pipeline: &Pipeline, node: &Node) -> Option<TokenStream> {
    let settings = pipeline.settings.as_ref()?;
    let etl = pipeline.ctx.runtime_at(first_span(&node.path));
    let (name, span) = (node.name(), first_span(&node.path));
    let message = messages::stage_named_like_a_setting(&name, &text_of(settings));
    // By way of the pipeline, so that a type that does not exist is reported once, where it is named.
    let pipeline_name = &pipeline.name;
    let settings = quote_spanned!(span=> <#pipeline_name as #etl::Pipeline>::Settings);
    let holds = quote_spanned! {span=>
        {
            #[allow(unused_imports)]
            use #etl::__private::UnknownNames as _;
            !#etl::__private::lists(#etl::__private::SettingNames::<#settings>::NAMES, #name)
        }
    };
    Some(demand(pipeline, node, &holds, &message))
}

/// That one stage can keep what the pipeline demands. The stage is named, so that what it lacks is
/// said of it.
fn kept(pipeline: &Pipeline, node: &Node, place: Place) -> TokenStream {
    let Policy { delivery, atomic_run, .. } = pipeline.policy;
    let span = first_span(&node.path);
    let etl = pipeline.ctx.runtime_at(span);
    let path = &node.path;
    let demanded = delivery.filter(|delivery| *delivery != Delivery::AtMostOnce);
    let class = || associated(pipeline, node, place, "Class");
    let assertion = |call: TokenStream| quote_spanned!(span=> #[allow(unused_parens)] const _: () = #etl::__private::#call;);
    let mut assertions = TokenStream::new();
    match (place, demanded) {
        (Place::First, Some(delivery)) => {
            let (class, word) = (class(), Ident::new(delivery.word(), span));
            assertions.extend(assertion(quote_spanned!(span=> reads_again::<#class, (#path), #etl::guarantee::#word>())));
        }
        (Place::Between, Some(_)) => {
            let state = associated(pipeline, node, place, "State");
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
    }
    assertions
}

/// That a clause is about something: a place for dead letters where no stage rejects keeps nothing.
fn used(pipeline: &Pipeline) -> TokenStream {
    let name = pipeline.name.to_string();
    let any = |span: Span, class: &str| {
        let etl = pipeline.ctx.runtime_at(mixed_at(span));
        let class = Ident::new(class, mixed_at(span));
        let stages = pipeline.graph.nodes.iter().enumerate().map(|(at, node)| {
            let definition = associated(pipeline, node, pipeline.graph.place(at), "DEFINITION");
            quote_spanned!(mixed_at(span)=> #definition.can(#etl::error::Class::#class))
        });
        quote_spanned!(mixed_at(span)=> (#(#stages)||*))
    };
    let mut assertions = TokenStream::new();
    let mut demand = |span: Option<Span>, holds: &dyn Fn(Span) -> TokenStream, message: String| {
        let Some(span) = span else { return };
        let etl = pipeline.ctx.runtime_at(mixed_at(span));
        let holds = holds(span);
        assertions.extend(quote_spanned!(mixed_at(span)=> const _: () = #etl::__private::demand(#holds, #message);));
    };
    demand(pipeline.keys.dead_letter, &|span| any(span, "Reject"), messages::dead_letter_without_reject(&name));
    demand(
        pipeline.keys.error_threshold,
        &|span| {
            let (rejects, skips) = (any(span, "Reject"), any(span, "Skip"));
            quote_spanned!(mixed_at(span)=> #rejects || #skips)
        },
        messages::threshold_without_errors(&name),
    );
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
