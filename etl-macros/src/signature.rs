//! What a stage's parameters say: which is the record, what is lent, what is kept.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, Type};

use crate::ctx::{argument_of, text_of, ungroup, with_static_lifetimes};
use crate::diag::Errors;
use crate::item::StageFn;
use crate::messages;
use crate::returns::Returned;
use crate::role::Role;

/// As many types as a context can lend at once.
const MOST_NEEDS: usize = 8;

/// A signature that fits its role.
pub(crate) struct Signature {
    pub(crate) name: Ident,
    pub(crate) is_async: bool,
    /// The record parameter; an extractor and a resource have none.
    pub(crate) record: Option<Record>,
    /// The types that are lent, each once.
    pub(crate) needs: Vec<Type>,
    /// The type behind `&mut`: a transform's state, a loader's transaction.
    pub(crate) mutable: Option<Type>,
    /// What stands where, in the order of the parameters.
    pub(crate) slots: Vec<Slot>,
    pub(crate) returned: Returned,
}

/// The record parameter.
pub(crate) struct Record {
    /// The type of one record.
    pub(crate) ty: Type,
    pub(crate) takes: Takes,
}

/// How a function takes its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Record,
    RecordLent,
    Batch,
    BatchLent,
}

impl Takes {
    pub(crate) const fn is_batch(self) -> bool {
        matches!(self, Self::Batch | Self::BatchLent)
    }

    pub(crate) const fn is_lent(self) -> bool {
        matches!(self, Self::RecordLent | Self::BatchLent)
    }

    /// The name of the variant of `etl_core::stage::Takes`.
    pub(crate) const fn variant(self) -> &'static str {
        match self {
            Self::Record => "Record",
            Self::RecordLent => "RecordLent",
            Self::Batch => "Batch",
            Self::BatchLent => "BatchLent",
        }
    }
}

/// What one parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Record,
    /// An index into [`Signature::needs`].
    Need(usize),
    Mutable,
}

/// Reads the signature. `None` means that something is in `errors` and nothing can be expanded.
pub(crate) fn read(role: Role, item: &StageFn, errors: &mut Errors) -> Option<Signature> {
    let sig = &item.sig;
    let name = sig.ident.to_string();
    let before = errors.count();
    modifiers(role, item, errors);
    let mut record = None;
    let mut needs: Vec<Type> = Vec::new();
    let mut mutable = None;
    let mut slots = Vec::new();
    for (index, input) in sig.inputs.iter().enumerate() {
        let ty = match input {
            FnArg::Typed(typed) => ungroup(&typed.ty),
            FnArg::Receiver(receiver) => {
                errors.on(receiver, messages::takes_self(role, &name));
                return None;
            }
        };
        let takes_record = matches!(role, Role::Transform | Role::Filter | Role::Loader);
        if takes_record && index == 0 {
            record = record_parameter(role, &name, ty, errors);
            slots.push(Slot::Record);
            continue;
        }
        match ty {
            Type::Reference(reference) if reference.mutability.is_some() => {
                if matches!(role, Role::Transform | Role::Loader) {
                    if mutable.is_some() {
                        errors.on(ty, messages::second_mutable(role));
                    }
                    mutable.get_or_insert_with(|| (*reference.elem).clone());
                    slots.push(Slot::Mutable);
                } else {
                    errors.on(ty, messages::mutable_in_the_wrong_role(role, &name));
                }
            }
            Type::Reference(reference) => {
                let lent = ungroup(&reference.elem);
                if let Some(message) = not_lent(role, ty, lent) {
                    errors.on(ty, message);
                    continue;
                }
                let text = text_of(lent);
                let known = needs.iter().position(|known| text_of(known) == text);
                slots.push(Slot::Need(known.unwrap_or_else(|| {
                    needs.push(lent.clone());
                    needs.len() - 1
                })));
            }
            _ => {
                let message = by_value(role, ty).unwrap_or_else(|| match takes_record {
                    true => messages::second_record(&name, &text_of(ty)),
                    false => messages::by_value_without_record(role, &name, &text_of(ty)),
                });
                errors.on(ty, message);
            }
        }
    }
    if matches!(role, Role::Transform | Role::Filter | Role::Loader) && sig.inputs.is_empty() {
        errors.at(sig.paren_token.span.join(), messages::no_record(role, &name));
    }
    // A loader asks for its target as well.
    let most = if role == Role::Loader { MOST_NEEDS - 1 } else { MOST_NEEDS };
    if let Some(extra) = needs.get(most) {
        errors.on(extra, messages::too_many_needs(&name, most));
    }
    let batch = record.as_ref().is_some_and(|record: &Record| record.takes.is_batch());
    let returned = Returned::read(role, batch, &name, &sig.output, sig.paren_token.span.close(), errors);
    if errors.count() > before {
        return None;
    }
    Some(Signature { name: sig.ident.clone(), is_async: sig.asyncness.is_some(), record, needs, mutable, slots, returned: returned? })
}

/// What is said of a reference to a type that is no resource: it is looked up by its type, which has
/// a size.
fn not_lent(role: Role, ty: &Type, lent: &Type) -> Option<String> {
    match lent {
        Type::TraitObject(_) | Type::ImplTrait(_) | Type::Infer(_) => Some(messages::resource_is_no_plain_type(&text_of(ty))),
        Type::Slice(_) => Some(messages::resource_is_unsized(&text_of(ty))),
        _ if UNSIZED.contains(&text_of(lent).as_str()) => Some(messages::resource_is_unsized(&text_of(ty))),
        _ if role == Role::Loader && is_transaction(lent) => Some(messages::transaction_by_mut(&text_of(lent))),
        _ => None,
    }
}

/// The types of the standard library that people lend and that have no size.
const UNSIZED: [&str; 9] =
    ["str", "Path", "path::Path", "std::path::Path", "OsStr", "ffi::OsStr", "std::ffi::OsStr", "CStr", "std::ffi::CStr"];

/// What is said of a parameter that is neither the record nor lent, where its type tells what was meant.
fn by_value(role: Role, ty: &Type) -> Option<String> {
    if role == Role::Loader && is_transaction(ty) {
        return Some(messages::transaction_by_mut(&text_of(ty)));
    }
    if let Some(inner) = argument_of(ty, "Option") {
        let Type::Reference(reference) = ungroup(inner) else { return None };
        return Some(messages::resource_is_always_there(&text_of(&reference.elem)));
    }
    let pointer = ["Arc", "Rc", "Box"].into_iter().find(|pointer| argument_of(ty, pointer).is_some())?;
    let inner = argument_of(ty, pointer)?;
    let has_name = matches!(ungroup(inner), Type::Path(path) if !UNSIZED.contains(&text_of(path).as_str()));
    has_name.then(|| messages::resource_is_shared(pointer, &text_of(inner)))
}

fn is_transaction(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path.segments.last().is_some_and(|last| last.ident.to_string().ends_with("Transaction"))
}

/// Nothing but `async` may stand before `fn`, and the types must be known.
fn modifiers(role: Role, item: &StageFn, errors: &mut Errors) {
    let sig = &item.sig;
    let name = &sig.ident.to_string();
    if let Some(word) = &sig.constness {
        errors.at(word.span(), messages::modifier(role, name, "const"));
    }
    if let syn::Safety::Unsafe(word) = &sig.safety {
        errors.at(word.span(), messages::modifier(role, name, "unsafe"));
    }
    if let Some(abi) = &sig.abi {
        errors.at(abi.extern_token.span(), messages::modifier(role, name, "extern"));
    }
    if let Some(variadic) = &sig.variadic {
        errors.on(variadic, messages::modifier(role, name, "variadic"));
    }
    let generic = sig.generics.params.iter().find(|param| !matches!(param, syn::GenericParam::Lifetime(_)));
    if let Some(param) = generic {
        errors.on(param, messages::generic(role, name));
    }
}

fn record_parameter(role: Role, name: &str, ty: &Type, errors: &mut Errors) -> Option<Record> {
    let (takes, record) = match ty {
        Type::Reference(reference) if reference.mutability.is_some() => {
            errors.on(ty, messages::mutable_record(&text_of(&reference.elem)));
            return None;
        }
        Type::Reference(reference) => match ungroup(&reference.elem) {
            Type::Slice(slice) => (Takes::BatchLent, ungroup(&slice.elem)),
            other => match argument_of(other, "Vec") {
                Some(record) => {
                    errors.on(ty, messages::reference_to_vec(&text_of(record)));
                    return None;
                }
                None => (Takes::RecordLent, other),
            },
        },
        other => match argument_of(other, "Vec") {
            Some(record) => (Takes::Batch, ungroup(record)),
            None => (Takes::Record, other),
        },
    };
    let is_str = matches!(record, Type::Path(path) if path.path.is_ident("str"));
    let borrowed =
        is_str || matches!(record, Type::Reference(_)) || record.to_token_stream().into_iter().any(|token| token.to_string() == "'");
    if borrowed {
        errors.on(record, messages::borrowed_record(&text_of(record)));
    } else if matches!(record, Type::ImplTrait(_) | Type::TraitObject(_) | Type::Infer(_)) {
        errors.on(record, messages::record_is_no_plain_type(&text_of(record)));
    }
    match (role, takes) {
        (Role::Filter, Takes::RecordLent) | (Role::Loader, Takes::RecordLent | Takes::BatchLent) | (Role::Transform, _) => {}
        (Role::Filter, Takes::Batch | Takes::BatchLent) => errors.on(ty, messages::filter_takes_a_batch(name, &text_of(record))),
        (Role::Filter, _) => errors.on(ty, messages::filter_takes_by_value(name, &text_of(record))),
        _ => errors.on(ty, messages::loader_takes_by_value(name, &text_of(record), takes.is_batch())),
    }
    Some(Record { ty: record.clone(), takes })
}

impl Signature {
    /// The record type; for the roles that have one.
    pub(crate) fn record(&self) -> (&Type, Takes) {
        match &self.record {
            Some(record) => (&record.ty, record.takes),
            None => unreachable!("only asked of roles whose signature was checked to have a record"),
        }
    }

    /// The tuple of needed types.
    pub(crate) fn needs_tuple(&self) -> TokenStream {
        let needs = self.needs.iter().map(|need| with_static_lifetimes(need.to_token_stream()));
        quote_spanned!(proc_macro2::Span::mixed_site()=> (#(#needs,)*))
    }
}
