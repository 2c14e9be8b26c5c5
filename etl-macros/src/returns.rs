//! What a stage returns, as far as tokens can tell. Only what the compiler cannot name is taken
//! apart here: `impl Iterator` and `impl Stream`. Everything else is asked of the type itself, so
//! that aliases work.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{GenericArgument, PathArguments, ReturnType, Type, TypeParamBound};

use crate::ctx::{arguments_of, first_span, mixed_at, text_of, ungroup, with_static_lifetimes};
use crate::diag::Errors;
use crate::messages;
use crate::role::Role;

/// The return type of a stage.
pub(crate) struct Returned {
    /// As written; `()` where nothing is.
    pub(crate) ty: Type,
    /// Where errors about it belong.
    pub(crate) span: Span,
    pub(crate) hidden: Option<Hidden>,
    /// Whether `Result<…>` is around the hidden type.
    pub(crate) in_result: bool,
}

/// An `impl Trait` that yields records.
pub(crate) struct Hidden {
    pub(crate) is_stream: bool,
    /// The `X` of `Item = X`.
    pub(crate) item: Type,
}

impl Returned {
    pub(crate) fn read(role: Role, batch: bool, name: &str, output: &ReturnType, end: Span, errors: &mut Errors) -> Option<Self> {
        let ty = match output {
            ReturnType::Type(_, ty) => ungroup(ty),
            ReturnType::Default if role == Role::Loader => {
                let unit = syn::parse_quote_spanned!(mixed_at(end)=> ());
                return Some(Self { ty: unit, span: end, hidden: None, in_result: false });
            }
            ReturnType::Default => {
                errors.at(end, messages::returns_nothing(role, name));
                return None;
            }
        };
        let in_result = arguments_of(ty, "Result");
        let inner = in_result.as_ref().and_then(|arguments| arguments.first()).map_or(ty, |inner| ungroup(inner));
        let span = first_span(ty);
        if let Some(output) = output_of_a_future(inner) {
            errors.on(inner, messages::returns_a_future(output.map(text_of).as_deref()));
            return None;
        }
        if role == Role::Resource && borrows(inner) {
            errors.on(inner, messages::resource_borrows(&text_of(inner)));
            return None;
        }
        let Type::ImplTrait(hidden) = inner else {
            if contains_impl(ty.to_token_stream()) {
                errors.on(ty, messages::impl_in_the_wrong_place(role, &text_of(ty)));
                return None;
            }
            return Some(Self { ty: ty.clone(), span, hidden: None, in_result: false });
        };
        let Some(hidden) = Hidden::of(hidden) else {
            errors.on(hidden, messages::unknown_impl(role, &text_of(hidden)));
            return None;
        };
        if hidden.is_stream && role != Role::Extractor {
            errors.on(inner, messages::stream_in_the_wrong_role(role));
            return None;
        }
        if batch {
            errors.on(inner, messages::iterator_from_a_batch());
            return None;
        }
        if !matches!(role, Role::Extractor | Role::Transform) {
            errors.on(inner, messages::unknown_impl(role, &text_of(inner)));
            return None;
        }
        Some(Self { ty: ty.clone(), span, hidden: Some(hidden), in_result: in_result.is_some() })
    }

    /// The return type with `instead` in place of the `impl Trait`, and no lifetime that is not in
    /// scope: what a trait can be asked about.
    pub(crate) fn nameable(&self, instead: &TokenStream) -> TokenStream {
        if self.hidden.is_none() {
            return with_static_lifetimes(self.ty.to_token_stream());
        }
        let Type::Path(path) = &self.ty else { return instead.clone() };
        let mut path = path.clone();
        if let Some(last) = path.path.segments.last_mut()
            && let PathArguments::AngleBracketed(arguments) = &mut last.arguments
            && let Some(GenericArgument::Type(first)) =
                arguments.args.iter_mut().find(|argument| matches!(argument, GenericArgument::Type(_)))
        {
            *first = Type::Verbatim(instead.clone());
        }
        with_static_lifetimes(path.to_token_stream())
    }

    /// The call with what it returns wrapped in `wrapper`, so that a trait sees through the `impl`.
    pub(crate) fn wrapped(&self, call: TokenStream, wrapper: &TokenStream) -> TokenStream {
        let span = mixed_at(self.span);
        match (&self.hidden, self.in_result) {
            (None, _) => call,
            (Some(_), false) => quote_spanned!(span=> #wrapper(#call)),
            (Some(_), true) => quote_spanned!(span=> ::core::result::Result::map(#call, #wrapper)),
        }
    }

    /// A function that wraps what the call returns.
    pub(crate) fn wrapper(&self, wrapper: &TokenStream) -> TokenStream {
        let span = mixed_at(self.span);
        let returned = proc_macro2::Ident::new("__etl_returned", span);
        let wrapped = self.wrapped(returned.to_token_stream(), wrapper);
        quote_spanned!(span=> |#returned| #wrapped)
    }

    /// The record type, for people; what tokens can tell of it.
    pub(crate) fn record_text(&self) -> String {
        if let Some(hidden) = &self.hidden {
            return text_of(inside(&hidden.item, &["Result"]));
        }
        let mut ty = &self.ty;
        loop {
            // The sources of the connectors are all called `Rows<T>`, whatever the format.
            let inner = inside(ty, &["Result", "Option", "Vec", "Batch", "Rows"]);
            if std::ptr::eq(inner, ty) {
                return text_of(ty);
            }
            ty = inner;
        }
    }
}

/// The first type argument, where the path ends in one of `names`.
fn inside<'t>(ty: &'t Type, names: &[&str]) -> &'t Type {
    names.iter().find_map(|name| arguments_of(ty, name)).and_then(|arguments| arguments.first().copied()).unwrap_or(ty)
}

impl Hidden {
    fn of(hidden: &syn::TypeImplTrait) -> Option<Self> {
        hidden.bounds.iter().find_map(|bound| {
            let TypeParamBound::Trait(bound) = bound else { return None };
            let last = bound.path.segments.last()?;
            let is_stream = last.ident == "Stream";
            if !is_stream && !["Iterator", "DoubleEndedIterator", "ExactSizeIterator"].iter().any(|name| last.ident == name) {
                return None;
            }
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::AssocType(assoc) if assoc.ident == "Item" => Some(Self { is_stream, item: assoc.ty.clone() }),
                _ => None,
            })
        })
    }
}

/// Whether a type is a reference, or has a lifetime among its arguments, other than `'static`. What is
/// deeper inside may be that of a function, which borrows nothing.
fn borrows(ty: &Type) -> bool {
    let of = |lifetime: &syn::Lifetime| lifetime.ident != "static";
    match ty {
        Type::Reference(reference) => reference.lifetime.as_ref().is_none_or(of),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| match &last.arguments {
            PathArguments::AngleBracketed(arguments) => {
                arguments.args.iter().any(|argument| matches!(argument, GenericArgument::Lifetime(lifetime) if of(lifetime)))
            }
            _ => false,
        }),
        _ => false,
    }
}

/// What a future yields, of `impl Future`, `BoxFuture` and `Pin<Box<dyn Future>>`; `None` where the type
/// is none of these.
fn output_of_a_future(ty: &Type) -> Option<Option<&Type>> {
    if let Some(arguments) = ["BoxFuture", "LocalBoxFuture"].iter().find_map(|name| arguments_of(ty, name)) {
        return Some(arguments.first().copied());
    }
    let pinned = inside(inside(ty, &["Pin"]), &["Box"]);
    let bounds = match ungroup(pinned) {
        Type::ImplTrait(hidden) => &hidden.bounds,
        Type::TraitObject(object) => &object.bounds,
        _ => return None,
    };
    bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        let last = bound.path.segments.last().filter(|last| last.ident == "Future")?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else { return Some(None) };
        Some(arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(assoc) if assoc.ident == "Output" => Some(&assoc.ty),
            _ => None,
        }))
    })
}

fn contains_impl(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        proc_macro2::TokenTree::Ident(word) => word == "impl",
        proc_macro2::TokenTree::Group(group) => contains_impl(group.stream()),
        _ => false,
    })
}
