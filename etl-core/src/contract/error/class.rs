//! The four fates of an error, and the trait that gives every error of a stage one of them.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;

/// What the engine does with a record (or a batch) whose stage returned an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Try again from the retained original, up to `retries` times; then the run fails, because an
    /// outage must not turn good records into dead letters.
    Retry,
    /// Leave the record out and count it.
    Skip,
    /// Write the record to the dead letters with its reason and go on.
    Reject,
    /// Stop the run.
    Fail,
}

impl Class {
    /// The word that stands in `#[on_error(…)]`, in reports and in dead letters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Skip => "skip",
            Self::Reject => "reject",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The set of classes that an error type can have, known at compile time, so that `pipeline!` can
/// refuse a policy that has nowhere to go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Classes(u8);

impl Classes {
    const OPEN: u8 = 1 << 7;
    /// No error can happen.
    pub const NONE: Self = Self(0);
    /// Every error stops the run.
    pub const FAIL: Self = Self::NONE.with(Class::Fail);

    /// This set and one class more.
    #[must_use]
    pub const fn with(self, class: Class) -> Self {
        Self(self.0 | 1 << class as u8)
    }

    /// The classes of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set, of a type whose values choose their class themselves: beyond what the type promises,
    /// any may come.
    #[must_use]
    pub const fn open(self) -> Self {
        Self(self.0 | Self::OPEN)
    }

    /// Whether values choose their class themselves.
    #[must_use]
    pub const fn is_open(self) -> bool {
        self.0 & Self::OPEN != 0
    }

    /// Whether an error of this type can have the class.
    #[must_use]
    pub const fn contains(self, class: Class) -> bool {
        self.0 & (1 << class as u8) != 0
    }

    /// The classes in the order retry, skip, reject, fail.
    pub fn iter(self) -> impl Iterator<Item = Class> {
        [Class::Retry, Class::Skip, Class::Reject, Class::Fail].into_iter().filter(move |c| self.contains(*c))
    }
}

impl fmt::Debug for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// An error that a stage can return: each value has one [`Class`].
///
/// Derive it with `#[derive(StageError)]`, which demands `#[on_error(retry|skip|reject|fail)]` on
/// every variant and takes the message from the *template* of `#[error("…")]`, never from the
/// values in it (I8).
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no failure classes",
    label = "the engine cannot know what to do with this error",
    note = "add `#[derive(StageError)]` to `{Self}` and `#[on_error(retry|skip|reject|fail)]` to each variant",
    note = "or return `etl_core::Result<_>`: `?` takes any error and `Error::msg(\"…\")` makes one of a text; both stop the run"
)]
pub trait StageError: Send + 'static {
    /// Every class that a value of this type can have.
    const CLASSES: Classes;

    /// What to do about this value.
    fn class(&self) -> Class;

    /// A name for this kind of error that never changes, such as `CleanError::BadTime`.
    fn code(&self) -> &'static str;

    /// What went wrong, without any content of the record.
    fn message(&self) -> Cow<'static, str>;

    /// What caused it, outermost first, without any content of the record.
    fn causes(&self) -> Vec<Cow<'static, str>> {
        Vec::new()
    }

    /// What the operator can do about it.
    fn hint(&self) -> Option<Cow<'static, str>> {
        None
    }
}

/// The error of a stage that cannot fail.
impl StageError for Infallible {
    const CLASSES: Classes = Classes::NONE;

    fn class(&self) -> Class {
        match *self {}
    }

    fn code(&self) -> &'static str {
        match *self {}
    }

    fn message(&self) -> Cow<'static, str> {
        match *self {}
    }
}
