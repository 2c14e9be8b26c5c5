//! The item under an attribute, read up to its signature. The body is never parsed: a half-typed
//! body is the compiler's to complain about, once, and the editor keeps the function.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Signature, Token, Visibility};

use crate::messages;
use crate::role::Role;

/// A function under a stage attribute.
pub(crate) struct StageFn {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
}

/// Reads everything before the body.
pub(crate) fn parse(role: Role, item: Vec<TokenTree>) -> syn::Result<StageFn> {
    let parse = |input: ParseStream<'_>| {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        if let Some((word, span)) = other_item(input) {
            return Err(syn::Error::new(span, messages::not_a_function(role, &word)));
        }
        let sig = input.parse()?;
        if input.peek(Token![;]) {
            return Err(input.error(messages::no_body(role)));
        }
        input.parse::<TokenStream>()?;
        Ok(StageFn { attrs, vis, sig })
    };
    parse.parse2(without_body(item))
}

/// The same with nothing in the braces at the end, which would be read to be forgotten.
fn without_body(mut tokens: Vec<TokenTree>) -> TokenStream {
    if let Some(TokenTree::Group(body)) = tokens.last_mut()
        && body.delimiter() == Delimiter::Brace
    {
        let span = body.span();
        *body = Group::new(Delimiter::Brace, TokenStream::new());
        body.set_span(span);
    }
    tokens.into_iter().collect()
}

/// The keyword of an item that is no function.
fn other_item(input: ParseStream<'_>) -> Option<(String, Span)> {
    let ahead = input.fork();
    let mut first = None;
    while let Ok(token) = ahead.parse::<TokenTree>() {
        match &token {
            TokenTree::Ident(word) if word == "fn" => return None,
            TokenTree::Ident(word) => {
                let first = first.get_or_insert_with(|| (word.to_string(), word.span()));
                if !matches!(word.to_string().as_str(), "const" | "async" | "unsafe" | "extern" | "safe") {
                    let named = match first.0.as_str() {
                        "unsafe" | "async" => (word.to_string(), first.1),
                        _ => first.clone(),
                    };
                    return Some(named);
                }
            }
            TokenTree::Literal(_) => {}
            _ => return first,
        }
    }
    first
}

/// Another stage attribute on the same function.
pub(crate) fn second_role(attrs: &[Attribute]) -> Option<(usize, Role)> {
    attrs.iter().enumerate().find_map(|(at, attr)| {
        let name = &attr.path().segments.last()?.ident;
        Role::ALL.into_iter().find(|role| name == role.name()).map(|role| (at, role))
    })
}

/// The item without its attribute number `at`, so that only one of two roles is expanded.
pub(crate) fn without_attribute(item: TokenStream, at: usize) -> TokenStream {
    let mut rest = TokenStream::new();
    let mut seen = 0;
    let mut tokens = item.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let opens = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
        let brackets = matches!(tokens.peek(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket);
        if opens && brackets {
            seen += 1;
            if seen == at + 1 {
                tokens.next();
                continue;
            }
        }
        token.to_tokens(&mut rest);
    }
    rest
}
