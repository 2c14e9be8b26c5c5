//! Where generated code finds the runtime, and which spans it carries.

use std::rc::Rc;

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt, quote, quote_spanned};
use syn::Path;

use crate::diag::Errors;
use crate::messages;

/// What every expansion needs to know.
#[derive(Clone)]
pub(crate) struct Ctx {
    runtime: TokenStream,
    private: Rc<[TokenTree]>,
}

impl Default for Ctx {
    fn default() -> Self {
        Self::of(quote!(::etl_core))
    }
}

/// The path of what expanded code calls, located somewhere.
#[derive(Clone)]
pub(crate) struct Runtime {
    path: Rc<[TokenTree]>,
    span: Span,
}

impl ToTokens for Runtime {
    // Token by token: each stream within a stream is one more that the compiler is asked to join.
    fn to_tokens(&self, tokens: &mut TokenStream) {
        for token in self.path.iter() {
            let mut token = token.clone();
            token.set_span(self.span);
            tokens.append(token);
        }
    }
}

impl Ctx {
    fn of(runtime: TokenStream) -> Self {
        let private = quote!(#runtime::__private).into_iter().collect();
        Self { runtime, private }
    }

    /// With the path that `crate = …` gave, if it can be used everywhere.
    pub(crate) fn new(path: Option<&Path>, errors: &mut Errors) -> Self {
        let Some(path) = path else { return Self::default() };
        let absolute = path.leading_colon.is_some() || path.segments.first().is_some_and(|first| first.ident == "crate");
        if absolute {
            Self::of(path.to_token_stream())
        } else {
            errors.on(path, messages::crate_path_must_be_absolute(&text_of(path)));
            Self::default()
        }
    }

    /// Brings the runtime into scope under a short name: a path of many parts, said a hundred times, is
    /// most of what the compiler would have to read.
    pub(crate) fn import(&self) -> TokenStream {
        let (runtime, name) = (self.runtime(), runtime_at(Span::mixed_site()));
        quote_spanned!(Span::mixed_site()=> use #runtime::__private as #name;)
    }

    /// The runtime's path, for generated code that no error should point at.
    pub(crate) fn runtime(&self) -> TokenStream {
        self.runtime_at(Span::mixed_site())
    }

    /// What expanded code calls the runtime by, where no [`Ctx::import`] is in scope: a stage is too small for a block with
    /// one, because the compiler has more work with a block and an import than with the parts of a few paths.
    pub(crate) fn private_at(&self, span: Span) -> Runtime {
        Runtime { path: Rc::clone(&self.private), span }
    }

    /// The runtime's path, located where an error of the code around it should point.
    pub(crate) fn runtime_at(&self, span: Span) -> TokenStream {
        respan(self.runtime.clone(), span)
    }
}

/// What expanded code calls the runtime, inside of a block that begins with [`Ctx::import`].
pub(crate) fn runtime_at(span: Span) -> proc_macro2::Ident {
    proc_macro2::Ident::new("__etl", span)
}

/// The span of generated code that stands for `user`: errors point at the user's token, but names
/// resolve as the macro's own, so that lints see generated code and locals cannot collide.
pub(crate) fn mixed_at(user: Span) -> Span {
    Span::mixed_site().located_at(user)
}

/// The same tokens, all at `span`.
pub(crate) fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            if let TokenTree::Group(group) = &token {
                token = TokenTree::Group(Group::new(group.delimiter(), respan(group.stream(), span)));
            }
            token.set_span(span);
            token
        })
        .collect()
}

/// The span of the first token, or the macro's own where there is none.
pub(crate) fn first_span(tokens: impl ToTokens) -> Span {
    tokens.to_token_stream().into_iter().next().map_or_else(Span::call_site, |token| token.span())
}

/// Tokens as a person would write them: `Option<postgres::Row>`, not `Option < postgres :: Row >`.
pub(crate) fn text_of(tokens: impl ToTokens) -> String {
    let mut text = String::new();
    write_text(tokens.to_token_stream(), &mut text);
    text
}

fn write_text(tokens: TokenStream, text: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => ("(", ")"),
                    proc_macro2::Delimiter::Bracket => ("[", "]"),
                    proc_macro2::Delimiter::Brace => ("{ ", " }"),
                    proc_macro2::Delimiter::None => ("", ""),
                };
                text.push_str(open);
                write_text(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => match punct.as_char() {
                ',' | ';' => {
                    text.push(punct.as_char());
                    text.push(' ');
                }
                '=' | '+' => {
                    text.push(' ');
                    text.push(punct.as_char());
                    text.push(' ');
                }
                other => text.push(other),
            },
            TokenTree::Ident(_) | TokenTree::Literal(_) => {
                if text.ends_with(|last: char| last.is_alphanumeric() || matches!(last, '_' | ']' | ')' | '"' | '%')) {
                    text.push(' ');
                }
                text.push_str(&token.to_string());
            }
        }
    }
}

/// A type without the invisible parentheses that `macro_rules!` puts around it.
pub(crate) fn ungroup(mut ty: &syn::Type) -> &syn::Type {
    loop {
        ty = match ty {
            syn::Type::Group(group) => &group.elem,
            syn::Type::Paren(paren) => &paren.elem,
            other => return other,
        };
    }
}

/// The only type argument of a path that ends in `name`, such as the `T` of `std::vec::Vec<T>`.
pub(crate) fn argument_of<'t>(ty: &'t syn::Type, name: &str) -> Option<&'t syn::Type> {
    let arguments = arguments_of(ty, name)?;
    match arguments.as_slice() {
        [only] => Some(only),
        _ => None,
    }
}

/// The type arguments of a path that ends in `name`; `None` where it does not, or has none.
pub(crate) fn arguments_of<'t>(ty: &'t syn::Type, name: &str) -> Option<Vec<&'t syn::Type>> {
    let syn::Type::Path(path) = ungroup(ty) else { return None };
    let last = path.path.segments.last()?;
    if path.qself.is_some() || last.ident != name {
        return None;
    }
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let types: Vec<_> = arguments
        .args
        .iter()
        .filter_map(|argument| match argument {
            syn::GenericArgument::Type(ty) => Some(ty),
            _ => None,
        })
        .collect();
    if types.is_empty() { None } else { Some(types) }
}

/// The type with every lifetime replaced by `'static`, for a place where none is in scope. Lifetimes
/// carry no information there: what is asked of the type is the same for all of them.
pub(crate) fn with_static_lifetimes(tokens: TokenStream) -> TokenStream {
    let mut after_tick = false;
    tokens
        .into_iter()
        .map(|token| {
            let is_name = std::mem::replace(&mut after_tick, matches!(&token, TokenTree::Punct(p) if p.as_char() == '\''));
            match token {
                TokenTree::Ident(ident) if is_name => TokenTree::Ident(proc_macro2::Ident::new("static", ident.span())),
                TokenTree::Group(group) => {
                    let mut again = Group::new(group.delimiter(), with_static_lifetimes(group.stream()));
                    again.set_span(group.span());
                    TokenTree::Group(again)
                }
                other => other,
            }
        })
        .collect()
}

/// The documentation in `attrs`, one line each, as written in `///`.
pub(crate) fn doc_of(attrs: &[syn::Attribute]) -> String {
    let mut lines = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("doc")) {
        if let syn::Meta::NameValue(pair) = &attr.meta
            && let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value
        {
            lines.extend(text.value().lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()));
        }
    }
    lines.join("\n").trim().to_owned()
}
