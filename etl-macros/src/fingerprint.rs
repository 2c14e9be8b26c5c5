//! A number that says whether a stage is still the one that wrote a checkpoint: it changes with the
//! function's signature, body and options, and not with its documentation or its formatting.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// The fingerprint of an attribute's options and the function under it (FNV-1a, 64 bits).
pub(crate) fn of(options: &TokenStream, item: &[TokenTree]) -> u64 {
    let mut hash = Fnv::new();
    hash.tokens(options.clone());
    hash.tokens(without_docs(item));
    hash.0
}

struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Token after token, each with an end of its own, so that the spaces between them do not count;
    /// nor does a comma before a closing parenthesis, which formatters put and take away.
    fn tokens(&mut self, tokens: impl IntoIterator<Item = TokenTree>) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => {
                    let (open, close): (&[u8], &[u8]) = match group.delimiter() {
                        Delimiter::Parenthesis => (b"(", b")"),
                        Delimiter::Bracket => (b"[", b"]"),
                        Delimiter::Brace => (b"{", b"}"),
                        Delimiter::None => (b"", b""),
                    };
                    self.bytes(open);
                    self.tokens(group.stream());
                    self.bytes(close);
                }
                TokenTree::Punct(punct) if punct.as_char() == ',' && tokens.peek().is_none() => {}
                TokenTree::Punct(punct) => {
                    let joint = punct.spacing() == Spacing::Joint && matches!(tokens.peek(), Some(TokenTree::Punct(_)));
                    self.bytes(punct.as_char().encode_utf8(&mut [0; 4]).as_bytes());
                    if !joint {
                        self.bytes(&[0]);
                    }
                }
                TokenTree::Ident(word) => {
                    self.bytes(word.to_string().as_bytes());
                    self.bytes(&[0]);
                }
                TokenTree::Literal(literal) => {
                    self.bytes(literal.to_string().as_bytes());
                    self.bytes(&[0]);
                }
            }
        }
    }
}

/// The item without `#[doc = "…"]`, which is what `///` becomes.
fn without_docs(item: &[TokenTree]) -> impl Iterator<Item = TokenTree> {
    let opens = |at: usize| matches!(&item[at], TokenTree::Punct(punct) if punct.as_char() == '#');
    let documents = move |at: usize| opens(at) && item.get(at + 1).is_some_and(is_doc);
    (0..item.len()).filter(move |at| !(documents(*at) || at.checked_sub(1).is_some_and(documents))).map(|at| item[at].clone())
}

fn is_doc(token: &TokenTree) -> bool {
    let TokenTree::Group(group) = token else { return false };
    let first = group.stream().into_iter().next();
    group.delimiter() == Delimiter::Bracket && matches!(first, Some(TokenTree::Ident(word)) if word == "doc")
}

#[cfg(test)]
mod tests {
    use crate::tests::tokens;

    fn of(options: &str, item: &str) -> u64 {
        super::of(&tokens(options), &tokens(item).into_iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_fingerprint_changes_with_what_the_stage_does_and_with_nothing_else() {
        let first = of("batch = 5", "pub fn clean(raw: Raw) -> Clean { Clean { a: raw.a + 1 } }");
        let formatted = of("batch=5,", "/// Cleans.\npub fn clean(\n    raw: Raw,\n) -> Clean {\n    Clean { a: raw.a+1, }\n}");
        assert_eq!(first, formatted);
        assert_ne!(first, of("batch = 6", "pub fn clean(raw: Raw) -> Clean { Clean { a: raw.a + 1 } }"));
        assert_ne!(first, of("batch = 5", "pub fn clean(raw: Raw) -> Clean { Clean { a: raw.a + 2 } }"));
        assert_ne!(first, of("batch = 5", "pub fn clean(raw: Other) -> Clean { Clean { a: raw.a + 1 } }"));
        assert_ne!(of("", "fn a() { b c }"), of("", "fn a() { bc }"));
        assert_ne!(of("", "fn a() { b(c) }"), of("", "fn a() { b() c }"));
    }
}
