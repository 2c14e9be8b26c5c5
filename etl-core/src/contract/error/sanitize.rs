//! What may be shown of an error that this crate did not write: its text can quote a record (I8).

use std::borrow::Cow;
use std::error::Error as StdError;
use std::io;

/// A description of `error` that holds no record content: the error's own words for types whose
/// words are known not to quote data, the type's name otherwise.
pub(crate) fn describe<E: StdError + 'static>(error: &E) -> Cow<'static, str> {
    known(error).unwrap_or_else(|| {
        Cow::Owned(format!("an error of type `{}`; its text is withheld, because it may quote a record", short(std::any::type_name::<E>())))
    })
}

/// What the author can do where [`describe`] withholds a text: a type of theirs may have words, and
/// classes, that were lost when `?` made an [`Error`](super::Error) of it.
pub(crate) fn advice<E: StdError + 'static>(error: &E) -> Option<Cow<'static, str>> {
    let name = short(std::any::type_name::<E>());
    let told = known(error).is_some();
    (!told).then(|| Cow::Owned(format!("if `{name}` has classes, return `Result<_, {name}>`: `etl_core::Error` forgets them")))
}

/// The causes of `error`, outermost first. A cause is known by its value only, so an unknown one
/// cannot even be named.
pub(crate) fn causes(error: &(dyn StdError + 'static)) -> Vec<Cow<'static, str>> {
    std::iter::successors(error.source(), |cause: &&(dyn StdError + 'static)| (*cause).source())
        .map(|cause| known(cause).unwrap_or(Cow::Borrowed("a cause whose text is withheld")))
        .collect()
}

/// The message of an I/O error: the operating system's words, or the kind's where somebody put an
/// error of their own into it.
pub(crate) fn io_text(error: &io::Error) -> Cow<'static, str> {
    if error.get_ref().is_none() { Cow::Owned(error.to_string()) } else { Cow::Owned(error.kind().to_string()) }
}

fn known(error: &(dyn StdError + 'static)) -> Option<Cow<'static, str>> {
    macro_rules! own_words {
        ($($type:ty),* $(,)?) => {
            $(if let Some(error) = error.downcast_ref::<$type>() { return Some(Cow::Owned(error.to_string())); })*
        };
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return Some(io_text(error));
    }
    own_words!(
        std::num::ParseIntError,
        std::num::ParseFloatError,
        std::num::TryFromIntError,
        std::str::ParseBoolError,
        std::str::Utf8Error,
        std::string::FromUtf8Error,
        std::char::ParseCharError,
        std::net::AddrParseError,
        std::fmt::Error,
        std::time::SystemTimeError,
        tokio::time::error::Elapsed,
    );
    None
}

fn short(type_name: &str) -> &str {
    let end = type_name.find('<').unwrap_or(type_name.len());
    let start = type_name[..end].rfind("::").map_or(0, |at| at + 2);
    &type_name[start..end]
}

#[cfg(test)]
mod tests {
    use crate::contract::error::Error;

    #[derive(Debug)]
    struct AskError;

    impl std::fmt::Display for AskError {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the record of Ann is wrong")
        }
    }

    impl std::error::Error for AskError {}

    #[test]
    fn i8_a_withheld_text_comes_with_the_way_to_keep_it() {
        let error = Error::from(AskError);
        assert_eq!(error.message(), "an error of type `AskError`; its text is withheld, because it may quote a record");
        assert_eq!(error.advice(), Some("if `AskError` has classes, return `Result<_, AskError>`: `etl_core::Error` forgets them"));
        assert_eq!(Error::from("x".parse::<u8>().unwrap_err()).advice(), None, "its own words are known");
    }
}
