//! A pipeline as a graph: stages are nodes, and an edge says that one feeds another. A straight
//! flow is the graph in which every stage feeds the next.

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Path, Token, Type, Visibility};

use super::ast::{self, Ast};
use super::clauses::{self, DeadLetter, Policy};
use super::flow::{self, Flow, Term};
use crate::ctx::{Ctx, doc_of, text_of};
use crate::diag::Errors;
use crate::messages;

/// Everything that `pipeline!` said.
pub(super) struct Pipeline {
    pub(super) ctx: Ctx,
    pub(super) attrs: Vec<Attribute>,
    pub(super) doc: String,
    pub(super) vis: Visibility,
    pub(super) name: Ident,
    /// `None` where there are none, or `()`.
    pub(super) settings: Option<Type>,
    pub(super) resources: Vec<Path>,
    pub(super) graph: Graph,
    pub(super) policy: Policy,
    pub(super) dead_letter: Option<DeadLetter>,
    /// The names of the clauses that assertions are about.
    pub(super) keys: Keys,
    pub(super) written: Written,
}

/// Clauses as they were written, for the documentation.
#[derive(Default)]
pub(super) struct Written {
    pub(super) error_threshold: Option<String>,
    pub(super) dead_letter: Option<String>,
    pub(super) memory: Option<String>,
}

/// Where clauses stand.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) dead_letter: Option<Span>,
    pub(super) error_threshold: Option<Span>,
}

/// The stages and who feeds whom.
#[derive(Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
    /// Parts that are understood but cannot be expanded yet.
    pub(super) later: Vec<(Span, &'static str)>,
}

/// A stage.
pub(super) struct Node {
    pub(super) path: Path,
}

/// From one stage to another, by index into [`Graph::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
}

/// The role that a stage's place asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    First,
    Between,
    Last,
}

impl Node {
    /// The stage's name: the last part of its path.
    pub(super) fn name(&self) -> String {
        self.path.segments.last().map(|last| last.ident.unraw().to_string()).unwrap_or_default()
    }
}

impl Graph {
    /// Where a stage stands: nothing feeds the first, the last feeds nothing.
    pub(super) fn place(&self, node: usize) -> Place {
        let fed = self.edges.iter().any(|edge| edge.to == node);
        let feeds = self.edges.iter().any(|edge| edge.from == node);
        match (fed, feeds) {
            (false, _) => Place::First,
            (true, true) => Place::Between,
            (true, false) => Place::Last,
        }
    }

    /// Adds the terms of a flow.
    fn add(&mut self, flow: &Flow) {
        let mut before: Option<usize> = None;
        for term in &flow.terms {
            match term {
                Term::Stage(path) => {
                    let at = self.nodes.len();
                    self.nodes.push(Node { path: path.clone() });
                    if let Some(from) = before {
                        self.edges.push(Edge { from, to: at });
                    }
                    before = Some(at);
                }
                Term::Branches { span, .. } => self.later.push((*span, messages::branches_not_yet())),
                Term::Route { span, .. } => self.later.push((*span, messages::routes_not_yet())),
            }
        }
    }
}

/// Reads every clause.
pub(super) fn build(ast: Ast, errors: &mut Errors) -> Pipeline {
    let value = |name: &str| ast.clause(name).map(|clause| clause.value.clone()).filter(|value| !value.is_empty());
    let runtime = value("crate").and_then(|value| errors.keep(Path::parse_mod_style.parse2(value)));
    let ctx = Ctx::new(runtime.as_ref(), errors);
    let settings = value("settings").and_then(|value| clauses::settings(value, errors));
    let settings = settings.filter(|ty| !matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty()));
    let resources = value("resources").map(|value| resources(&value, errors)).unwrap_or_default();
    let mut graph = Graph::default();
    if let Some(value) = value("flow") {
        if let Some(flow) = errors.keep(clauses::whole("flow", value, flow::flow)) {
            graph.add(&flow);
        }
    } else if ast.clause("flow").is_none() {
        errors.at(ast.name.span(), messages::no_flow(&ast.name.to_string()));
    }
    let has_settings = ast.clause("settings").is_some_and(|clause| text_of(&clause.value) != "()");
    let dead_letter = value("dead_letter").and_then(|value| clauses::dead_letter(value, has_settings, errors));
    let policy = Policy {
        delivery: value("delivery").and_then(|value| clauses::delivery(value, errors)),
        atomic_run: value("atomic").is_some_and(|value| clauses::atomic(value, errors)),
        threshold: value("error_threshold").and_then(|value| clauses::threshold(value, errors)),
        memory: value("memory").and_then(|value| clauses::memory(value, errors)),
        // A clause that could not be read is still there: its absence must not be reported too.
        dead_letter: ast.clause("dead_letter").is_some(),
    };
    let key = |name: &str| ast.clause(name).map(|clause| clause.key.span());
    let keys = Keys { dead_letter: key("dead_letter"), error_threshold: key("error_threshold") };
    let text = |name: &str| value(name).map(text_of);
    let written = Written { error_threshold: text("error_threshold"), dead_letter: text("dead_letter"), memory: text("memory") };
    Pipeline {
        ctx,
        doc: doc_of(&ast.attrs),
        attrs: ast.attrs,
        vis: ast.vis,
        name: ast.name,
        settings,
        resources,
        graph,
        policy,
        dead_letter,
        keys,
        written,
    }
}

fn resources(value: &proc_macro2::TokenStream, errors: &mut Errors) -> Vec<Path> {
    let Some(inside) = ast::in_brackets(value) else {
        errors.on(value, messages::resources_in_brackets());
        return Vec::new();
    };
    let parse = |input: syn::parse::ParseStream<'_>| Punctuated::<Path, Token![,]>::parse_terminated_with(input, Path::parse_mod_style);
    let listed = errors.keep(parse.parse2(inside)).map(|paths| paths.into_iter().collect::<Vec<_>>()).unwrap_or_default();
    let mut resources: Vec<Path> = Vec::new();
    for path in listed {
        if let Some(first) = resources.iter().find(|known| text_of(known) == text_of(&path)) {
            let first = crate::ctx::first_span(first.to_token_stream());
            errors.on(&path, messages::resource_twice(&text_of(&path), first));
        } else {
            resources.push(path);
        }
    }
    resources
}
