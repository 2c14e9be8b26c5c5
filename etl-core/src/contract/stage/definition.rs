//! What the attributes said, as constants: the input of `plan`, `graph`, the checks of `pipeline!`
//! and the engine.

use std::time::Duration;

use crate::contract::error::{Class, Classes};

/// What a stage does in the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Yields records.
    Extractor,
    /// Maps records.
    Transform,
    /// Keeps or drops records.
    Filter,
    /// Writes records to a target.
    Loader,
}

impl Role {
    /// The name of the attribute.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Extractor => "extractor",
            Self::Transform => "transform",
            Self::Filter => "filter",
            Self::Loader => "loader",
        }
    }
}

/// How the function takes its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Takes {
    /// Nothing: an extractor.
    Nothing,
    /// One record by value.
    Record,
    /// One record, lent.
    RecordLent,
    /// A batch by value.
    Batch,
    /// A batch, lent.
    BatchLent,
}

impl Takes {
    /// Whether the function sees many records at once.
    #[must_use]
    pub const fn is_batch(self) -> bool {
        matches!(self, Self::Batch | Self::BatchLent)
    }
}

/// What the author wrote above a stage; `None` and `false` where nothing was written.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct StageOptions {
    /// How many records a batch function sees at once, or a loader commits at once. For a function
    /// of single records: how many make one batch in the metrics, and how often the engine looks
    /// whether the run has been given up.
    pub batch: Option<usize>,
    /// Whether batches are worked on side by side.
    pub parallel: bool,
    /// How many calls of an async function are under way at once.
    pub concurrency: Option<usize>,
    /// Whether the order of the source may be lost.
    pub unordered: bool,
    /// How often a record (or a batch) whose error is of class retry is tried again.
    pub retries: Option<u32>,
    /// The first pause before a retry; it doubles, with jitter.
    pub backoff: Option<Duration>,
    /// How long one call may take.
    pub timeout: Option<Duration>,
    /// Whether records are validated before the stage.
    pub validate_input: bool,
    /// Whether records are validated after the stage.
    pub validate_output: bool,
    /// What happens to a record that breaks a rule.
    pub on_invalid: Option<Class>,
    /// What happens to a record that an extractor's source cannot decode.
    pub on_malformed: Option<Class>,
}

impl StageOptions {
    /// Nothing said.
    pub const NONE: Self = Self {
        batch: None,
        parallel: false,
        concurrency: None,
        unordered: false,
        retries: None,
        backoff: None,
        timeout: None,
        validate_input: false,
        validate_output: false,
        on_invalid: None,
        on_malformed: None,
    };

    /// What happens to a record that breaks a rule: reject, if nothing was said.
    #[must_use]
    pub const fn invalid_class(&self) -> Class {
        match self.on_invalid {
            Some(class) => class,
            None => Class::Reject,
        }
    }
}

/// What the attributes write, one call for each option.
impl StageOptions {
    /// [`StageOptions::batch`]
    #[must_use]
    pub const fn with_batch(mut self, records: usize) -> Self {
        self.batch = Some(records);
        self
    }

    /// [`StageOptions::parallel`]
    #[must_use]
    pub const fn with_parallel(mut self) -> Self {
        self.parallel = true;
        self
    }

    /// [`StageOptions::concurrency`]
    #[must_use]
    pub const fn with_concurrency(mut self, calls: usize) -> Self {
        self.concurrency = Some(calls);
        self
    }

    /// [`StageOptions::unordered`]
    #[must_use]
    pub const fn with_unordered(mut self) -> Self {
        self.unordered = true;
        self
    }

    /// [`StageOptions::retries`]
    #[must_use]
    pub const fn with_retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// [`StageOptions::backoff`]
    #[must_use]
    pub const fn with_backoff(mut self, first: Duration) -> Self {
        self.backoff = Some(first);
        self
    }

    /// [`StageOptions::timeout`]
    #[must_use]
    pub const fn with_timeout(mut self, call: Duration) -> Self {
        self.timeout = Some(call);
        self
    }

    /// [`StageOptions::validate_input`] and [`StageOptions::validate_output`]
    #[must_use]
    pub const fn with_validation(mut self, input: bool, output: bool) -> Self {
        self.validate_input = input;
        self.validate_output = output;
        self
    }

    /// [`StageOptions::on_invalid`]
    #[must_use]
    pub const fn with_invalid(mut self, class: Class) -> Self {
        self.on_invalid = Some(class);
        self
    }

    /// [`StageOptions::on_malformed`]
    #[must_use]
    pub const fn with_malformed(mut self, class: Class) -> Self {
        self.on_malformed = Some(class);
        self
    }
}

/// Everything that is known of a stage before anything runs.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct StageDefinition {
    /// The function's name, which is the stage's name.
    pub name: &'static str,
    /// What it does in the flow.
    pub role: Role,
    /// The function's documentation.
    pub doc: &'static str,
    /// The file in which it stands.
    pub file: &'static str,
    /// The line on which it stands.
    pub line: u32,
    /// Whether it is an `async fn`.
    pub is_async: bool,
    /// How it takes its records.
    pub takes: Takes,
    /// The record type that it takes, as written; empty for an extractor.
    pub input: &'static str,
    /// The record type that it yields, as written; empty for a loader.
    pub output: &'static str,
    /// The types of resources and settings that it asks for, as written.
    pub needs: &'static [&'static str],
    /// Whether it keeps state between calls (`&mut S`).
    pub stateful: bool,
    /// Whether it writes in the target's transaction (`&mut Tx`).
    pub transactional: bool,
    /// The classes of its own errors.
    pub classes: Classes,
    /// What the author wrote in the attribute.
    pub options: StageOptions,
}

impl StageDefinition {
    /// A stage of which nothing but name and role is known.
    #[must_use]
    pub const fn new(name: &'static str, role: Role) -> Self {
        Self {
            name,
            role,
            doc: "",
            file: "",
            line: 0,
            is_async: false,
            takes: match role {
                Role::Extractor => Takes::Nothing,
                Role::Transform => Takes::Record,
                Role::Filter => Takes::RecordLent,
                Role::Loader => Takes::BatchLent,
            },
            input: "",
            output: "",
            needs: &[],
            stateful: false,
            transactional: false,
            classes: Classes::NONE,
            options: StageOptions::NONE,
        }
    }

    /// Everything that can happen to a record in this stage: its own errors and broken rules.
    #[must_use]
    pub const fn all_classes(&self) -> Classes {
        let mut classes = self.classes;
        if self.options.validate_input || self.options.validate_output {
            classes = classes.with(self.options.invalid_class());
        }
        if let Some(class) = self.options.on_malformed {
            classes = classes.with(class);
        }
        classes
    }
}

/// What the attributes write, read off the signature.
impl StageDefinition {
    /// [`StageDefinition::file`] and [`StageDefinition::line`]
    #[must_use]
    pub const fn with_place(mut self, file: &'static str, line: u32) -> Self {
        self.file = file;
        self.line = line;
        self
    }

    /// [`StageDefinition::doc`]
    #[must_use]
    pub const fn with_doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// [`StageDefinition::is_async`]
    #[must_use]
    pub const fn with_async(mut self) -> Self {
        self.is_async = true;
        self
    }

    /// [`StageDefinition::takes`] and [`StageDefinition::input`]
    #[must_use]
    pub const fn with_input(mut self, takes: Takes, input: &'static str) -> Self {
        self.takes = takes;
        self.input = input;
        self
    }

    /// [`StageDefinition::output`]
    #[must_use]
    pub const fn with_output(mut self, output: &'static str) -> Self {
        self.output = output;
        self
    }

    /// [`StageDefinition::needs`]
    #[must_use]
    pub const fn with_needs(mut self, needs: &'static [&'static str]) -> Self {
        self.needs = needs;
        self
    }

    /// [`StageDefinition::stateful`]
    #[must_use]
    pub const fn with_state(mut self) -> Self {
        self.stateful = true;
        self
    }

    /// [`StageDefinition::transactional`]
    #[must_use]
    pub const fn with_transaction(mut self) -> Self {
        self.transactional = true;
        self
    }

    /// [`StageDefinition::classes`]
    #[must_use]
    pub const fn with_classes(mut self, classes: Classes) -> Self {
        self.classes = classes;
        self
    }

    /// [`StageDefinition::options`]
    #[must_use]
    pub const fn with_options(mut self, options: StageOptions) -> Self {
        self.options = options;
        self
    }
}
