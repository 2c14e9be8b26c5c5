//! Validation: rules on a record, checked before or after a stage.

use std::borrow::Cow;
use std::fmt;

use crate::contract::needs::Needs;

/// The rules that a record must keep, written by hand or by `#[derive(garde::Validate)]` (feature
/// `garde`).
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no validation rules",
    label = "`validate(…)` is on, but there is nothing to check",
    note = "derive `garde::Validate` for `{Self}` (feature `garde` of etl-core), or implement `etl_core::stage::Rules`"
)]
pub trait Rules {
    /// What the rules read besides the record: `()`, the settings, or a resource.
    type Context: Sync + 'static;

    /// Checks the record.
    ///
    /// # Errors
    /// Every rule that it breaks, at least one.
    fn check(&self, context: &Self::Context) -> Result<(), Violations>;
}

/// One broken rule. It says where and which, never the value (I8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field, or its path.
    pub field: Cow<'static, str>,
    /// The rule, such as `greater than 1440`.
    pub rule: Cow<'static, str>,
}

/// The rules that one record broke.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    /// One broken rule.
    #[must_use]
    pub fn one(field: impl Into<Cow<'static, str>>, rule: impl Into<Cow<'static, str>>) -> Self {
        Self(vec![Violation { field: field.into(), rule: rule.into() }])
    }

    /// `Ok` where nothing was broken.
    ///
    /// # Errors
    /// The violations themselves, where there are any.
    pub fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "`{}`: {}", violation.field, violation.rule)?;
        }
        Ok(())
    }
}

/// Whether records are checked on one side of a stage; chosen by the macro.
pub trait Guard<T>: Send + Sync + 'static {
    /// What the rules read.
    type Needs: Needs;
    /// Whether there is anything to check.
    const CHECKS: bool;

    /// Checks one record.
    ///
    /// # Errors
    /// The rules that it breaks.
    fn check(lent: <Self::Needs as Needs>::Lent<'_>, record: &T) -> Result<(), Violations>;
}

/// Records pass unchecked.
#[derive(Debug)]
pub struct Unchecked;

impl<T> Guard<T> for Unchecked {
    type Needs = ();
    const CHECKS: bool = false;

    #[inline]
    fn check((): (), _record: &T) -> Result<(), Violations> {
        Ok(())
    }
}

/// Records are checked by their [`Rules`]. `READS` says whether these read anything: what reads
/// nothing is asked of no pipeline.
#[derive(Debug)]
pub struct Checked<const READS: bool>;

impl<T: Rules> Guard<T> for Checked<true> {
    type Needs = (T::Context,);
    const CHECKS: bool = true;

    #[inline]
    fn check((context,): (&T::Context,), record: &T) -> Result<(), Violations> {
        record.check(context)
    }
}

impl<T: Rules<Context = ()>> Guard<T> for Checked<false> {
    type Needs = ();
    const CHECKS: bool = true;

    #[inline]
    fn check((): (), record: &T) -> Result<(), Violations> {
        record.check(&())
    }
}

/// Rules derived by garde.
#[cfg(feature = "garde")]
#[diagnostic::do_not_recommend]
impl<T: garde::Validate<Context: Sync + 'static>> Rules for T {
    type Context = T::Context;

    fn check(&self, context: &Self::Context) -> Result<(), Violations> {
        self.validate_with(context).map_err(|report| {
            Violations(
                report
                    .iter()
                    .map(|(path, error)| Violation { field: Cow::Owned(path.to_string()), rule: rule_of(error.message()) })
                    .collect(),
            )
        })
    }
}

/// garde's own messages name the rule; the message of a custom rule may quote the value. Where a
/// message came from cannot be seen, so only what cannot quote anything passes: fixed words, and
/// fixed words before a number.
#[cfg(feature = "garde")]
fn rule_of(message: &str) -> Cow<'static, str> {
    const BEFORE_A_NUMBER: [&str; 4] = ["greater than ", "lower than ", "length is greater than ", "length is lower than "];
    const FIXED: [&str; 3] = ["not alphanumeric", "not ascii", "not set"];
    const BEFORE_SOMETHING_ELSE: [&str; 7] = [
        "not a valid ",
        "does not match pattern ",
        "does not contain ",
        "does not start with ",
        "does not end with ",
        "not equal to ",
        "no match for ",
    ];
    let is_bound = |rest: &str| rest.len() <= 20 && rest.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
    if BEFORE_A_NUMBER.iter().any(|words| message.strip_prefix(words).is_some_and(is_bound)) {
        return Cow::Owned(message.to_owned());
    }
    let fixed = FIXED.into_iter().find(|words| message == *words);
    let cut = || BEFORE_SOMETHING_ELSE.into_iter().find(|words| message.starts_with(words)).map(str::trim_end);
    Cow::Borrowed(fixed.or_else(cut).unwrap_or("breaks a custom rule"))
}

#[cfg(all(test, feature = "garde"))]
mod tests {
    use super::rule_of;

    #[test]
    fn i8_the_message_of_a_rule_never_quotes_the_value() {
        assert_eq!(rule_of("greater than 1440"), "greater than 1440");
        assert_eq!(rule_of("not ascii"), "not ascii");
        assert_eq!(rule_of("not a valid carrier: ZZ"), "not a valid");
        assert_eq!(rule_of("greater than the secret"), "breaks a custom rule");
        assert_eq!(rule_of("the value ZZ is bad"), "breaks a custom rule");
    }
}
