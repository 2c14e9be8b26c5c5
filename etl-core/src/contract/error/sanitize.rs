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
