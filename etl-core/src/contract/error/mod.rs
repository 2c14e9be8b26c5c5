//! One error type for the whole run: what happened, where, what the engine does about it and what
//! the operator can do. Its texts never hold the content of a record (I8).

mod class;
pub(crate) mod sanitize;

use std::borrow::Cow;
use std::fmt;

pub use class::{Class, Classes, StageError};
#[cfg(feature = "cli")]
pub(crate) use sanitize::io_text;

use super::position::Position;

/// The result of a stage, a resource or a connector.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The source could not be opened, read or decoded.
    Extraction,
    /// A record broke a rule.
    Validation,
    /// A transform or a filter returned an error.
    Transformation,
    /// The target refused records.
    Load,
    /// Settings, options or an output that cannot be used.
    Config,
    /// A resource could not be made.
    Resource,
    /// A dead letter could not be written: the run stops rather than lose it.
    DeadLetter,
    /// More errors than the pipeline allows.
    ThresholdExceeded,
    /// A stage took longer than its `timeout`.
    TimedOut,
    /// The run was stopped from outside.
    Cancelled,
    /// A stage panicked.
    Panicked,
    /// The disk is full, or a file could not be made durable.
    Storage,
    /// Source or target are away; trying later may help.
    Unavailable,
    /// What a stage did outside of the process could not be undone.
    CompensationFailed,
    /// The sums of the report do not add up: a bug in the engine.
    Conservation,
    /// Not said; becomes the kind of the stage in which it happens.
    Other,
}

impl ErrorKind {
    /// The kind as reports and logs write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Extraction => "extraction",
            Self::Validation => "validation",
            Self::Transformation => "transformation",
            Self::Load => "load",
            Self::Config => "config",
            Self::Resource => "resource",
            Self::DeadLetter => "dead_letter",
            Self::ThresholdExceeded => "threshold_exceeded",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Panicked => "panicked",
            Self::Storage => "storage",
            Self::Unavailable => "unavailable",
            Self::CompensationFailed => "compensation_failed",
            Self::Conservation => "conservation",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error of a run.
///
/// It deliberately does not implement [`std::error::Error`]: that is what lets `?` turn any foreign
/// error into one of class [`Class::Fail`] without an overlap of `From` impls.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    class: Class,
    code: &'static str,
    message: Cow<'static, str>,
    stage: Option<&'static str>,
    position: Option<Position>,
    causes: Vec<Cow<'static, str>>,
    hint: Option<Cow<'static, str>>,
    attempts: u32,
}

impl Error {
    /// An error that stops the run.
    ///
    /// `message` is printed in reports and logs: it must not hold the content of a record.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            class: Class::Fail,
            code: kind.as_str(),
            message: message.into(),
            stage: None,
            position: None,
            causes: Vec::new(),
            hint: None,
            attempts: 1,
        }))
    }

    /// An error that stops the run, in a stage's own words. See [`Error::new`] about its text.
    #[must_use]
    pub fn msg(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Other, message)
    }

    /// An I/O error with what was being done, such as `cannot open flights.csv`. A full disk is of
    /// kind [`ErrorKind::Storage`], whatever `kind` says.
    #[must_use]
    pub fn io(kind: ErrorKind, doing: impl Into<Cow<'static, str>>, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => ErrorKind::Storage,
            _ => kind,
        };
        Self::new(kind, doing).caused_by(sanitize::io_text(error))
    }

    /// The error of a stage, with the class and the texts that its type gives it.
    #[must_use]
    pub fn from_stage<E: StageError>(error: &E, kind: ErrorKind) -> Self {
        let mut made = Self::new(kind, error.message());
        made.0.class = error.class();
        made.0.code = error.code();
        made.0.causes = error.causes();
        made.0.hint = error.hint();
        made
    }

    /// The same with another class.
    #[must_use]
    pub fn with_class(mut self, class: Class) -> Self {
        self.0.class = class;
        self
    }

    /// The same with another kind.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// The same with a code that scripts can match.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.0.code = code;
        self
    }

    /// The same with one cause more, below those it has.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Cow<'static, str>>) -> Self {
        self.0.causes.push(cause.into());
        self
    }

    /// The same with what the operator can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same, said of a record of the source.
    #[must_use]
    pub fn at(mut self, position: Position) -> Self {
        self.0.position.get_or_insert(position);
        self
    }

    /// The same, said of a stage; an error that had no kind of its own takes `kind`.
    #[must_use]
    pub fn in_stage(mut self, stage: &'static str, kind: ErrorKind) -> Self {
        self.0.stage.get_or_insert(stage);
        if self.0.kind == ErrorKind::Other {
            self.0.kind = kind;
            if self.0.code == ErrorKind::Other.as_str() {
                self.0.code = kind.as_str();
            }
        }
        self
    }

    /// The same after so many tries.
    #[must_use]
    pub(crate) fn after(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What the engine does about it.
    #[must_use]
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// A name that never changes, such as `CleanError::BadTime`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// What happened, without position, stage and causes.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The stage in which it happened.
    #[must_use]
    pub fn stage(&self) -> Option<&'static str> {
        self.0.stage
    }

    /// The record at which it happened.
    #[must_use]
    pub fn position(&self) -> Option<&Position> {
        self.0.position.as_ref()
    }

    /// The causes, outermost first.
    pub fn causes(&self) -> impl Iterator<Item = &str> {
        self.0.causes.iter().map(AsRef::as_ref)
    }

    /// What the operator can do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// How often it was tried.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }
}

/// One line: `stage clean, flights.csv line 7: departure time is not a time of day: …causes…`
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.stage, &self.0.position) {
            (Some(stage), Some(position)) => write!(f, "stage `{stage}`, {position}: ")?,
            (Some(stage), None) => write!(f, "stage `{stage}`: ")?,
            (None, Some(position)) => write!(f, "{position}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.0.message)?;
        if self.0.attempts > 1 {
            write!(f, " (after {} attempts)", self.0.attempts)?;
        }
        for cause in self.causes() {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} {}] {self}", self.0.kind, self.0.class)
    }
}

/// A foreign error has no class, so it stops the run; its text is shown only where it cannot quote
/// a record.
impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        let mut made = Self::msg(sanitize::describe(&error));
        made.0.causes = sanitize::causes(&error);
        made.0.hint = sanitize::advice(&error);
        made
    }
}

/// Connectors return their errors classed. As a *type* it promises only what every stage may do
/// without further say (retry, fail); a connector's `reject` needs a `dead_letter`, and stops the
/// run where there is none.
impl StageError for Error {
    const CLASSES: Classes = Classes::FAIL.with(Class::Retry).open();

    fn class(&self) -> Class {
        self.0.class
    }

    fn code(&self) -> &'static str {
        self.0.code
    }

    fn message(&self) -> Cow<'static, str> {
        self.0.message.clone()
    }

    fn causes(&self) -> Vec<Cow<'static, str>> {
        self.0.causes.clone()
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        self.0.hint.clone()
    }
}

macro_rules! unclassed {
    ($($type:ty => $code:literal),* $(,)?) => { $(
        /// Has no classes, so it stops the run.
        impl StageError for $type {
            const CLASSES: Classes = Classes::FAIL;

            fn class(&self) -> Class {
                Class::Fail
            }

            fn code(&self) -> &'static str {
                $code
            }

            fn message(&self) -> Cow<'static, str> {
                sanitize::describe(self)
            }

            fn causes(&self) -> Vec<Cow<'static, str>> {
                sanitize::causes(self)
            }
        }
    )* };
}

unclassed!(
    std::io::Error => "io",
    std::fmt::Error => "fmt",
    std::str::Utf8Error => "utf8",
);

/// Has no classes, so it stops the run; its text is withheld, because it may quote a record.
impl StageError for Box<dyn std::error::Error + Send + Sync> {
    const CLASSES: Classes = Classes::FAIL;

    fn class(&self) -> Class {
        Class::Fail
    }

    fn code(&self) -> &'static str {
        "error"
    }

    fn message(&self) -> Cow<'static, str> {
        Cow::Borrowed("an error without a class; its text is withheld, because it may quote a record")
    }

    fn causes(&self) -> Vec<Cow<'static, str>> {
        sanitize::causes(self.as_ref())
    }
}

/// Has no classes, so it stops the run; its text is withheld, because it may quote a record.
#[cfg(feature = "anyhow")]
impl StageError for anyhow::Error {
    const CLASSES: Classes = Classes::FAIL;

    fn class(&self) -> Class {
        Class::Fail
    }

    fn code(&self) -> &'static str {
        "anyhow"
    }

    fn message(&self) -> Cow<'static, str> {
        Cow::Borrowed("an `anyhow` error, which has no class; its text is withheld, because it may quote a record")
    }

    fn causes(&self) -> Vec<Cow<'static, str>> {
        sanitize::causes(self.as_ref())
    }
}
