//! The flow as written: `a => [b, c => d]`, a tree of terms.

use proc_macro2::{Group, Span, TokenTree};
use syn::Token;
use syn::parse::ParseStream;

use crate::ctx::text_of;
use crate::messages;
use crate::options::{split_at_commas, table};
use crate::role::Role;

/// Terms, joined by arrows.
pub(super) struct Flow {
    pub(super) terms: Vec<Term>,
}

/// What stands between arrows.
pub(super) enum Term {
    Stage(syn::Path),
    /// `[a, b => c]`: a merge where it comes first, a copy elsewhere.
    Branches {
        span: Span,
        #[allow(dead_code, reason = "what comes of them is for a later version")]
        flows: Vec<Flow>,
    },
    /// `match { Valid => table, Suspect => review }`
    Route {
        span: Span,
        #[allow(dead_code, reason = "what comes of them is for a later version")]
        arms: Vec<(syn::Path, Flow)>,
    },
}

/// Reads a flow.
pub(super) fn flow(input: ParseStream<'_>) -> syn::Result<Flow> {
    let mut terms = Vec::new();
    if input.peek(Token![=>]) {
        return Err(syn::Error::new(arrow(input)?, messages::expected_stage_before_arrow()));
    }
    loop {
        terms.push(term(input)?);
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(Flow { terms });
        }
        let arrow = arrow(input)?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(syn::Error::new(arrow, messages::expected_stage_after_arrow()));
        }
    }
}

fn arrow(input: ParseStream<'_>) -> syn::Result<Span> {
    if input.peek(Token![=>]) {
        let arrow: Token![=>] = input.parse()?;
        return Ok(arrow.spans[0]);
    }
    for (found, peeked) in
        [("->", input.peek(Token![->])), (">>", input.peek(Token![>>])), ("|", input.peek(Token![|])), ("=", input.peek(Token![=]))]
    {
        if peeked {
            return Err(input.error(messages::wrong_arrow(found)));
        }
    }
    // Whatever stands there; a stage, or what only resembles an arrow.
    match input.fork().parse::<TokenTree>()? {
        TokenTree::Punct(other) => Err(syn::Error::new(other.span(), messages::wrong_arrow(&other.to_string()))),
        other => Err(syn::Error::new(other.span(), messages::no_arrow())),
    }
}

/// What stands in parentheses behind a stage: the options of its attribute, or the arguments of a call.
fn parenthesized(stage: &syn::Path, group: &Group) -> String {
    let written = split_at_commas(group.stream());
    let words: Vec<_> = written.iter().filter_map(|option| option.clone().into_iter().next()).map(|word| word.to_string()).collect();
    let has_all = |role: &Role| words.iter().all(|word| table::of(*role).iter().any(|spec| spec.name == word && spec.kind.is_here()));
    match [Role::Transform, Role::Loader, Role::Extractor].into_iter().find(has_all) {
        Some(role) if !words.is_empty() => messages::options_in_flow(role, &text_of(group.stream())),
        _ => messages::stage_called(&text_of(stage)),
    }
}

fn term(input: ParseStream<'_>) -> syn::Result<Term> {
    if input.peek(syn::token::Bracket) {
        let inside;
        let bracket = syn::bracketed!(inside in input);
        let mut flows = Vec::new();
        while !inside.is_empty() {
            flows.push(flow(&inside)?);
            if !inside.is_empty() {
                inside.parse::<Token![,]>()?;
            }
        }
        return Ok(Term::Branches { span: bracket.span.join(), flows });
    }
    if input.peek(Token![match]) {
        let word: Token![match] = input.parse()?;
        let inside;
        syn::braced!(inside in input);
        let mut arms = Vec::new();
        while !inside.is_empty() {
            let variant = inside.call(syn::Path::parse_mod_style)?;
            inside.parse::<Token![=>]>()?;
            arms.push((variant, flow(&inside)?));
            if !inside.is_empty() {
                inside.parse::<Token![,]>()?;
            }
        }
        return Ok(Term::Route { span: word.span, arms });
    }
    if input.peek(syn::Ident)
        || input.peek(Token![::])
        || input.peek(Token![crate])
        || input.peek(Token![self])
        || input.peek(Token![super])
    {
        let stage = input.call(syn::Path::parse_mod_style)?;
        if input.peek(syn::token::Paren) {
            let group: Group = input.parse()?;
            return Err(syn::Error::new(group.span(), parenthesized(&stage, &group)));
        }
        return Ok(Term::Stage(stage));
    }
    Err(input.error(messages::expected_stage()))
}
