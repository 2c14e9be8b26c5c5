//! `compensate = undo`: how what a transform has done outside of the process is undone.
//!
//! Nothing is written where the option is not there.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;

use super::Stage;
use super::common::text;
use crate::ctx::{first_span, mixed_at, respan};
use crate::messages;
use crate::options::Value;

impl Stage {
    /// The function that undoes, as it was written.
    fn undo(&self) -> Option<&syn::Path> {
        match &self.options.get("compensate")?.value {
            Value::Function(path) => Some(path),
            _ => None,
        }
    }

    /// What the stage says of itself: that its effects can be undone, and how. What is wrong with the
    /// function is said at its name.
    pub(super) fn compensation(&self) -> Option<TokenStream> {
        let undo = self.undo()?;
        let span = mixed_at(first_span(undo));
        let etl = self.etl(span);
        // The runtime's functions have to be of one kind, because a plain `fn` is one that blocks.
        let by = Ident::new(if self.signature.is_async { "by_async" } else { "by" }, span);
        Some(quote_spanned! {span=>
            const COMPENSATES: ::core::primitive::bool = true;

            fn compensation() -> ::core::option::Option<#etl::Compensation<Self>> {
                #[allow(unused_imports)]
                use #etl::{ByCodec as _, WithoutCodec as _};
                #etl::Compensation::<Self>::#by(
                    #undo,
                    (&#etl::CodecOf::<<Self as #etl::Transform>::In>::NEW).codec(),
                    (&#etl::CodecOf::<<Self as #etl::Transform>::Out>::NEW).codec(),
                )
            }
        })
    }

    /// That the records on both sides can be written down and read again, each said at its type; and that
    /// one becomes at most one.
    pub(super) fn noted(&self) -> Option<TokenStream> {
        let key = mixed_at(self.options.get("compensate")?.key.span());
        let name = self.name();
        let (record, _) = self.signature.record();
        let at = mixed_at(first_span(record));
        let etl = self.etl(at);
        let input = quote_spanned!(at=> const _: ::core::primitive::usize = #etl::witness::noted::<#record>(););
        let at = self.at();
        let etl = self.etl(at);
        let output = quote_spanned!(at=> const _: ::core::primitive::usize = #etl::witness::noted::<<#name as #etl::Transform>::Out>(););
        let etl = self.etl(key);
        let message = text(messages::compensates_many(), key);
        let name = respan(quote_spanned!(key=> #name), key);
        let one = quote_spanned!(key=> const _: () = #etl::demand(#etl::makes_at_most_one::<#name>(), #message););
        Some(quote_spanned!(key=> #input #output #one))
    }
}
