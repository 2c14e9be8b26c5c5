//! What is masked although its type does not say so: a second net below `Secret`, which the derive of
//! the settings asks for. It sees what that cannot see: the fields of a struct in the settings, which
//! only serde knows, and passwords in the middle of a URL.

use std::borrow::Cow;

use crate::contract::record::MASK;

/// How names end that hold what nobody else may read; the same words as in `#[derive(Settings)]`.
const SECRETS: [&str; 11] =
    ["password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "private_key", "secret_key", "access_key", "credentials"];

/// Whether a field of this name holds a secret, if it holds a text.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    SECRETS.iter().any(|word| name.strip_suffix(word).is_some_and(|rest| rest.is_empty() || rest.ends_with('_')))
}

/// The text without what stands before the `@` of a URL: `postgres://***@host/db`.
pub(super) fn without_userinfo(text: &str) -> Cow<'_, str> {
    let (mut masked, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        masked.push_str(before);
        let end = userinfo(after);
        if end > 0 {
            masked.push_str(MASK);
        }
        rest = &after[end..];
    }
    if masked.is_empty() {
        return Cow::Borrowed(text);
    }
    masked.push_str(rest);
    Cow::Owned(masked)
}

/// How long the userinfo is with which `text` begins.
fn userinfo(text: &str) -> usize {
    let url = &text[..text.find(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | '`')).unwrap_or(text.len())];
    let authority = &url[..url.find(['/', '?', '#']).unwrap_or(url.len())];
    if let Some(end) = authority.rfind('@') {
        return end;
    }
    // A password that was not encoded: what follows a colon is otherwise a port, or an address in brackets.
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) || authority.starts_with('[');
    match authority.split_once(':') {
        Some((_, port)) if !is_port(port) => url.rfind('@').unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i8_a_name_that_ends_like_a_secret_is_one() {
        for name in ["password", "db_password", "DB-PASSWORD", "token", "api_key", "aws_secret_access_key"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["max_tokens", "passwords_file", "secretary", "key", "broken", "host"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn i8_the_userinfo_of_a_url_is_masked() {
        for (text, masked) in [
            ("postgres://app:hunter2@db:5432/flights", "postgres://***@db:5432/flights"),
            ("https://gh_token@github.com/a", "https://***@github.com/a"),
            ("a=redis://:pw@one, b=redis://:p@w@two", "a=redis://***@one, b=redis://***@two"),
            ("amqp://u:p/a?ss@host/x", "amqp://***@host/x"),
            ("http://host:80/@someone", "http://host:80/@someone"),
            ("http://[::1]:80/@someone", "http://[::1]:80/@someone"),
            ("mail to a@b.c", "mail to a@b.c"),
            ("data/flights.csv", "data/flights.csv"),
            ("://", "://"),
        ] {
            assert_eq!(without_userinfo(text), masked);
        }
    }

    #[test]
    fn the_words_are_those_of_the_derive() {
        let derive = include_str!("../../../../etl-macros/src/derive/settings.rs");
        let words: Vec<_> = SECRETS.iter().map(|word| format!("\"{word}\"")).collect();
        assert!(derive.contains(&words.join(", ")), "etl-macros/src/derive/settings.rs has other words");
    }
}
