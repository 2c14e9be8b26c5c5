//! The options in an attribute's parentheses: `parallel, batch = 500, validate(output)`.
//!
//! A role has one table of what it knows ([`table`]); everything that can be said of a single
//! option (unknown, doubled, of another kind, zero) is said here, from that table. What options
//! mean together, and with the signature, is in [`stage`].

pub(crate) mod stage;
pub(crate) mod table;
mod value;

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::Parser;

pub(crate) use table::{Kind, Spec};
pub(crate) use value::{Count, Side, Value};

use crate::diag::{Errors, did_you_mean};
use crate::messages;
use crate::role::Role;

/// One option that was understood.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

/// The options that were understood, each at most once.
#[derive(Default)]
pub(crate) struct Options(Vec<Entry>);

impl Options {
    pub(crate) fn get(&self, name: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.name == name)
    }

    /// Whether nothing was said, but perhaps where the runtime is.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|entry| matches!(entry.value, Value::Path(_)))
    }

    /// Forgets an option that cannot be kept, so that the expansion goes on without it.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Entry> {
        let at = self.0.iter().position(|entry| entry.name == name)?;
        Some(self.0.remove(at))
    }
}

/// Reads the options of an attribute. Whatever is wrong goes to `errors`, and the option is left
/// out.
pub(crate) fn parse(role: Role, tokens: TokenStream, errors: &mut Errors) -> Options {
    let mut options = Options::default();
    for chunk in split_at_commas(tokens) {
        if let Some(entry) = parse_one(role, chunk, errors) {
            if let Some(first) = options.get(entry.name) {
                errors.at(entry.key.span(), messages::duplicate_option(entry.name, first.key.span()));
            } else {
                options.0.push(entry);
            }
        }
    }
    options
}

fn parse_one(role: Role, chunk: TokenStream, errors: &mut Errors) -> Option<Entry> {
    let (key, written) = errors.keep(split_key.parse2(chunk))?;
    let name = key.unraw().to_string();
    let Some(spec) = table::of(role).iter().find(|spec| spec.name == name) else {
        errors.at(key.span(), unknown(role, &name));
        return None;
    };
    let value = value::read(role, spec, &key, written, errors)?;
    Some(Entry { name: spec.name, key, value })
}

fn unknown(role: Role, name: &str) -> String {
    let known = || table::of(role).iter().filter(|spec| spec.kind.is_here()).map(|spec| spec.name);
    let others: Vec<_> = Role::ALL
        .into_iter()
        .filter(|other| *other != role && table::of(*other).iter().any(|spec| spec.name == name && spec.kind.is_here()))
        .collect();
    if !others.is_empty() {
        return messages::option_of_another_role(name, role, &others);
    }
    let meant = table::OFTEN_MEANT
        .iter()
        .find(|(written, meant)| *written == name && known().any(|known| known == *meant))
        .map(|(_, meant)| *meant)
        .or_else(|| did_you_mean(name, known()));
    messages::unknown_option(name, role, meant, &known().collect::<Vec<_>>())
}

/// What stands behind the name of an option.
pub(crate) enum Written {
    /// `parallel`
    Nothing,
    /// `batch = 500`
    Equals(TokenStream),
    /// `validate(output)`
    Parens(Span, TokenStream),
}

fn split_key(input: syn::parse::ParseStream<'_>) -> syn::Result<(Ident, Written)> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error(messages::EXPECTED_OPTION));
    }
    let key = Ident::parse_any(input)?;
    if input.is_empty() {
        return Ok((key, Written::Nothing));
    }
    if input.peek(syn::Token![=]) {
        input.parse::<syn::Token![=]>()?;
        return Ok((key, Written::Equals(input.parse()?)));
    }
    if input.peek(syn::token::Paren) {
        let group: proc_macro2::Group = input.parse()?;
        if input.is_empty() {
            return Ok((key, Written::Parens(group.span(), group.stream())));
        }
    }
    Err(input.error(messages::option_needs_comma(&key.to_string())))
}

/// Splits at the commas that are not inside parentheses. (A comma inside `<…>` splits too: no value
/// of an option has one.)
pub(crate) fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let mut chunks = vec![Vec::new()];
    for token in tokens {
        match (&token, chunks.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => chunks.push(Vec::new()),
            (TokenTree::Group(group), Some(last)) if group.delimiter() == Delimiter::None => last.extend(group.stream()),
            (_, Some(last)) => last.push(token),
            (_, None) => {}
        }
    }
    chunks.into_iter().filter(|chunk| !chunk.is_empty()).map(TokenStream::from_iter).collect()
}
