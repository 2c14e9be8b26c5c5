//! A stage whose signature cannot be understood is still a stage: its record type holds the error,
//! and the compiler is silent about whatever meets a type that holds one.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::ext::IdentExt;

use crate::ctx::{Ctx, mixed_at};
use crate::diag::Errors;
use crate::role::Role;

/// Takes the first of `errors` into the poison.
pub(super) fn expand(role: Role, ctx: &Ctx, name: &Ident, errors: &mut Errors) -> TokenStream {
    let span = mixed_at(name.span());
    let etl = ctx.runtime_at(span);
    let Some(first) = errors.take_first() else { return TokenStream::new() };
    let error = first.into_compile_error();
    let poison = quote_spanned!(span=> [(); #error]);
    let text = name.unraw().to_string();
    let variant = Ident::new(role.variant(), span);
    let definition = quote_spanned! {span=>
        const DEFINITION: #etl::stage::StageDefinition =
            #etl::stage::StageDefinition::new(#text, #etl::stage::Role::#variant);
    };
    let impls = match role {
        Role::Extractor => quote_spanned! {span=>
            impl #etl::stage::Extractor for #name {
                type Out = #poison;
                type Class = #etl::guarantee::Replayable;
                type Needs = ();
                #definition

                fn open<'lent>(
                    _: #etl::stage::Lent<'lent, <Self as #etl::stage::Extractor>::Needs>,
                ) -> impl ::core::future::Future<
                    Output = #etl::Result<#etl::source::BoxSource<'lent, <Self as #etl::stage::Extractor>::Out>>,
                > + ::core::marker::Send + 'lent {
                    async move { ::core::unreachable!() }
                }
            }
        },
        Role::Transform | Role::Filter => quote_spanned! {span=>
            impl #etl::stage::Transform for #name {
                type In = #poison;
                type Out = <Self as #etl::stage::Transform>::In;
                type Error = ::core::convert::Infallible;
                type Needs = ();
                type State = ();
                type InputGuard = #etl::stage::Unchecked;
                type OutputGuard = #etl::stage::Unchecked;
                type Way = #etl::stage::ways::PlainOnce;
                #definition
            }
        },
        Role::Loader => quote_spanned! {span=>
            impl #etl::stage::Loader for #name {
                type In = #poison;
                type Target = #etl::target::Untargeted;
                type Class = #etl::guarantee::Transactional;
                type Error = ::core::convert::Infallible;
                type Needs = ();
                type InputGuard = #etl::stage::Unchecked;
                #definition

                fn target<'lent>(
                    _: #etl::stage::Lent<'lent, <Self as #etl::stage::Loader>::Needs>,
                ) -> &'lent <Self as #etl::stage::Loader>::Target {
                    &#etl::target::UNTARGETED
                }

                fn load<'lent, 'records, 'open>(
                    _: #etl::stage::Lent<'lent, <Self as #etl::stage::Loader>::Needs>,
                    _: &'records [<Self as #etl::stage::Loader>::In],
                    _: &'records mut #etl::stage::TransactionOf<'open, Self>,
                ) -> impl ::core::future::Future<
                    Output = #etl::stage::Loaded<::core::convert::Infallible>,
                > + ::core::marker::Send + use<'lent, 'records, 'open> {
                    async move { ::core::unreachable!() }
                }
            }
        },
        Role::Resource => quote_spanned! {span=>
            impl #etl::needs::Resource for #name {
                type Value = #poison;
                type Kept = <Self as #etl::needs::Resource>::Value;
                type Needs = ();
                const NAME: &'static ::core::primitive::str = #text;

                fn make(
                    _: <<Self as #etl::needs::Resource>::Needs as #etl::needs::Needs>::Lent<'_>,
                ) -> impl ::core::future::Future<Output = #etl::Result<<Self as #etl::needs::Resource>::Kept>> + ::core::marker::Send {
                    async move { ::core::unreachable!() }
                }
            }
        },
    };
    quote_spanned!(span=> const _: () = { #impls };)
}
