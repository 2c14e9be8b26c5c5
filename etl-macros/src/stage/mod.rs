//! The stage attributes: read the item, read the options, check both, expand.
//!
//! Whatever is wrong, the function is emitted first and as it was written. With wrong options the
//! stage is expanded with defaults; with a wrong signature as a poison, a stage that takes part in
//! every check and says nothing more.

mod common;
mod compensation;
mod extractor;
mod filter;
mod loader;
mod poison;
mod resource;
mod transform;

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;

use crate::ctx::{Ctx, mixed_at, text_of};
use crate::diag::Errors;
use crate::fingerprint;
use crate::item::{self, StageFn};
use crate::messages;
use crate::options::{self, Options};
use crate::role::Role;
use crate::signature::{self, Signature};

/// A stage whose signature was understood.
pub(crate) struct Stage {
    pub(crate) ctx: Ctx,
    pub(crate) doc: String,
    pub(crate) signature: Signature,
    pub(crate) options: Options,
    pub(crate) fingerprint: u64,
}

/// What stands beside a stage's function.
struct Impls {
    tokens: TokenStream,
    /// Whether there are names among them, which must not be seen outside.
    names: bool,
}

/// Expands a stage attribute: the output, and what is wrong.
pub(crate) fn expand(role: Role, attribute: TokenStream, tokens: TokenStream) -> (TokenStream, Errors) {
    let mut errors = Errors::default();
    let item: Vec<_> = tokens.clone().into_iter().collect();
    let (fingerprint, written) = (fingerprint::of(&attribute, &item), text_of(&attribute));
    let mut options = options::parse(role, attribute, &mut errors);
    let ctx = options.ctx(&mut errors);
    let item = match item::parse(role, item) {
        Ok(item) => item,
        Err(error) => {
            errors.push(error);
            return (tokens, errors);
        }
    };
    let tokens = match item::second_role(&item.attrs) {
        Some((at, second)) => {
            let name = item.sig.ident.to_string();
            errors.on(item.attrs[at].path(), messages::second_role_on_function(&name, role, second));
            item::without_attribute(tokens, at)
        }
        None => tokens,
    };
    // A method has no place for a struct beside it.
    let is_method = item.sig.receiver().is_some();
    let mut signature_errors = Errors::default();
    let Some(signature) = signature::read(role, &item, &mut signature_errors) else {
        let mut output = tokens;
        if !is_method {
            output.extend(proxy(role, &written, &item));
            let cfgs = cfgs(&item);
            let poison = poison::expand(role, &ctx, &item.sig.ident, &mut signature_errors);
            output.extend(quote_spanned!(mixed_at(item.sig.ident.span())=> #(#cfgs)* #poison));
        }
        errors.absorb(signature_errors);
        return (output, errors);
    };
    errors.absorb(signature_errors);
    options::stage::check(role, &mut options, &signature, &mut errors);
    let stage = Stage { ctx, doc: crate::ctx::doc_of(&item.attrs), signature, options, fingerprint };
    let impls = match role {
        Role::Extractor => extractor::impls(&stage),
        Role::Transform => transform::impls(&stage),
        Role::Filter => filter::impls(&stage),
        Role::Loader => loader::impls(&stage),
        Role::Resource => resource::impls(&stage),
    };
    let mut output = tokens;
    output.extend(proxy(role, &written, &item));
    let span = mixed_at(stage.signature.name.span());
    let mut cfgs = cfgs(&item).peekable();
    // A block is what names and conditions are for; most stages have neither, and the compiler has work with each.
    if impls.names || cfgs.peek().is_some() {
        let impls = impls.tokens;
        output.extend(quote_spanned!(span=> #(#cfgs)* const _: () = { #impls };));
    } else {
        output.extend(impls.tokens);
    }
    (output, errors)
}

/// A `#[cfg]` below the attribute is not evaluated yet; what belongs to the function shares it.
fn cfgs(item: &StageFn) -> impl Iterator<Item = &syn::Attribute> {
    item.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
}

/// The braced struct of the function's name. It lives in the namespace of types only, so that
/// `use stages::clean` imports both, and the function stays callable.
fn proxy(role: Role, written: &str, item: &StageFn) -> TokenStream {
    let docs = item.attrs.iter().filter(|attr| attr.path().is_ident("doc") || attr.path().is_ident("cfg"));
    let vis = &item.vis;
    let name: &Ident = &item.sig.ident;
    let span = mixed_at(name.span());
    let documented = item.attrs.iter().any(|attr| attr.path().is_ident("doc"));
    let options = if written.is_empty() { String::new() } else { format!("({written})") };
    // Two backticks, because a default may be an expression that has one.
    let policy = format!(" A stage: `` #[{}{options}] ``", role.name());
    let blank = documented.then(|| quote_spanned!(span=> #[doc = ""]));
    quote_spanned! {span=>
        #(#docs)*
        #blank
        #[doc = #policy]
        #[allow(non_camel_case_types, dead_code, missing_debug_implementations)]
        #vis struct #name {}
    }
}
