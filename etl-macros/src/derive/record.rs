//! `#[derive(Record)]`: the schema, and the code between a record and any format.

mod options;
mod serde;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, Type};

use self::options::{FieldOptions, RecordOptions};
use crate::ctx::{Ctx, Runtime, argument_of, mixed_at, text_of};
use crate::diag::Errors;
use crate::messages;

/// One field, which is one column.
struct Field {
    name: Ident,
    ty: Type,
    column: String,
    options: FieldOptions,
    /// Something was said of it: it is neither read nor shown.
    unreadable: bool,
}

pub(crate) fn expand(input: TokenStream) -> (TokenStream, Errors) {
    let mut errors = Errors::default();
    let Some(input) = errors.keep(syn::parse2::<DeriveInput>(input)) else { return (TokenStream::new(), errors) };
    let options = RecordOptions::read(&input.attrs, &mut errors);
    let foreign = serde::read(&input, &mut errors);
    let ctx = Ctx::new(options.runtime.as_ref(), &mut errors);
    if !input.generics.params.is_empty() {
        errors.on(&input.generics, messages::record_generic("Record"));
        return (TokenStream::new(), errors);
    }
    let named = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) if fields.named.is_empty() => Err((fields.to_token_stream(), messages::record_empty().to_owned())),
            Fields::Named(fields) => Ok(fields),
            Fields::Unnamed(fields) => Err((fields.to_token_stream(), messages::record_not_a_struct("a tuple struct"))),
            Fields::Unit => Err((input.ident.to_token_stream(), messages::record_empty().to_owned())),
        },
        Data::Enum(data) => Err((data.enum_token.to_token_stream(), messages::record_not_a_struct("an enum"))),
        Data::Union(data) => Err((data.union_token.to_token_stream(), messages::record_not_a_struct("a union"))),
    };
    let fields = match named {
        Ok(named) => fields(&named.named, &options, &mut errors),
        Err((at, message)) => {
            errors.on(at, message);
            return (unusable(&ctx, &input.ident), errors);
        }
    };
    let mut output = impls(&ctx, &input.ident, &fields);
    output.extend(serde::read_by_serde(&ctx, &input.ident, &foreign));
    (output, errors)
}

fn fields<'f>(named: impl IntoIterator<Item = &'f syn::Field>, record: &RecordOptions, errors: &mut Errors) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for field in named {
        let Some(name) = &field.ident else { continue };
        let options = FieldOptions::read(&field.attrs, errors);
        let plain = name.unraw().to_string();
        let column = match (&options.rename, record.rename_all) {
            (Some((rename, _)), _) => rename.clone(),
            (None, Some(case)) => case.of_field(&plain),
            (None, None) => plain,
        };
        if let Some(first) = fields.iter().find(|first| first.column == column) {
            let at = options.rename.as_ref().map_or(name.span(), |(_, span)| *span);
            errors.at(at, messages::duplicate_column(&column, &first.name.to_string()));
        }
        let secret = argument_of(inside_option(&field.ty), "Secret");
        if let Some(inner) = secret {
            errors.on(&field.ty, messages::record_secret(&text_of(inner)));
        }
        // Said already: the codec is asked about a type that is one.
        let ty = secret.unwrap_or(&field.ty).clone();
        fields.push(Field { name: name.clone(), ty, column, options, unreadable: secret.is_some() });
    }
    fields
}

impl Field {
    /// What reads and shows the field, named at the field's type, so that a type that cannot be a
    /// field is underlined there.
    fn codec(&self, ctx: &Ctx, span: Span) -> TokenStream {
        let (etl, ty) = (ctx.private_at(span), &self.ty);
        if self.options.text {
            let shape = text_shape(&etl, &self.ty, span);
            quote_spanned!(span=> <#shape as #etl::TextCodec<#ty>>)
        } else {
            quote_spanned!(span=> <#ty as #etl::Field>)
        }
    }

    fn span(&self) -> Span {
        mixed_at(crate::ctx::first_span(&self.ty))
    }
}

fn inside_option(ty: &Type) -> &Type {
    argument_of(ty, "Option").unwrap_or(ty)
}

/// `Option<Sensitive<Date>>` as text: what is around the type that has `FromStr` and `Display`.
fn text_shape(etl: &Runtime, ty: &Type, span: Span) -> TokenStream {
    if let Some(inner) = argument_of(ty, "Option") {
        let inner = text_shape(etl, inner, span);
        quote_spanned!(span=> #etl::TextOption<#inner>)
    } else if let Some(inner) = argument_of(ty, "Sensitive") {
        let inner = text_shape(etl, inner, span);
        quote_spanned!(span=> #etl::TextSensitive<#inner>)
    } else {
        quote_spanned!(span=> #etl::Text)
    }
}

fn impls(ctx: &Ctx, name: &Ident, fields: &[Field]) -> TokenStream {
    let span = mixed_at(name.span());
    let etl = ctx.private_at(span);
    let local = |text: &str| quote::format_ident!("__etl_{text}", span = Span::mixed_site());
    let (source, doing, record) = (local("source"), local("doing"), local("record"));

    let columns = fields.iter().map(|field| {
        let span = field.span();
        let (codec, column) = (field.codec(ctx, span), &field.column);
        let optional = field.options.default.then(|| quote_spanned!(span=> .optional()));
        quote_spanned!(span=> #codec::COLUMN.named(#column)#optional)
    });
    let reads = fields.iter().enumerate().map(|(index, field)| {
        let span = field.span();
        let (codec, column, name) = (field.codec(ctx, span), &field.column, &field.name);
        if field.unreadable {
            return quote_spanned!(span=> #name: ::core::unreachable!());
        }
        // An `Option` is its own default, and asks for null itself.
        let has_own_null = argument_of(&field.ty, "Option").is_some();
        let read = Ident::new(if field.options.default && !has_own_null { "read_or_default" } else { "read_named" }, span);
        quote_spanned!(span=> #name: #codec::#read(#source, #index, #column)?)
    });
    let shown = fields.iter().enumerate().filter(|(_, field)| !field.unreadable).map(|(index, field)| {
        let span = field.span();
        let (codec, name) = (field.codec(ctx, span), &field.name);
        quote_spanned!(span=> #codec::each(#doing, #index, |#record: &Self| &#record.#name)?;)
    });
    // What cannot be read is an error already.
    let unreachable = fields.iter().any(|field| field.unreadable).then(|| quote_spanned!(span=> #[allow(unreachable_code)]));
    quote_spanned! {span=>
        #[automatically_derived]
        #unreachable
        impl #etl::Derived for #name {
            const SCHEMA: &'static [#etl::Column] = &[#(#columns),*];

            #[inline]
            fn decode<Source: #etl::FieldSource>(#source: &mut Source) -> ::core::result::Result<Self, #etl::FieldError> {
                ::core::result::Result::Ok(Self { #(#reads,)* })
            }

            #[inline]
            fn fields<Doing: #etl::EachField<Self>>(#doing: &mut Doing) -> ::core::result::Result<(), Doing::Error> {
                #(#shown)*
                ::core::result::Result::Ok(())
            }
        }
    }
}

/// For a type that cannot be a record: the impls all the same, so that the stages that use it say
/// nothing more.
fn unusable(ctx: &Ctx, name: &Ident) -> TokenStream {
    let span = mixed_at(name.span());
    let etl = ctx.private_at(span);
    quote_spanned! {span=>
        impl #etl::Derived for #name {
            const SCHEMA: &'static [#etl::Column] = &[];

            fn decode<Source: #etl::FieldSource>(_: &mut Source) -> ::core::result::Result<Self, #etl::FieldError> {
                ::core::unreachable!()
            }

            fn fields<Doing: #etl::EachField<Self>>(_: &mut Doing) -> ::core::result::Result<(), Doing::Error> {
                ::core::unreachable!()
            }
        }
    }
}
