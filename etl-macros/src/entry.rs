//! `main!(Orders, Refunds)`: the entry of a pipeline binary.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::{Path, Token};

use crate::ctx::{Ctx, first_span, mixed_at, text_of};
use crate::diag::Errors;
use crate::messages;

pub(crate) fn expand(input: TokenStream) -> (TokenStream, Errors) {
    let mut errors = Errors::default();
    let parsed = match parse.parse2(input) {
        Ok(parsed) => parsed,
        Err(error) => {
            errors.push(error);
            Entry::default()
        }
    };
    let ctx = Ctx::new(parsed.runtime.as_ref(), &mut errors);
    let mut pipelines: Vec<Path> = Vec::new();
    for pipeline in parsed.pipelines {
        if pipelines.iter().any(|known| text_of(known) == text_of(&pipeline)) {
            errors.on(&pipeline, messages::main_twice(&text_of(&pipeline)));
        } else {
            pipelines.push(pipeline);
        }
    }
    let mixed = Span::mixed_site();
    let etl = ctx.runtime();
    let body = match pipelines.as_slice() {
        [] => {
            if errors.count() == 0 {
                errors.at(Span::call_site(), messages::main_usage());
            }
            quote_spanned!(mixed=> ::std::process::ExitCode::FAILURE)
        }
        [only] => {
            let only = only.to_token_stream();
            quote_spanned!(mixed=> #etl::cli::main::<#only>())
        }
        several => {
            let entries = several.iter().map(|pipeline| {
                let at = mixed_at(first_span(pipeline));
                let etl = ctx.runtime_at(at);
                quote_spanned!(at=> #etl::cli::entry::<#pipeline>())
            });
            quote_spanned!(mixed=> #etl::cli::main_of(&[#(#entries),*]))
        }
    };
    // `main` is looked up by its name, so it has to be a name of the call site.
    let main = syn::Ident::new("main", Span::call_site());
    let mut output = quote_spanned!(mixed=> fn #main() -> ::std::process::ExitCode { #body });
    if !is_in_documentation() {
        output.extend(pipelines.first().map(|first| beside_functions(&ctx, first)));
    }
    (output, errors)
}

/// Whether rustdoc compiles a program of the documentation, which it puts into a function of its own.
fn is_in_documentation() -> bool {
    std::env::var_os("UNSTABLE_RUSTDOC_TEST_PATH").is_some()
}

/// That this is the `main` of its module: inside of a function it would be one that nobody calls.
fn beside_functions(ctx: &Ctx, first: &Path) -> TokenStream {
    let at = mixed_at(first_span(first));
    let etl = ctx.runtime_at(at);
    let named = |name: &str| syn::Ident::new(name, Span::call_site().located_at(at));
    let (main, module) = (named("main"), named("self"));
    quote_spanned!(at=> const _: () = #etl::__private::entry(&#main, &#module::#main);)
}

#[derive(Default)]
struct Entry {
    pipelines: Vec<Path>,
    runtime: Option<Path>,
}

fn parse(input: ParseStream<'_>) -> syn::Result<Entry> {
    let mut entry = Entry::default();
    while !input.is_empty() {
        if input.peek(Token![crate]) && input.peek2(Token![=]) {
            input.parse::<Token![crate]>()?;
            input.parse::<Token![=]>()?;
            entry.runtime = Some(input.call(Path::parse_mod_style)?);
        } else {
            let path = input.call(Path::parse_mod_style).map_err(|error| syn::Error::new(error.span(), messages::main_usage()))?;
            entry.pipelines.push(path);
        }
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(entry)
}
