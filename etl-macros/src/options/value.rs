//! The value of one option, read as its kind demands.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprPath, Lit, Token};

use super::{Kind, Spec, Written};
use crate::ctx::mixed_at;
use crate::diag::{Errors, did_you_mean};
use crate::messages;
use crate::role::Role;

/// A value with the place where it stands.
pub(crate) enum Value {
    Flag,
    Count(Count),
    Duration(Duration, Span),
    /// So many records in 1, 60 or 3,600 seconds.
    Rate {
        records: u32,
        seconds: u64,
    },
    Word(&'static str),
    Sides(Vec<(Side, Span)>),
    Key(Vec<Ident>),
    Path(syn::Path),
    Function(syn::Path),
}

/// A side of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Input,
    Output,
}

/// A number, or a constant whose value only the compiler knows.
pub(crate) enum Count {
    Literal(u64, Span),
    Constant(ExprPath),
}

impl Count {
    /// The expression. A literal has no suffix, so that it takes the type of its place.
    pub(crate) fn tokens(&self) -> TokenStream {
        match self {
            Self::Literal(number, span) => {
                let mut literal = proc_macro2::Literal::u64_unsuffixed(*number);
                literal.set_span(mixed_at(*span));
                literal.into_token_stream()
            }
            Self::Constant(path) => path.to_token_stream(),
        }
    }

    /// Where it stands.
    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Literal(_, span) => *span,
            Self::Constant(path) => crate::ctx::first_span(path),
        }
    }
}

/// `Duration::new(…)`, known when the macro runs.
pub(crate) fn duration_tokens(duration: Duration) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote_spanned!(Span::mixed_site()=> ::core::time::Duration::new(#seconds, #nanos))
}

/// Reads what was written behind `key`.
pub(super) fn read(role: Role, spec: &Spec, key: &Ident, written: Written, errors: &mut Errors) -> Option<Value> {
    match (spec.kind, written) {
        (Kind::Clause(example), _) => {
            errors.at(key.span(), messages::option_is_a_clause(spec.name, example));
            None
        }
        (Kind::Key, Written::Parens(span, inside)) => fields(span, inside, errors).map(Value::Key),
        (Kind::Key, _) => {
            errors.at(key.span(), messages::key_form(None));
            None
        }
        (Kind::Flag, Written::Nothing) => Some(Value::Flag),
        (Kind::Flag, Written::Equals(value)) => {
            errors.on(value, messages::flag_with_value(spec.name));
            None
        }
        (Kind::Flag, Written::Parens(span, _)) => {
            errors.at(span, messages::flag_with_value(spec.name));
            None
        }
        (Kind::Sides { output }, Written::Parens(span, inside)) => sides(role, output, span, inside, errors).map(Value::Sides),
        (Kind::Sides { .. }, _) => {
            errors.at(key.span(), messages::needs_parens(spec.name, spec.example));
            None
        }
        (_, Written::Nothing) => {
            errors.at(key.span(), messages::needs_value(spec.name, spec.example));
            None
        }
        (_, Written::Parens(span, _)) => {
            errors.at(span, messages::needs_value(spec.name, spec.example));
            None
        }
        (_, Written::Equals(value)) if value.is_empty() => {
            errors.at(key.span(), messages::needs_value(spec.name, spec.example));
            None
        }
        (Kind::Count { max }, Written::Equals(value)) => count(spec, max, value, errors).map(Value::Count),
        (Kind::Duration, Written::Equals(value)) => duration(spec, value, errors),
        (Kind::Rate, Written::Equals(value)) => rate(spec, value, errors),
        (Kind::Word(words), Written::Equals(value)) => word(spec, words, value, errors).map(Value::Word),
        (Kind::Function, Written::Equals(value)) => function(spec, value, errors).map(Value::Function),
        (Kind::Path, Written::Equals(value)) => errors.keep(syn::Path::parse_mod_style.parse2(value)).map(Value::Path),
    }
}

fn expression(spec: &Spec, value: TokenStream, errors: &mut Errors) -> Option<Expr> {
    let mut parsed = match syn::parse2::<Expr>(value.clone()) {
        Ok(expression) => expression,
        Err(_) => {
            errors.on(value, messages::needs_value(spec.name, spec.example));
            return None;
        }
    };
    while let Expr::Group(group) = parsed {
        parsed = *group.expr;
    }
    Some(parsed)
}

fn count(spec: &Spec, max: u64, value: TokenStream, errors: &mut Errors) -> Option<Count> {
    match expression(spec, value, errors)? {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => match number.base10_parse::<u64>() {
                Ok(0) => {
                    errors.on(&literal, messages::zero(spec.name));
                    None
                }
                Ok(count) if count <= max => Some(Count::Literal(count, number.span())),
                _ => {
                    errors.on(&literal, messages::too_large(spec.name, max));
                    None
                }
            },
            Lit::Str(text) => {
                errors.on(&literal, messages::number_in_quotes(spec.name, &text.value(), spec.example));
                None
            }
            _ => {
                errors.on(&literal, messages::not_a_number(spec.name, spec.example));
                None
            }
        },
        Expr::Path(path) => Some(Count::Constant(path)),
        other => {
            errors.on(other, messages::not_a_number(spec.name, spec.example));
            None
        }
    }
}

fn duration(spec: &Spec, value: TokenStream, errors: &mut Errors) -> Option<Value> {
    match expression(spec, value, errors)? {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => match humantime::parse_duration(&text.value()) {
                Ok(Duration::ZERO) => {
                    errors.on(&literal, messages::zero_duration(spec.name));
                    None
                }
                Ok(duration) => Some(Value::Duration(duration, text.span())),
                Err(_) => {
                    errors.on(&literal, messages::bad_duration(spec.name, &text.value()));
                    None
                }
            },
            _ => {
                errors.on(&literal, messages::duration_is_text(spec.name, spec.example));
                None
            }
        },
        other => {
            errors.on(other, messages::duration_is_text(spec.name, spec.example));
            None
        }
    }
}

fn rate(spec: &Spec, value: TokenStream, errors: &mut Errors) -> Option<Value> {
    let literal = match expression(spec, value, errors)? {
        Expr::Lit(literal) => literal,
        other => {
            errors.on(other, messages::rate_is_text(spec.example));
            return None;
        }
    };
    let Lit::Str(text) = &literal.lit else {
        errors.on(&literal, messages::rate_is_text(spec.example));
        return None;
    };
    let known = text.value().split_once('/').and_then(|(records, unit)| {
        let seconds = match unit.trim() {
            "s" | "sec" => 1,
            "m" | "min" => 60,
            "h" | "hour" => 3_600,
            _ => return None,
        };
        let records: u32 = records.trim().replace('_', "").parse().ok()?;
        Some((records, seconds))
    });
    match known {
        Some((0, _)) => {
            errors.on(&literal, messages::zero(spec.name));
            None
        }
        Some((records, seconds)) => Some(Value::Rate { records, seconds }),
        None => {
            errors.on(&literal, messages::bad_rate(&text.value()));
            None
        }
    }
}

fn word(spec: &Spec, words: &[&'static str], value: TokenStream, errors: &mut Errors) -> Option<&'static str> {
    let Expr::Path(path) = expression(spec, value.clone(), errors)? else {
        errors.on(value, messages::not_a_word(spec.name, words));
        return None;
    };
    let written = crate::ctx::text_of(&path);
    let known = words.iter().find(|word| **word == written).copied();
    if known.is_none() {
        errors.on(path, messages::unknown_word(spec.name, &written, did_you_mean(&written, words.iter().copied()), words));
    }
    known
}

fn function(spec: &Spec, value: TokenStream, errors: &mut Errors) -> Option<syn::Path> {
    match expression(spec, value, errors)? {
        Expr::Path(path) if path.qself.is_none() => Some(path.path),
        other => {
            errors.on(other, messages::not_a_function_name(spec.name, spec.example));
            None
        }
    }
}

/// `key = id` or `key = [day, carrier]`.
fn fields(span: Span, inside: TokenStream, errors: &mut Errors) -> Option<Vec<Ident>> {
    let key = |input: ParseStream<'_>| {
        let word = input.call(Ident::parse_any)?;
        if word != "key" {
            let field = input.is_empty().then(|| word.to_string());
            return Err(syn::Error::new(word.span(), messages::key_form(field.as_deref())));
        }
        if !input.peek(Token![=]) {
            return Err(syn::Error::new(word.span(), messages::key_form(None)));
        }
        input.parse::<Token![=]>()?;
        let fields = if input.peek(syn::token::Bracket) {
            let listed;
            syn::bracketed!(listed in input);
            Punctuated::<Ident, Token![,]>::parse_terminated(&listed)?.into_iter().collect()
        } else {
            vec![input.parse::<Ident>().map_err(|error| syn::Error::new(error.span(), messages::key_form(None)))?]
        };
        if input.is_empty() { Ok(fields) } else { Err(input.error(messages::key_form(None))) }
    };
    if inside.is_empty() {
        errors.at(span, messages::key_form(None));
        return None;
    }
    let fields: Vec<Ident> = errors.keep(key.parse2(inside))?;
    if fields.is_empty() {
        errors.at(span, messages::key_form(None));
        return None;
    }
    if let Some((at, twice)) = fields.iter().enumerate().find(|(at, field)| fields[..*at].contains(field)) {
        errors.at(twice.span(), messages::key_twice(&fields[at].to_string()));
        return None;
    }
    Some(fields)
}

fn sides(role: Role, output: bool, span: Span, inside: TokenStream, errors: &mut Errors) -> Option<Vec<(Side, Span)>> {
    let words = errors.keep(Punctuated::<Ident, Token![,]>::parse_terminated.parse2(inside))?;
    if words.is_empty() {
        errors.at(span, messages::validates_nothing(output));
        return None;
    }
    let mut sides: Vec<(Side, Span)> = Vec::new();
    for word in words {
        let side = match word.to_string().as_str() {
            "input" => Side::Input,
            "output" if output => Side::Output,
            "output" => {
                errors.at(word.span(), messages::no_output_to_validate(role));
                continue;
            }
            other => {
                errors.at(word.span(), messages::unknown_side(other, output));
                continue;
            }
        };
        if sides.iter().any(|(known, _)| *known == side) {
            errors.at(word.span(), messages::side_twice(&word.to_string()));
        } else {
            sides.push((side, word.span()));
        }
    }
    Some(sides)
}
