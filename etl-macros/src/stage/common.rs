//! What the expansions of all roles share.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::ext::IdentExt;

use super::Stage;
use crate::ctx::{Runtime, arguments_of, first_span, mixed_at, respan, text_of, with_static_lifetimes};
use crate::messages;
use crate::options::{Side, Value};
use crate::role::Role;
use crate::signature::Slot;

impl Stage {
    /// What generated code calls the runtime by.
    pub(super) fn etl(&self, at: Span) -> Runtime {
        self.ctx.private_at(at)
    }

    /// Where generated code stands: at the return type. What a trait says about that type comes
    /// up wherever the compiler looks at a type that follows from it; at one place it is one error.
    pub(super) fn at(&self) -> Span {
        mixed_at(self.signature.returned.span)
    }

    /// A name that only generated code knows. (Its span alone does not make it so: the function's
    /// name, which is looked up beside it, carries the same.)
    pub(super) fn local(&self, name: &str) -> Ident {
        format_ident!("__etl_{name}", span = self.at())
    }

    /// The function's name, in generated code.
    pub(super) fn name(&self) -> Ident {
        let mut name = self.signature.name.clone();
        name.set_span(self.at());
        name
    }

    /// The call of the user's function. `lent` is in scope as the pattern of [`Self::lent_pattern`].
    pub(super) fn call(&self, record: &TokenStream, mutable: &TokenStream) -> TokenStream {
        let name = self.name();
        let arguments = self.signature.slots.iter().map(|slot| match slot {
            Slot::Record => record.clone(),
            Slot::Need(index) => {
                let need = self.need(*index);
                quote_spanned!(self.at()=> #need)
            }
            Slot::Mutable => mutable.clone(),
        });
        quote_spanned!(self.at()=> #name(#(#arguments),*))
    }

    /// A future of the call, and of what `then` makes of the value returned.
    pub(super) fn future(&self, call: &TokenStream, then: &TokenStream) -> TokenStream {
        let at = self.at();
        let etl = self.etl(at);
        if self.signature.is_async {
            quote_spanned!(at=> #etl::after(#call, #then))
        } else {
            quote_spanned!(at=> #etl::later(move || (#then)(#call)))
        }
    }

    /// Takes apart what is lent.
    pub(super) fn lent_pattern(&self) -> TokenStream {
        let needs = (0..self.signature.needs.len()).map(|index| self.need(index));
        quote_spanned!(self.at()=> (#(#needs,)*))
    }

    /// `StageDefinition`, as a constant expression. `source` is what only an extractor says: the set of
    /// its errors, and whether its records are decoded.
    pub(super) fn definition(&self, role: Role, source: Option<(&TokenStream, &TokenStream)>) -> TokenStream {
        let signature = &self.signature;
        let span = mixed_at(signature.name.span());
        let etl = self.etl(span);
        let (stage, name) = (&signature.name, signature.name.unraw().to_string());
        let fingerprint = proc_macro2::Literal::u64_unsuffixed(self.fingerprint);
        let mut made = match (role, &signature.record, source) {
            (Role::Transform, Some(record), _) => {
                let (takes, input, output) =
                    (Ident::new(record.takes.variant(), span), text_of(&record.ty), signature.returned.record_text());
                quote_spanned!(span=> #etl::transform::<#stage>(#name, #etl::Takes::#takes, #input, #output, #fingerprint))
            }
            (_, Some(record), _) => {
                let (takes, input) = (Ident::new(record.takes.variant(), span), text_of(&record.ty));
                let role = Ident::new(role.name(), span);
                quote_spanned!(span=> #etl::#role::<#stage>(#name, #etl::Takes::#takes, #input, #fingerprint))
            }
            (_, None, source) => {
                let (output, (classes, decodes)) = (signature.returned.record_text(), source.unzip());
                quote_spanned!(span=> #etl::extractor::<#stage>(#name, #output, #classes, #decodes, #fingerprint))
            }
        };
        let mut say = |what: TokenStream| made.extend(quote_spanned!(span=> .#what));
        if !signature.needs.is_empty() {
            let needs = signature.needs.iter().map(text_of);
            say(quote_spanned!(span=> with_needs(&[#(#needs),*])));
        }
        if !self.doc.is_empty() {
            let doc = &self.doc;
            say(quote_spanned!(span=> with_doc(#doc)));
        }
        if signature.is_async {
            say(quote_spanned!(span=> with_async()));
        }
        match (role, &signature.mutable) {
            (Role::Transform, Some(_)) => say(quote_spanned!(span=> with_state())),
            (Role::Loader, Some(_)) => say(quote_spanned!(span=> with_transaction())),
            _ => {}
        }
        if !self.options.is_empty() {
            let options = self.options.tokens(&self.ctx);
            say(quote_spanned!(span=> with_options(#options)));
        }
        made
    }

    /// `Checked` at the word that asks for it, once it is known that `checked` has rules; nothing where no
    /// word does.
    pub(super) fn guard(&self, side: Side, checked: &TokenStream) -> Option<TokenStream> {
        let span = self.options.validates(side)?;
        let etl = self.etl(span);
        let checked = respan(checked.clone(), span);
        let read = quote_spanned!(span=> {
            #[allow(unused_imports)]
            use #etl::ReadingRules as _;
            #etl::RulesOf::<#checked>::READ
        });
        Some(quote_spanned! {span=>
            <[(); #etl::witness::has_rules::<#checked>()] as #etl::Known<#etl::Checked<#read>>>::Type
        })
    }

    /// The shape of a stage that takes records, known to be made of types that can be in it, each of which is
    /// asked about at its own place; see [`Self::returned`].
    pub(super) fn known_shape(&self, shape: &TokenStream, returned: &TokenStream, witness: &str) -> TokenStream {
        let at = self.at();
        let etl = self.etl(at);
        let witness = Ident::new(witness, at);
        let (record, _) = self.signature.record();
        let record_at = mixed_at(first_span(record));
        let etl_of_record = self.etl(record_at);
        let takes = quote_spanned!(record_at=> #etl_of_record::witness::takes::<#record>());
        let kept = self.signature.mutable.as_ref().map(|kept| {
            let at = mixed_at(first_span(kept));
            let etl = self.etl(at);
            quote_spanned!(at=> + #etl::witness::begins::<#kept>())
        });
        let borrowed = self.borrowed();
        quote_spanned! {at=>
            <[(); #takes + #etl::witness::#witness::<#returned>() #kept #(+ #borrowed)*] as #etl::Known<#shape>>::Type
        }
    }

    /// The call of a plain `fn`, with the patterns of what it is called with.
    pub(super) fn plain_call(&self, state: &TokenStream, fed: &TokenStream, body: &TokenStream) -> TokenStream {
        let at = self.at();
        let etl = self.etl(at);
        let lent = self.lent_pattern();
        quote_spanned! {at=>
            #[inline]
            fn call((#lent, #state, #fed): #etl::Arguments<'_, '_, '_, Self>) -> #etl::Returned<Self> {
                #body
            }
        }
    }

    /// That there is an error to retry, said at the value of `retries`; and the other assertions
    /// about options.
    pub(super) fn assertions(&self, classes: &TokenStream) -> TokenStream {
        let mut assertions = self.options.assertions(&self.ctx);
        if let Some(Value::Count(count)) = self.options.get("retries").map(|entry| &entry.value) {
            let span = mixed_at(count.span());
            let etl = self.etl(span);
            let message = text(messages::nothing_to_retry(), span);
            assertions.extend(quote_spanned! {span=>
                const _: () = #etl::demand(#classes.contains(#etl::Class::Retry), #message);
            });
        }
        assertions
    }

    /// An assertion that an option makes sense, said at its name; nothing where it is not there.
    pub(super) fn demand(&self, option: &str, holds: &TokenStream, otherwise: &str) -> Option<TokenStream> {
        let span = mixed_at(self.options.get(option)?.key.span());
        let etl = self.etl(span);
        let message = text(otherwise, span);
        Some(quote_spanned!(span=> const _: () = #etl::demand(#holds, #message);))
    }

    /// That a resource whose return type is a name lends no `Result` by that name: what is lent is read
    /// from the signature, so it would be the `Result` itself. A term of the sum that [`Self::known`] tells of.
    pub(super) fn lends_no_result(&self) -> Option<TokenStream> {
        let ty = &self.signature.returned.ty;
        if arguments_of(ty, "Result").is_some() {
            return None;
        }
        let ty = with_static_lifetimes(ty.to_token_stream());
        let etl = self.etl(self.at());
        let message = text(messages::resource_is_a_result(), self.at());
        Some(quote_spanned! {self.at()=>
            + {
                #[allow(unused_imports)]
                use #etl::PlainValue as _;
                #etl::demand(!#etl::ValueOf::<#ty>::IS_RESULT, #message);
                0
            }
        })
    }

    /// The return type, known to be one that the role can have: its name, and the item that makes it.
    ///
    /// `witness` is a function of the runtime that only takes such types. It is called for the length
    /// of an array, and the type is looked up by that array: where the return type is wrong, the
    /// length is an error, and so is the type, and about a type that is an error the compiler says
    /// nothing more, here and in every pipeline that has the stage.
    pub(super) fn returned(&self, nameable: &TokenStream, witness: &str) -> (Ident, TokenStream) {
        self.known("Returned", self.at(), nameable, witness)
    }

    /// A type of the user's, known to be what `witness` takes; see [`Self::returned`].
    pub(super) fn known(&self, name: &str, at: Span, ty: &TokenStream, witness: &str) -> (Ident, TokenStream) {
        let etl = self.etl(at);
        let (name, witness) = (format_ident!("EtlKnown{name}", span = at), Ident::new(witness, at));
        let item = quote_spanned! {at=>
            type #name = <[(); #etl::witness::#witness::<#ty>()] as #etl::Known<#ty>>::Type;
        };
        (name, item)
    }

    /// That each type that is lent can be. One by one, so that the error is at the type and not at all of them.
    pub(super) fn borrowed(&self) -> impl Iterator<Item = TokenStream> {
        let at = self.at();
        let etl = self.etl(at);
        self.signature.needs.iter().map(move |need| {
            let need = with_static_lifetimes(need.to_token_stream());
            quote_spanned!(at=> #etl::witness::borrows::<#need>())
        })
    }

    fn need(&self, index: usize) -> Ident {
        self.local(&format!("need_{index}"))
    }

    /// Whether the function is called again with the same record.
    pub(super) fn is_retried(&self) -> bool {
        self.options.get("retries").is_some()
    }
}

/// A text of ours, at a place of the user's.
pub(super) fn text(text: &str, span: Span) -> Literal {
    let mut literal = Literal::string(text);
    literal.set_span(span);
    literal
}
