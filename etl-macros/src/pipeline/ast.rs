//! The surface of `pipeline!`: a name, and clauses that are told apart before any is read, so that
//! a mistake in one does not hide the others.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Visibility};

use crate::ctx::text_of;
use crate::diag::{Errors, did_you_mean};
use crate::messages;
use crate::options::{Kind, Spec, table};
use crate::role::Role;

/// The names of the clauses, in the order in which messages list them.
pub(super) const CLAUSES: [&str; 9] =
    ["settings", "resources", "flow", "delivery", "atomic", "error_threshold", "dead_letter", "memory", "crate"];

/// A `pipeline!` as written.
pub(super) struct Ast {
    pub(super) attrs: Vec<Attribute>,
    pub(super) vis: Visibility,
    pub(super) name: Ident,
    pub(super) clauses: Vec<Clause>,
}

/// `key: value`
pub(super) struct Clause {
    pub(super) key: Ident,
    pub(super) value: TokenStream,
}

impl Ast {
    pub(super) fn clause(&self, name: &str) -> Option<&Clause> {
        self.clauses.iter().find(|clause| clause.key == name)
    }
}

pub(super) fn parse(input: TokenStream, errors: &mut Errors) -> Option<Ast> {
    let (attrs, vis, name, body, rest) = errors.keep(head.parse2(input))?;
    if !rest.is_empty() {
        errors.on(rest, messages::after_pipeline());
    }
    let clauses = clauses(body, errors);
    Some(Ast { attrs, vis, name, clauses })
}

fn head(input: ParseStream<'_>) -> syn::Result<(Vec<Attribute>, Visibility, Ident, TokenStream, TokenStream)> {
    let attrs = input.call(Attribute::parse_outer)?;
    let vis = input.parse()?;
    if !input.peek(Ident::peek_any) {
        return Err(syn::Error::new(input.span(), messages::no_pipeline_name()));
    }
    let name = input.call(Ident::parse_any)?;
    if matches!(name.to_string().as_str(), "struct" | "pipeline" | "fn" | "mod" | "enum") && input.peek(Ident::peek_any) {
        let real = input.call(Ident::parse_any)?;
        return Err(syn::Error::new(name.span(), messages::pipeline_keyword(&name.to_string(), &real.to_string())));
    }
    if !input.peek(syn::token::Brace) {
        let message = messages::no_pipeline_body(&name.to_string());
        return Err(if input.is_empty() { syn::Error::new(name.span(), message) } else { input.error(message) });
    }
    let body: proc_macro2::Group = input.parse()?;
    Ok((attrs, vis, name, body.stream(), input.parse()?))
}

fn clauses(body: TokenStream, errors: &mut Errors) -> Vec<Clause> {
    let mut clauses: Vec<Clause> = Vec::new();
    for raw in split(body, errors) {
        let name = raw.key.unraw().to_string();
        if !CLAUSES.contains(&name.as_str()) {
            errors.at(raw.key.span(), unknown(&name, &raw.value));
        } else if let Some(first) = clauses.iter().find(|clause| clause.key == raw.key) {
            errors.at(raw.key.span(), messages::duplicate_clause(&name, first.key.span()));
        } else if raw.value.is_empty() {
            errors.at(raw.key.span(), messages::empty_clause(&name));
            // Kept, so that a missing `flow` is not reported as well.
            clauses.push(raw);
        } else {
            clauses.push(raw);
        }
    }
    clauses
}

/// What is said of a clause that there is not: that it is an option of stages, or what was meant.
fn unknown(name: &str, value: &TokenStream) -> String {
    if let Some(clause) = known_as(name) {
        return messages::unknown_clause(name, Some(clause), &CLAUSES);
    }
    match option_of_a_stage(name) {
        Some((role, spec)) => {
            let example = match (spec.kind, syn::parse2::<syn::Lit>(value.clone())) {
                (Kind::Count { .. } | Kind::Duration, Ok(value)) => format!("{} = {}", spec.name, text_of(value)),
                _ => spec.example.to_owned(),
            };
            messages::clause_is_an_option(spec.name, role, &example)
        }
        None => messages::unknown_clause(name, did_you_mean(name, CLAUSES), &CLAUSES),
    }
}

/// The option of that name, or of the name that is meant by it, and the role that is likeliest.
fn option_of_a_stage(name: &str) -> Option<(Role, &'static Spec)> {
    let meant = table::OFTEN_MEANT.iter().find(|(written, _)| *written == name && name != "on_error");
    let name = meant.map_or(name, |(_, meant)| *meant);
    [Role::Transform, Role::Loader, Role::Extractor].into_iter().find_map(|role| {
        let spec = table::of(role).iter().find(|spec| spec.name == name && spec.kind.is_here())?;
        Some((role, spec))
    })
}

/// Our word for a word that other tools use.
fn known_as(name: &str) -> Option<&'static str> {
    match name {
        "config" => Some("settings"),
        "stages" | "steps" | "graph" => Some("flow"),
        "guarantee" | "exactly_once" => Some("delivery"),
        "transaction" => Some("atomic"),
        "dead_letters" | "dlq" | "rejects" => Some("dead_letter"),
        "threshold" | "max_errors" => Some("error_threshold"),
        "memory_limit" | "budget" => Some("memory"),
        _ => None,
    }
}

/// A clause begins at `word:` after a comma. A known word begins one without a comma too: then the
/// comma is what is missing.
fn split(body: TokenStream, errors: &mut Errors) -> Vec<Clause> {
    let tokens: Vec<TokenTree> = body.into_iter().collect();
    let mut clauses: Vec<Clause> = Vec::new();
    let mut value: Vec<TokenTree> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let after_comma = value.is_empty() && clauses.is_empty() || value.last().is_some_and(is_comma);
        if after_comma && is_punct(&tokens[at], '#') {
            let attribute: TokenStream = tokens[at..].iter().take(2).cloned().collect();
            errors.on(attribute, messages::attribute_on_clause());
            at += 2;
            continue;
        }
        if let Some(key) = key_at(&tokens, at, after_comma, errors) {
            finish(&mut clauses, &mut value, errors);
            clauses.push(Clause { key, value: TokenStream::new() });
            at += 2;
            continue;
        }
        value.push(tokens[at].clone());
        at += 1;
    }
    finish(&mut clauses, &mut value, errors);
    clauses
}

/// The name of the clause that begins here, if one does.
fn key_at(tokens: &[TokenTree], at: usize, after_comma: bool, errors: &mut Errors) -> Option<Ident> {
    let (TokenTree::Ident(word), Some(next)) = (&tokens[at], tokens.get(at + 1)) else { return None };
    let name = word.to_string();
    let known = CLAUSES.contains(&name.as_str());
    let one_colon = is_punct(next, ':') && !tokens.get(at + 2).is_some_and(|third| is_punct(third, ':') && joint(next));
    if one_colon && (after_comma || known) {
        if !after_comma {
            errors.at(word.span(), messages::missing_comma_before(&name));
        }
        return Some(word.clone());
    }
    let one_equals = is_punct(next, '=') && !joint(next);
    if one_equals && after_comma {
        // Of one that there is not, that is said.
        if known {
            errors.at(next.span(), messages::clause_with_equals(&name));
        }
        return Some(word.clone());
    }
    None
}

/// Gives what was collected to the clause to which it belongs.
fn finish(clauses: &mut [Clause], value: &mut Vec<TokenTree>, errors: &mut Errors) {
    let mut tokens = std::mem::take(value);
    if tokens.last().is_some_and(is_comma) {
        tokens.pop();
    }
    match clauses.last_mut() {
        Some(clause) => clause.value = tokens.into_iter().collect(),
        None if tokens.is_empty() => {}
        None => errors.at(tokens.first().map_or_else(Span::call_site, TokenTree::span), messages::expected_clause()),
    }
}

fn is_comma(token: &TokenTree) -> bool {
    is_punct(token, ',')
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

fn joint(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.spacing() == proc_macro2::Spacing::Joint)
}

/// Whether a group is one in brackets.
pub(super) fn in_brackets(tokens: &TokenStream) -> Option<TokenStream> {
    let mut tokens = tokens.clone().into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::Bracket => Some(group.stream()),
        _ => None,
    }
}
