//! SQLite's errors in our own words: its texts can quote values.

use std::borrow::Cow;

use etl_core::{Class, Error, ErrorKind};
use rusqlite::ffi::{self, ErrorCode};

/// An error of SQLite with what was being done, such as `cannot insert into flights`. `kind` is the
/// kind where the error itself does not say more.
pub(super) fn explain(kind: ErrorKind, doing: impl Into<Cow<'static, str>>, error: &rusqlite::Error) -> Error {
    let made = Error::new(kind, doing);
    let Some(code) = error.sqlite_error() else {
        return match error {
            rusqlite::Error::ToSqlConversionFailure(_) => made.caused_by("a value that SQLite cannot hold").with_class(Class::Reject),
            rusqlite::Error::NulError(_) => made.caused_by("a name or statement with a NUL in it"),
            rusqlite::Error::ExecuteReturnedResults => made.caused_by("the statement returns rows"),
            rusqlite::Error::MultipleStatement => made.caused_by("more than one statement"),
            _ => made.caused_by("the library was used in a way that it does not support"),
        };
    };
    match code.code {
        ErrorCode::ConstraintViolation => rejected(made, constraint(code.extended_code, error)),
        ErrorCode::TypeMismatch => rejected(made, "a value is not of the column's type"),
        ErrorCode::TooBig => rejected(made, "a value is larger than SQLite allows"),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => made
            .with_kind(ErrorKind::Unavailable)
            .with_class(Class::Retry)
            .with_code("sqlite_busy")
            .caused_by("another connection holds the lock"),
        ErrorCode::DiskFull => made.with_kind(ErrorKind::Storage).with_code("sqlite_full").caused_by("the disk is full"),
        ErrorCode::SystemIoFailure => made
            .with_kind(ErrorKind::Storage)
            .with_code("sqlite_io")
            .caused_by(format!("the disk failed (SQLite code {})", code.extended_code)),
        ErrorCode::ReadOnly => made
            .with_code("sqlite_read_only")
            .caused_by("the database is read-only")
            .hint("look at the permissions of the file and of its directory"),
        ErrorCode::PermissionDenied | ErrorCode::CannotOpen => made
            .with_code("sqlite_cannot_open")
            .caused_by("the database cannot be opened")
            .hint("look at the permissions of the file and of its directory"),
        ErrorCode::NotADatabase => made.with_code("sqlite_not_a_database").caused_by("the file is not a SQLite database, or is encrypted"),
        ErrorCode::DatabaseCorrupt => made
            .with_kind(ErrorKind::Storage)
            .with_code("sqlite_corrupt")
            .caused_by("the database is damaged")
            .hint("`PRAGMA integrity_check` says where"),
        ErrorCode::Unknown => made.caused_by("the statement is not valid here (SQLite code 1)"),
        _ => made.caused_by(format!("SQLite code {}", code.extended_code)),
    }
}

fn rejected(made: Error, cause: impl Into<Cow<'static, str>>) -> Error {
    made.with_class(Class::Reject).with_code("sqlite_rejected").caused_by(cause)
}

/// Which constraint; and for those whose message is made of names only, of which columns.
fn constraint(extended_code: i32, error: &rusqlite::Error) -> Cow<'static, str> {
    let columns = || match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.split_once(" constraint failed: ").map(|(_, columns)| columns),
        _ => None,
    };
    let broken = |what: &'static str| match columns() {
        Some(columns) => Cow::Owned(format!("{what} ({columns})")),
        None => Cow::Borrowed(what),
    };
    match extended_code {
        ffi::SQLITE_CONSTRAINT_NOTNULL => broken("a value is missing in a NOT NULL column"),
        ffi::SQLITE_CONSTRAINT_UNIQUE => broken("a UNIQUE constraint is broken"),
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => broken("a primary key is there already"),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => "a FOREIGN KEY constraint is broken".into(),
        ffi::SQLITE_CONSTRAINT_CHECK => "a CHECK constraint is broken".into(),
        ffi::SQLITE_CONSTRAINT_DATATYPE => "a value is not of the type that a STRICT table demands".into(),
        ffi::SQLITE_CONSTRAINT_TRIGGER => "a trigger refuses the record".into(),
        _ => "a constraint is broken".into(),
    }
}

/// What SQLite says of a statement that was written by hand: it quotes the statement only.
pub(super) fn about_statement(error: &rusqlite::Error) -> Option<String> {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => Some(msg.clone()),
        rusqlite::Error::SqliteFailure(code, Some(message)) if code.code == ErrorCode::Unknown => Some(message.clone()),
        _ => None,
    }
}
