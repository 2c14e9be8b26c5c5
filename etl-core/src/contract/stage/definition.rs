//! What the attributes said, as constants: the input of `plan`, `graph`, the checks of `pipeline!`
//! and the engine.

use std::time::Duration;

use super::Rate;
use crate::contract::error::{Class, Classes};
use crate::contract::guarantee::TargetKind;
use crate::contract::record::Column;

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
    /// How many records may pass in a time.
    pub rate: Option<Rate>,
    /// How long a record may wait for its batch to fill.
    pub linger: Option<Duration>,
    /// How often a record (or a batch) whose error is of class retry is tried again.
    pub retries: Option<u32>,
    /// The first pause before a retry; it doubles, with jitter.
    pub backoff: Option<Duration>,
    /// How long one call may take.
    pub timeout: Option<Duration>,
    /// How long all tries of one record (or one batch) may take together: none begins later.
    pub deadline: Option<Duration>,
    /// How long a loader waits for a target that is still away when the tries of a batch are used up.
    pub outage: Option<Duration>,
    /// Whether records are validated before the stage.
    pub validate_input: bool,
    /// Whether records are validated after the stage.
    pub validate_output: bool,
    /// What happens to a record that breaks a rule.
    pub on_invalid: Option<Class>,
    /// What happens to a record that an extractor's source cannot decode.
    pub on_malformed: Option<Class>,
    /// The author vouches that the extractor yields the same records whenever it is called.
    pub replayable: bool,
    /// The fields by which a record that is loaded again takes the place of the first; empty where
    /// it does not.
    pub key: &'static [&'static str],
    /// Whether a transform has effects outside of the process that are undone where its records are
    /// not committed.
    pub compensates: bool,
}

impl StageOptions {
    /// Nothing said.
    pub const NONE: Self = Self {
        batch: None,
        parallel: false,
        concurrency: None,
        unordered: false,
        rate: None,
        linger: None,
        retries: None,
        backoff: None,
        timeout: None,
        deadline: None,
        outage: None,
        validate_input: false,
        validate_output: false,
        on_invalid: None,
        on_malformed: None,
        replayable: false,
        key: &[],
        compensates: false,
    };

    /// The first pause before a retry where nothing is said.
    pub const BACKOFF: Duration = Duration::from_millis(100);
    /// The longest pause before a retry, before its jitter.
    pub const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

    /// The longest that all tries of one record may take together: each try up to its timeout, each
    /// pause up to twice its length, because of the jitter. `None` where a try has no bound.
    #[must_use]
    pub const fn worst_case(&self) -> Option<Duration> {
        let Some(timeout) = self.timeout else { return None };
        let retries = match self.retries {
            Some(retries) => retries,
            None => 0,
        };
        let mut pause = match self.backoff {
            Some(first) => first,
            None => Self::BACKOFF,
        };
        let longest = if pause.as_nanos() > Self::LONGEST_BACKOFF.as_nanos() { pause } else { Self::LONGEST_BACKOFF };
        let mut worst = timeout.saturating_mul(retries.saturating_add(1));
        let mut retry = 0;
        while retry < retries {
            if pause.as_nanos() >= longest.as_nanos() {
                return Some(worst.saturating_add(longest.saturating_mul(2).saturating_mul(retries - retry)));
            }
            worst = worst.saturating_add(pause.saturating_mul(2));
            pause = pause.saturating_mul(2);
            if pause.as_nanos() > longest.as_nanos() {
                pause = longest;
            }
            retry += 1;
        }
        Some(worst)
    }

    /// Whether all tries end before the deadline, where there is one and they end at all.
    #[must_use]
    pub const fn fits_deadline(&self) -> bool {
        match (self.worst_case(), self.deadline) {
            (Some(worst), Some(deadline)) => worst.as_nanos() <= deadline.as_nanos(),
            _ => true,
        }
    }

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

    /// [`StageOptions::rate`]
    #[must_use]
    pub const fn with_rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// [`StageOptions::linger`]
    #[must_use]
    pub const fn with_linger(mut self, longest: Duration) -> Self {
        self.linger = Some(longest);
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

    /// [`StageOptions::deadline`]
    #[must_use]
    pub const fn with_deadline(mut self, tries: Duration) -> Self {
        self.deadline = Some(tries);
        self
    }

    /// [`StageOptions::outage`]
    #[must_use]
    pub const fn with_outage(mut self, longest: Duration) -> Self {
        self.outage = Some(longest);
        self
    }

    /// [`StageOptions::replayable`]
    #[must_use]
    pub const fn with_replayable(mut self) -> Self {
        self.replayable = true;
        self
    }

    /// [`StageOptions::key`]
    #[must_use]
    pub const fn with_key(mut self, fields: &'static [&'static str]) -> Self {
        self.key = fields;
        self
    }

    /// [`StageOptions::compensates`]
    #[must_use]
    pub const fn with_compensation(mut self) -> Self {
        self.compensates = true;
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
    /// The columns of the record that it takes, of an extractor those that it yields; empty where they
    /// are not known. Told by the types, not by the attribute.
    pub columns: &'static [Column],
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
    /// Whether an extractor yields the same records again.
    pub replayable: bool,
    /// Whether an extractor's source decodes its records, so that one can be malformed.
    pub decodes: bool,
    /// How a loader's target takes what is loaded a second time.
    pub target: TargetKind,
    /// The largest batch that fits one statement of a loader's target, where there is a limit.
    pub most_batch: Option<usize>,
    /// Whether a loader's target can have several transactions open at once.
    pub concurrent: bool,
    /// A number that changes when the function or its options do, and not when it is only formatted
    /// or documented anew. A checkpoint holds it.
    pub fingerprint: u64,
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
            columns: &[],
            needs: &[],
            stateful: false,
            transactional: false,
            classes: Classes::NONE,
            options: StageOptions::NONE,
            replayable: false,
            decodes: false,
            target: TargetKind::Appends,
            most_batch: None,
            concurrent: false,
            fingerprint: 0,
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

    /// Whether the stage itself can reject a record that its author has thought of.
    #[must_use]
    pub const fn rejects(&self) -> bool {
        self.all_classes().contains(Class::Reject)
    }

    /// Whether a load that is tried again, if it is, cannot double a record: in a transaction or by key.
    #[must_use]
    pub const fn retries_safely(&self) -> bool {
        self.options.retries.is_none() || self.transactional || !self.options.key.is_empty()
    }

    /// Whether the records behind the stage may be in another order than before it.
    #[must_use]
    pub const fn loses_order(&self) -> bool {
        self.options.unordered || self.loads_side_by_side()
    }

    /// Whether it is a loader that has several transactions under way at once.
    #[must_use]
    pub const fn loads_side_by_side(&self) -> bool {
        matches!((self.role, self.options.concurrency), (Role::Loader, Some(2..)))
    }

    /// Whether a batch of so many records fits one statement of the target.
    #[must_use]
    pub const fn fits_batch(&self, records: usize) -> bool {
        match self.most_batch {
            Some(most) => records <= most,
            None => true,
        }
    }

    /// Whether a record can leave the flow here with this class. An error type whose values choose
    /// their class themselves ([`Classes::open`]) can have any.
    #[must_use]
    pub const fn can(&self, class: Class) -> bool {
        self.all_classes().contains(class) || self.classes.is_open() || (self.decodes && self.options.on_malformed.is_none())
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

    /// [`StageDefinition::replayable`] and [`StageDefinition::decodes`]
    #[must_use]
    pub const fn with_source(mut self, replayable: bool, decodes: bool) -> Self {
        self.replayable = replayable;
        self.decodes = decodes;
        self
    }

    /// [`StageDefinition::target`], [`StageDefinition::most_batch`] and [`StageDefinition::concurrent`]
    #[must_use]
    pub const fn with_target(mut self, target: TargetKind, most_batch: Option<usize>, concurrent: bool) -> Self {
        self.target = target;
        self.most_batch = most_batch;
        self.concurrent = concurrent;
        self
    }

    /// [`StageDefinition::columns`]
    #[must_use]
    pub const fn with_columns(mut self, columns: &'static [Column]) -> Self {
        self.columns = columns;
        self
    }

    /// [`StageDefinition::fingerprint`]
    #[must_use]
    pub const fn with_fingerprint(mut self, fingerprint: u64) -> Self {
        self.fingerprint = fingerprint;
        self
    }

    /// [`StageDefinition::options`]
    #[must_use]
    pub const fn with_options(mut self, options: StageOptions) -> Self {
        self.options = options;
        self
    }
}
