//! `#[record(…)]` on a struct and on its fields.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, LitStr, Path};

use super::super::case::Case;
use crate::ctx::text_of;
use crate::diag::{Errors, did_you_mean};
use crate::messages;

const ON_STRUCT: [&str; 2] = ["rename_all", "crate"];
const ON_FIELD: [&str; 3] = ["rename", "default", "text"];
/// What people look for who want a column masked.
const MASKS: [&str; 8] = ["sensitive", "secret", "mask", "masked", "redact", "redacted", "pii", "private"];

/// What stands on the struct.
#[derive(Default)]
pub(super) struct RecordOptions {
    pub(super) rename_all: Option<Case>,
    pub(super) runtime: Option<Path>,
}

/// What stands on a field.
#[derive(Default)]
pub(super) struct FieldOptions {
    pub(super) rename: Option<(String, Span)>,
    pub(super) default: bool,
    pub(super) text: bool,
}

impl RecordOptions {
    pub(super) fn read(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        each(attrs, true, errors, |name, meta, errors| {
            match name {
                "rename_all" => {
                    if let Some(case) = text(meta, "rename_all = \"camelCase\"", errors)? {
                        options.rename_all = Case::named(&case.value());
                        if options.rename_all.is_none() {
                            let written = case.value();
                            let meant = Case::NAMES.into_iter().find(|known| same_letters(known, &written));
                            let meant = meant.or_else(|| did_you_mean(&written, Case::NAMES));
                            errors.at(case.span(), messages::unknown_case(&written, meant, &Case::NAMES));
                        }
                    }
                }
                _ => options.runtime = Some(meta.value()?.call(Path::parse_mod_style)?),
            }
            Ok(())
        });
        options
    }
}

impl FieldOptions {
    pub(super) fn read(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        each(attrs, false, errors, |name, meta, errors| {
            match name {
                "rename" => {
                    if let Some(column) = text(meta, "rename = \"Column Name\"", errors)? {
                        if column.value().is_empty() {
                            errors.at(column.span(), messages::empty_column_name());
                        } else {
                            options.rename = Some((column.value(), column.span()));
                        }
                    }
                }
                "default" => options.default = flag(meta, name)?,
                _ => options.text = flag(meta, name)?,
            }
            Ok(())
        });
        options
    }
}

/// Calls `read` for each known option in `#[record(…)]`, at most once for each.
fn each(
    attrs: &[Attribute],
    on_struct: bool,
    errors: &mut Errors,
    mut read: impl FnMut(&str, &ParseNestedMeta<'_>, &mut Errors) -> syn::Result<()>,
) {
    let (here, elsewhere): (&[&str], &[&str]) = if on_struct { (&ON_STRUCT, &ON_FIELD) } else { (&ON_FIELD, &ON_STRUCT) };
    let mut seen: Vec<(String, Span)> = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("record")) {
        let parsed = attr.parse_nested_meta(|meta| {
            let name = text_of(&meta.path);
            if elsewhere.contains(&name.as_str()) {
                return Err(meta.error(messages::record_option_elsewhere(&name, on_struct)));
            }
            if !on_struct && MASKS.contains(&name.as_str()) {
                return Err(meta.error(messages::masked_by_type(&name)));
            }
            if !here.contains(&name.as_str()) {
                return Err(meta.error(messages::unknown_record_option(&name, did_you_mean(&name, here.iter().copied()), here)));
            }
            if let Some((_, first)) = seen.iter().find(|(known, _)| *known == name) {
                return Err(meta.error(messages::duplicate_option(&name, *first)));
            }
            seen.push((name.clone(), crate::ctx::first_span(&meta.path)));
            read(&name, &meta, errors)
        });
        if let Err(error) = parsed {
            errors.push(error);
        }
    }
}

fn text(meta: &ParseNestedMeta<'_>, example: &str, errors: &mut Errors) -> syn::Result<Option<LitStr>> {
    let name = text_of(&meta.path);
    if !meta.input.peek(syn::Token![=]) {
        return Err(meta.error(messages::text_literal(&name, example)));
    }
    let value: syn::Expr = meta.value()?.parse()?;
    match value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Ok(Some(text)),
        other => {
            errors.on(other, messages::text_literal(&name, example));
            Ok(None)
        }
    }
}

fn flag(meta: &ParseNestedMeta<'_>, name: &str) -> syn::Result<bool> {
    if meta.input.is_empty() || meta.input.peek(syn::Token![,]) { Ok(true) } else { Err(meta.error(messages::flag_with_value(name))) }
}

/// `camel_case` means `camelCase`.
fn same_letters(a: &str, b: &str) -> bool {
    let letters = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    letters(a) == letters(b)
}
