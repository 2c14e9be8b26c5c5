//! Every option of every attribute.

use crate::role::Role;

/// An option.
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// How it is written, for messages.
    pub(crate) example: &'static str,
}

/// What stands behind the name of an option.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Nothing.
    Flag,
    /// A whole number, at least one, or the name of a constant.
    Count { max: u64 },
    /// Text such as `"30s"`.
    Duration,
    /// One of these words.
    Word(&'static [&'static str]),
    /// `(input)`, `(output)`, `(input, output)`.
    Sides { output: bool },
    /// How many in a time, as text.
    Rate,
    /// A path.
    Path,
    /// The path of a function.
    Function,
    /// `(key = field)` or `(key = [a, b])`: fields of the record.
    Key,
    /// A clause of `pipeline!`, written so there.
    Clause(&'static str),
}

impl Kind {
    /// Whether an attribute can have it: not a clause.
    pub(crate) const fn is_here(self) -> bool {
        !matches!(self, Self::Clause(_))
    }
}

const FATES: &[&str] = &["reject", "skip", "fail"];

const fn spec(name: &'static str, kind: Kind, example: &'static str) -> Spec {
    Spec { name, kind, example }
}

const BATCH: Spec = spec("batch", Kind::Count { max: usize::MAX as u64 }, "batch = 500");
const LINGER: Spec = spec("linger", Kind::Duration, "linger = \"1s\"");
const RATE: Spec = spec("rate", Kind::Rate, "rate = \"100/s\"");
const RETRIES: Spec = spec("retries", Kind::Count { max: u32::MAX as u64 }, "retries = 3");
const BACKOFF: Spec = spec("backoff", Kind::Duration, "backoff = \"200ms\"");
const TIMEOUT: Spec = spec("timeout", Kind::Duration, "timeout = \"30s\"");
const DEADLINE: Spec = spec("deadline", Kind::Duration, "deadline = \"2m\"");
const INVALID: Spec = spec("invalid", Kind::Word(FATES), "invalid = reject");
const VALIDATE_INPUT: Spec = spec("validate", Kind::Sides { output: false }, "validate(input)");
const CONCURRENCY: Spec = spec("concurrency", Kind::Count { max: usize::MAX as u64 }, "concurrency = 8");
const CRATE: Spec = spec("crate", Kind::Path, "crate = ::etl_core");
const COMPENSATE: Spec = spec("compensate", Kind::Function, "compensate = undo");
const ATOMIC: Spec = spec("atomic", Kind::Clause("atomic: run"), "");
const DELIVERY: Spec = spec("delivery", Kind::Clause("delivery: at_least_once"), "");
const DEAD_LETTER: Spec = spec("dead_letter", Kind::Clause("dead_letter: file(\"rejects.jsonl\")"), "");
const ERROR_THRESHOLD: Spec = spec("error_threshold", Kind::Clause("error_threshold: 1%"), "");

/// The options of a role, in the order in which messages list them.
pub(crate) const fn of(role: Role) -> &'static [Spec] {
    match role {
        Role::Extractor => EXTRACTOR,
        Role::Transform => TRANSFORM,
        Role::Filter => FILTER,
        Role::Loader => LOADER,
        Role::Resource => RESOURCE,
    }
}

const EXTRACTOR: &[Spec] = &[
    BATCH,
    LINGER,
    RATE,
    RETRIES,
    BACKOFF,
    TIMEOUT,
    DEADLINE,
    spec("malformed", Kind::Word(FATES), "malformed = reject"),
    spec("replayable", Kind::Flag, "replayable"),
    CRATE,
    DELIVERY,
    DEAD_LETTER,
    ERROR_THRESHOLD,
];

const TRANSFORM: &[Spec] = &[
    spec("parallel", Kind::Flag, "parallel"),
    BATCH,
    CONCURRENCY,
    spec("unordered", Kind::Flag, "unordered"),
    RATE,
    RETRIES,
    BACKOFF,
    TIMEOUT,
    DEADLINE,
    spec("validate", Kind::Sides { output: true }, "validate(output)"),
    INVALID,
    COMPENSATE,
    CRATE,
    DEAD_LETTER,
    ERROR_THRESHOLD,
];

const FILTER: &[Spec] = &[RATE, RETRIES, BACKOFF, TIMEOUT, DEADLINE, VALIDATE_INPUT, INVALID, CRATE, DEAD_LETTER, ERROR_THRESHOLD];

const LOADER: &[Spec] = &[
    BATCH,
    CONCURRENCY,
    LINGER,
    RATE,
    RETRIES,
    BACKOFF,
    TIMEOUT,
    DEADLINE,
    spec("outage", Kind::Duration, "outage = \"10m\""),
    VALIDATE_INPUT,
    INVALID,
    spec("idempotent", Kind::Key, "idempotent(key = id)"),
    CRATE,
    ATOMIC,
    DELIVERY,
    DEAD_LETTER,
    ERROR_THRESHOLD,
];

const RESOURCE: &[Spec] = &[CRATE];

/// Words that other tools use, and ours for them.
pub(crate) const OFTEN_MEANT: &[(&str, &str)] = &[
    ("retry", "retries"),
    ("attempts", "retries"),
    ("max_retries", "retries"),
    ("batch_size", "batch"),
    ("chunk", "batch"),
    ("chunk_size", "batch"),
    ("buffered", "concurrency"),
    ("concurrent", "concurrency"),
    ("workers", "parallel"),
    ("threads", "parallel"),
    ("delay", "backoff"),
    ("rate_limit", "rate"),
    ("throttle", "rate"),
    ("flush_interval", "linger"),
    ("max_wait", "linger"),
    ("undo", "compensate"),
    ("rollback", "compensate"),
    ("key", "idempotent"),
    ("upsert", "idempotent"),
    ("total_timeout", "deadline"),
    ("circuit_breaker", "outage"),
    ("rewindable", "replayable"),
    ("dlq", "dead_letter"),
    ("check", "validate"),
    ("validation", "validate"),
    ("on_invalid", "invalid"),
    ("on_malformed", "malformed"),
    ("on_error", "invalid"),
];
