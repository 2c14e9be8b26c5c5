//! What a pipeline as a whole promises and tolerates.

use std::fmt;

/// A delivery guarantee, the weakest first: what a pipeline demands, or what its parts can promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Delivery {
    /// A record is never loaded twice; it may be lost. No load is retried.
    AtMostOnce,
    /// A record is never lost; a retried load may double it.
    AtLeastOnce,
    /// A record is never lost; one that is loaded again takes the place of the first, by its key.
    EffectivelyOnce,
    /// A record is never lost and never loaded twice.
    ExactlyOnce,
}

/// How much of a run is committed at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Atomic {
    /// Every batch by itself.
    #[default]
    Batch,
    /// The whole run, at its end.
    Run,
}

impl Atomic {
    /// The word in `atomic:`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Run => "run",
        }
    }
}

impl Delivery {
    /// The word in `delivery:`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtMostOnce => "at_most_once",
            Self::AtLeastOnce => "at_least_once",
            Self::EffectivelyOnce => "effectively_once",
            Self::ExactlyOnce => "exactly_once",
        }
    }

    /// Whether a record can be lost when a run is killed: what was read is not read again.
    #[must_use]
    pub const fn may_lose(self) -> bool {
        matches!(self, Self::AtMostOnce)
    }

    /// Whether a record can be in the target twice after a run was killed or a load retried.
    #[must_use]
    pub const fn may_double(self) -> bool {
        matches!(self, Self::AtLeastOnce)
    }
}

/// How many errors (rejected, skipped and failed records) a run tolerates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// The share of the records read, in `(0, 1]`; one more stops the run.
    pub rate: Option<f64>,
    /// The number of errors; one more stops the run.
    pub count: Option<u64>,
    /// The number of errors in records that follow each other in the source; one more stops the run.
    /// A record of which anything was skipped or rejected is one error, wherever that happened.
    pub in_a_row: Option<u64>,
    /// How many records must have been read before the rate is looked at while running. At the end
    /// of the run it is looked at in any case.
    pub min_sample: u64,
}

impl Threshold {
    /// Tolerates any number.
    pub const NONE: Self = Self { rate: None, count: None, in_a_row: None, min_sample: Self::MIN_SAMPLE };
    /// The usual [`Threshold::min_sample`].
    pub const MIN_SAMPLE: u64 = 1_000;

    /// At most this share of the records read.
    #[must_use]
    pub const fn rate(rate: f64) -> Self {
        Self { rate: Some(rate), ..Self::NONE }
    }

    /// At most this number of errors.
    #[must_use]
    pub const fn count(count: u64) -> Self {
        Self { count: Some(count), ..Self::NONE }
    }

    /// [`Threshold::rate`]
    #[must_use]
    pub const fn with_rate(mut self, rate: f64) -> Self {
        self.rate = Some(rate);
        self
    }

    /// [`Threshold::count`]
    #[must_use]
    pub const fn with_count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// [`Threshold::in_a_row`]
    #[must_use]
    pub const fn with_in_a_row(mut self, errors: u64) -> Self {
        self.in_a_row = Some(errors);
        self
    }

    /// [`Threshold::min_sample`]
    #[must_use]
    pub const fn with_min_sample(mut self, records: u64) -> Self {
        self.min_sample = records;
        self
    }

    /// Whether `errors` out of `records` are too many. `ended` is true once the source is.
    #[must_use]
    pub fn passed(&self, errors: u64, records: u64, ended: bool) -> bool {
        let too_many = self.count.is_some_and(|count| errors > count);
        let sampled = ended || records >= self.min_sample;
        // Counts stay far below 2^53, where an f64 is still exact.
        #[allow(clippy::cast_precision_loss, reason = "see above")]
        let too_often = sampled && errors > 0 && self.rate.is_some_and(|rate| errors as f64 > rate * records as f64);
        too_many || too_often
    }

    /// Whether `errors` in a row are too many.
    #[must_use]
    pub fn passed_in_a_row(&self, errors: u64) -> bool {
        self.in_a_row.is_some_and(|most| errors > most)
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.rate.map(|rate| format!("{}%", percent(rate)));
        let count = self.count.map(|count| count.to_string());
        let in_a_row = self.in_a_row.map(|errors| format!("{errors} in a row"));
        let bounds: Vec<_> = [rate, count, in_a_row].into_iter().flatten().collect();
        f.write_str(if bounds.is_empty() { "none" } else { "" })?;
        f.write_str(&bounds.join(" or "))
    }
}

fn percent(rate: f64) -> f64 {
    (rate * 1e8).round() / 1e6
}

/// The clauses of `pipeline!` that concern the pipeline as a whole.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Policy {
    /// `error_threshold:`
    pub threshold: Threshold,
    /// `delivery:`
    pub delivery: Option<Delivery>,
    /// `atomic:`
    pub atomic: Atomic,
    /// `memory:`, in bytes: what records may occupy between source and target.
    pub memory: Option<u64>,
    /// Whether there is a `dead_letter:`; its path may depend on the settings.
    pub dead_letter: bool,
}

impl Policy {
    /// Nothing said.
    pub const NONE: Self = Self { threshold: Threshold::NONE, delivery: None, atomic: Atomic::Batch, memory: None, dead_letter: false };

    /// [`Policy::threshold`]
    #[must_use]
    pub const fn with_threshold(mut self, threshold: Threshold) -> Self {
        self.threshold = threshold;
        self
    }

    /// [`Policy::delivery`]
    #[must_use]
    pub const fn with_delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = Some(delivery);
        self
    }

    /// [`Policy::atomic`]
    #[must_use]
    pub const fn with_atomic(mut self, atomic: Atomic) -> Self {
        self.atomic = atomic;
        self
    }

    /// [`Policy::memory`]
    #[must_use]
    pub const fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// [`Policy::dead_letter`]
    #[must_use]
    pub const fn with_dead_letter(mut self) -> Self {
        self.dead_letter = true;
        self
    }
}
