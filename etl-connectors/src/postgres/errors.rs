//! PostgreSQL's errors in our own words: its texts quote records, so only codes and names are shown.

use std::borrow::Cow;
use std::io;

use etl_core::{Class, Error, ErrorKind};
use tokio_postgres::error::{DbError, SqlState};

/// An error of the server or of the way to it, with what was being done, such as `cannot copy into
/// "flights"`. `kind` is the kind where the error itself does not say more.
pub(super) fn explain(kind: ErrorKind, doing: impl Into<Cow<'static, str>>, error: &tokio_postgres::Error) -> Error {
    let made = Error::new(kind, doing);
    if let Some(told) = error.as_db_error() {
        return of_state(made, told.code()).caused_by(names(told));
    }
    let io = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    match io {
        _ if error.is_closed() => away(made, "the connection was closed"),
        // A malformed message is an I/O error of the driver's own making.
        Some(io) if io.kind() == io::ErrorKind::InvalidData => made.caused_by("the server's answer cannot be read"),
        Some(io) => away(made, io.kind().to_string()),
        None => made
            .caused_by("the driver could not do it, without a word from the server")
            .hint("look at user, password and database of the connection string"),
    }
}

/// That the server is away, for now.
pub(super) fn away(made: Error, cause: impl Into<Cow<'static, str>>) -> Error {
    made.with_kind(ErrorKind::Unavailable).with_class(Class::Retry).with_code("postgres_away").caused_by(cause)
}

/// That a statement was given up half-way: what it did is unknown, and is taken back with its
/// session.
pub(super) fn given_up(place: &str) -> Error {
    away(Error::new(ErrorKind::Load, format!("a transaction in {place} cannot go on")), "a statement in it was given up")
}

/// A record that does not fit into its table.
pub(super) fn rejected(doing: impl Into<Cow<'static, str>>, cause: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Load, doing).with_class(Class::Reject).with_code("postgres_rejected").caused_by(cause)
}

/// What each class of SQLSTATE means for a run.
fn of_state(made: Error, state: &SqlState) -> Error {
    let retry = |made: Error, code| made.with_kind(ErrorKind::Unavailable).with_class(Class::Retry).with_code(code);
    let code = state.code();
    match &code[..2] {
        // Our own encoding is at fault, or the table was altered meanwhile; never the record.
        "22" if matches!(code, "22P03" | "22P04") => {
            made.with_code("postgres_format").hint("was a column's type changed while the run was under way? the next run sees the new one")
        }
        "22" | "23" => made.with_class(Class::Reject).with_code("postgres_rejected"),
        "08" => retry(made, "postgres_away"),
        "40" if matches!(code, "40001" | "40P01") => retry(made, "postgres_conflict"),
        "53" if code == "53100" => made.with_kind(ErrorKind::Storage).with_code("postgres_full"),
        "53" => retry(made, "postgres_short"),
        "55" if code == "55P03" => retry(made, "postgres_locked"),
        "57" if code.starts_with("57P0") => retry(made, "postgres_away"),
        // `statement_timeout`, or somebody who cancelled the statement.
        "57" if code == "57014" => {
            made.with_kind(ErrorKind::TimedOut).with_class(Class::Retry).with_code("postgres_cancelled").hint("raise `statement_timeout`")
        }
        "25" if code == "25P03" => retry(made, "postgres_away"),
        "28" => made.with_kind(ErrorKind::Config).with_code("postgres_denied").hint("look at user and password"),
        "3D" => made.with_kind(ErrorKind::Config).with_code("postgres_no_database"),
        "42" if code == "42501" => made.with_code("postgres_denied").hint("the role lacks a privilege: GRANT it"),
        "58" | "XX" => made.with_kind(ErrorKind::Storage).with_code("postgres_broken"),
        _ => made.with_code("postgres"),
    }
}

/// The code, with the names of what it is about.
fn names(told: &DbError) -> String {
    let mut text = format!("SQLSTATE {}", told.code().code());
    if let Some(words) = words(told.code()) {
        text.push_str(", ");
        text.push_str(words);
    }
    for (what, name) in [("constraint", told.constraint()), ("column", told.column()), ("type", told.datatype()), ("table", told.table())] {
        if let Some(name) = name {
            text.push_str(&format!(", {what} {name:?}"));
        }
    }
    text
}

/// What the commonest codes mean.
fn words(state: &SqlState) -> Option<&'static str> {
    Some(match state.code() {
        "22001" => "a text is too long for its column",
        "22003" => "a number is out of range",
        "22021" => "a text has a character that the database cannot hold",
        "22P02" => "a text is not in the form of its column's type",
        "23502" => "a value is missing in a NOT NULL column",
        "23503" => "a FOREIGN KEY constraint is broken",
        "23505" => "a key is there already",
        "23514" => "a CHECK constraint is broken",
        "23P01" => "an EXCLUDE constraint is broken",
        "25006" => "the server takes no writes",
        "25P02" => "an earlier statement of the transaction failed",
        "28000" | "28P01" => "the server lets the user not in",
        "3D000" => "there is no such database",
        "40001" | "40P01" => "another transaction is in the way",
        "42501" => "permission denied",
        "42601" => "the statement is not valid",
        "42703" => "there is no such column",
        "42P01" => "there is no such table",
        "42P10" => "no unique index has exactly these columns",
        "53100" => "the server's disk is full",
        "53300" => "the server has no connection to spare",
        "55P03" => "somebody else holds a lock",
        "57014" => "the statement took too long, or was cancelled",
        "57P01" => "the server ended the session",
        "57P03" => "the server is starting or stopping",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_of_every_sqlstate() {
        use Class::{Fail, Reject, Retry};
        use ErrorKind::{Config, Load, Storage, TimedOut, Unavailable};
        for (code, class, kind) in [
            ("08006", Retry, Unavailable),
            ("40001", Retry, Unavailable),
            ("40P01", Retry, Unavailable),
            ("40002", Fail, Load),
            ("53300", Retry, Unavailable),
            ("53100", Fail, Storage),
            ("55P03", Retry, Unavailable),
            ("55000", Fail, Load),
            ("57P01", Retry, Unavailable),
            ("57P03", Retry, Unavailable),
            ("57014", Retry, TimedOut),
            ("25P03", Retry, Unavailable),
            ("25P02", Fail, Load),
            ("22001", Reject, Load),
            ("22P02", Reject, Load),
            ("22P03", Fail, Load),
            ("23505", Reject, Load),
            ("28P01", Fail, Config),
            ("3D000", Fail, Config),
            ("42703", Fail, Load),
            ("XX001", Fail, Storage),
            ("P0001", Fail, Load),
        ] {
            let made = of_state(Error::new(Load, "x"), &SqlState::from_code(code));
            assert_eq!((made.class(), made.kind()), (class, kind), "{code}");
        }
    }
}
