//! A stage whose signature cannot be understood is still a stage: its record type holds the error,
//! and the compiler is silent about whatever meets a type that holds one.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::ext::IdentExt;

use crate::ctx::{Ctx, mixed_at, runtime_at};
use crate::diag::Errors;
use crate::role::Role;

/// Takes the first of `errors` into the poison.
pub(super) fn expand(role: Role, ctx: &Ctx, name: &Ident, errors: &mut Errors) -> TokenStream {
    let span = mixed_at(name.span());
    let etl = runtime_at(span);
    let Some(first) = errors.take_first() else { return TokenStream::new() };
    let error = first.into_compile_error();
    let poison = quote_spanned!(span=> [(); #error]);
    let text = name.unraw().to_string();
    let variant = Ident::new(role.variant(), span);
    let definition = quote_spanned! {span=>
        const DEFINITION: #etl::StageDefinition =
            #etl::StageDefinition::new(#text, #etl::Role::#variant);
    };
    let impls = match role {
        Role::Extractor => quote_spanned! {span=>
            impl #etl::Extractor for #name {
                type Out = #poison;
                type Class = #etl::Replayable;
                type Needs = ();
                #definition

                fn open<'lent>(
                    _: #etl::Lent<'lent, <Self as #etl::Extractor>::Needs>,
                ) -> impl ::core::future::Future<
                    Output = #etl::Result<#etl::BoxSource<'lent, <Self as #etl::Extractor>::Out>>,
                > + ::core::marker::Send + 'lent {
                    async move { ::core::unreachable!() }
                }
            }
        },
        Role::Transform | Role::Filter => quote_spanned! {span=>
            impl #etl::Transform for #name {
                type In = #poison;
                type Out = <Self as #etl::Transform>::In;
                type Error = ::core::convert::Infallible;
                type Needs = ();
                type State = ();
                type InputGuard = #etl::Unchecked;
                type OutputGuard = #etl::Unchecked;
                type Way = #etl::ways::PlainOnce;
                #definition
            }
        },
        Role::Loader => quote_spanned! {span=>
            impl #etl::Loader for #name {
                type In = #poison;
                type Target = #etl::Untargeted;
                type Class = #etl::Transactional;
                type Error = ::core::convert::Infallible;
                type Needs = ();
                type InputGuard = #etl::Unchecked;
                #definition

                fn target<'lent>(
                    _: #etl::Lent<'lent, <Self as #etl::Loader>::Needs>,
                ) -> &'lent <Self as #etl::Loader>::Target {
                    &#etl::UNTARGETED
                }

                fn load<'lent, 'records, 'open>(
                    _: #etl::Lent<'lent, <Self as #etl::Loader>::Needs>,
                    _: &'records [<Self as #etl::Loader>::In],
                    _: &'records mut #etl::TransactionOf<'open, Self>,
                ) -> impl ::core::future::Future<
                    Output = #etl::Loaded<::core::convert::Infallible>,
                > + ::core::marker::Send + use<'lent, 'records, 'open> {
                    async move { ::core::unreachable!() }
                }
            }
        },
        Role::Resource => quote_spanned! {span=>
            impl #etl::Resource for #name {
                type Value = #poison;
                type Kept = <Self as #etl::Resource>::Value;
                type Needs = ();
                const NAME: &'static ::core::primitive::str = #text;

                fn make(
                    _: <<Self as #etl::Resource>::Needs as #etl::Needs>::Lent<'_>,
                ) -> impl ::core::future::Future<Output = #etl::Result<<Self as #etl::Resource>::Kept>> + ::core::marker::Send {
                    async move { ::core::unreachable!() }
                }
            }
        },
    };
    let import = ctx.import();
    quote_spanned!(span=> const _: () = { #import #impls };)
}
