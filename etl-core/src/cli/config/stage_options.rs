//! The options of a stage that the operator may set, by the rules of the attributes.

use std::time::Duration;

use super::origin::{Origin, Shown};
use super::problem::Problem;
use super::suggest::{did_you_mean, listed};
use super::tree::{Leaf, Node};
use super::value;
use crate::contract::error::Class;
use crate::contract::policy::{Atomic, Delivery, Policy};
use crate::contract::stage::{Role, StageDefinition, StageOptions, Takes};
use crate::engine::options::StageSettings;

/// An option; one row of the table says who has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Batch,
    Parallel,
    Concurrency,
    Unordered,
    Rate,
    Linger,
    Retries,
    Backoff,
    Timeout,
    Deadline,
    Outage,
    Validate,
}

use Name::{Backoff, Batch, Concurrency, Deadline, Linger, Outage, Parallel, Rate, Retries, Timeout, Unordered, Validate};

/// The options of a role, in the order in which `plan` shows them. The same table as in `etl-macros/src/options/table.rs`.
pub(crate) const fn of(role: Role) -> &'static [Name] {
    match role {
        Role::Extractor => &[Batch, Linger, Rate, Retries, Backoff, Timeout, Deadline],
        Role::Transform => &[Batch, Parallel, Concurrency, Unordered, Rate, Retries, Backoff, Timeout, Deadline, Validate],
        Role::Filter => &[Rate, Retries, Backoff, Timeout, Deadline, Validate],
        Role::Loader => &[Batch, Concurrency, Linger, Rate, Retries, Backoff, Timeout, Deadline, Outage, Validate],
    }
}

/// Options of the attributes that decide over records, and so are the author's alone.
const AUTHORS: [&str; 6] = ["invalid", "malformed", "on_invalid", "on_malformed", "replayable", "idempotent"];

/// Words that other tools use, and ours for them.
const OFTEN_MEANT: [(&str, Name); 10] = [
    ("retry", Retries),
    ("max_retries", Retries),
    ("batch_size", Batch),
    ("chunk_size", Batch),
    ("buffered", Concurrency),
    ("workers", Parallel),
    ("delay", Backoff),
    ("rate_limit", Rate),
    ("flush_interval", Linger),
    ("circuit_breaker", Outage),
];

impl Name {
    const ALL: [Self; 12] = [Batch, Linger, Parallel, Concurrency, Unordered, Rate, Retries, Backoff, Timeout, Deadline, Outage, Validate];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Batch => "batch",
            Parallel => "parallel",
            Concurrency => "concurrency",
            Unordered => "unordered",
            Rate => "rate",
            Linger => "linger",
            Retries => "retries",
            Backoff => "backoff",
            Timeout => "timeout",
            Deadline => "deadline",
            Outage => "outage",
            Validate => "validate",
        }
    }

    fn of_stage(key: &str, stage: &StageDefinition) -> Result<Self, (String, Option<String>)> {
        let known = of(stage.role);
        let role = stage.role.as_str();
        let names: Vec<_> = known.iter().map(|name| name.as_str()).collect();
        if AUTHORS.contains(&key) {
            return Err(("decides over records and is set in the attribute only".to_owned(), None));
        }
        match Self::ALL.into_iter().find(|name| name.as_str() == key) {
            Some(name) if known.contains(&name) => Ok(name),
            Some(_) => Err((
                format!("is not an option of {} `{}`, but of other roles", article(role), role),
                Some(format!("it has {}", listed(&names))),
            )),
            None => {
                let often = OFTEN_MEANT.iter().find(|(word, name)| *word == key && known.contains(name)).map(|(_, name)| name.as_str());
                let meant = often
                    .or_else(|| did_you_mean(key, names.iter().copied()))
                    .map_or(String::new(), |meant| format!("did you mean `{}.{meant}`? ", stage.name));
                Err((format!("is no option of {role} `{}`", stage.name), Some(format!("{meant}it has {}", listed(&names)))))
            }
        }
    }
}

fn article(role: &str) -> &'static str {
    if role.starts_with('e') { "an" } else { "a" }
}

/// The options of one stage while the layers are laid over each other.
pub(crate) struct Overlay<'a> {
    stage: &'a StageDefinition,
    policy: &'a Policy,
    /// What the attribute said, with what the operator said over it.
    pub(crate) options: StageOptions,
    /// `Some(false)` where the operator switched validation off.
    pub(crate) validate: Option<bool>,
    said: Vec<(Name, Origin)>,
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(stage: &'a StageDefinition, policy: &'a Policy) -> Self {
        let said = of(stage.role).iter().filter(|name| in_attribute(stage, **name)).map(|name| (*name, Origin::Attribute)).collect();
        Self { stage, policy, options: stage.options, validate: None, said }
    }

    /// Lays what the operator said about this stage over its attribute.
    pub(crate) fn apply(&mut self, node: &Node, problems: &mut Vec<Problem>) {
        let stage = self.stage.name;
        if let Some(leaf) = &node.leaf {
            let example = of(self.stage.role)[0].as_str();
            problems.push(
                Problem::of(stage, &leaf.origin, "is a stage, not a setting")
                    .hint(format!("name one of its options, such as `{stage}.{example}`")),
            );
        }
        for (key, child) in &node.children {
            let full = format!("{stage}.{key}");
            let origin = child.origin().cloned().unwrap_or(Origin::Default);
            match Name::of_stage(key, self.stage) {
                Err((text, hint)) => problems.push(Problem { hint, ..Problem::of(full, &origin, text) }),
                Ok(name) => match child.leaf.as_ref().and_then(Leaf::text) {
                    None => problems.push(Problem::of(full, &origin, "takes a single value")),
                    Some(text) => match self.set(name, &text) {
                        Err(text) => problems.push(Problem::of(full, &origin, text)),
                        Ok(()) => {
                            self.said.retain(|(said, _)| *said != name);
                            self.said.push((name, origin));
                        }
                    },
                },
            }
        }
        self.agree(problems);
    }

    fn set(&mut self, name: Name, text: &str) -> Result<(), String> {
        let options = &mut self.options;
        match name {
            Batch => options.batch = Some(fits(value::count(text, 1, usize::MAX as u64)?)),
            Parallel => options.parallel = value::switch(text)?,
            Concurrency => options.concurrency = Some(fits(value::count(text, 1, usize::MAX as u64)?)),
            Unordered => options.unordered = value::switch(text)?,
            Rate => options.rate = Some(value::rate(text)?),
            Linger => options.linger = Some(value::duration(text)?),
            Retries => options.retries = Some(u32::try_from(value::count(text, 0, u32::MAX.into())?).unwrap_or(u32::MAX)),
            Backoff => options.backoff = Some(value::duration(text)?),
            Timeout => options.timeout = Some(value::duration(text)?),
            Deadline => options.deadline = Some(value::duration(text)?),
            Outage => options.outage = value::duration_or_none(text)?,
            Validate => self.validate = Some(value::switch(text)?),
        }
        self.fits_stage(name)
    }

    /// What the stage's signature and errors allow.
    fn fits_stage(&self, name: Name) -> Result<(), String> {
        let (stage, options) = (self.stage, &self.options);
        let refused = match name {
            Parallel if options.parallel && stage.stateful => {
                "works on several batches at once, so it cannot be switched on: the function keeps `&mut` state"
            }
            Concurrency if !stage.is_async => "is the number of `async` calls under way at once, but this is a plain `fn`",
            Concurrency if stage.role == Role::Loader && options.concurrency > Some(1) => return self.lanes_fit(),
            Concurrency if stage.stateful && options.concurrency > Some(1) => "cannot be more than 1: the function keeps `&mut` state",
            Batch if !stage.fits_batch(options.batch.unwrap_or(0)) => {
                return Err(format!(
                    "is more than fits one statement of the target, which takes {} of these records",
                    stage.most_batch.unwrap_or(0)
                ));
            }
            Rate if !paced(stage) => "cannot be set: a plain `fn` computes, and is paced by what it is given",
            Timeout if !stage.is_async => "cannot be set: a plain `fn` cannot be stopped",
            Validate if self.validate == Some(true) && !has_rules(stage) => {
                "cannot be switched on: the attribute does not say which side to validate"
            }
            Retries if options.retries > Some(0) => return self.retries_fit(),
            _ => return Ok(()),
        };
        Err(refused.to_owned())
    }

    /// Whether several transactions can be under way at once.
    fn lanes_fit(&self) -> Result<(), String> {
        if !self.stage.transactional || !self.stage.concurrent {
            Err("cannot be more than 1: the target takes one transaction after the other".to_owned())
        } else if self.policy.atomic == Atomic::Run {
            Err("cannot be more than 1: under `atomic: run` all records become one transaction".to_owned())
        } else {
            Ok(())
        }
    }

    fn retries_fit(&self) -> Result<(), String> {
        let stage = self.stage;
        let given_away = matches!(stage.takes, Takes::Record | Takes::Batch);
        if !stage.classes.contains(Class::Retry) {
            Err("has nothing to retry: no error of this stage is of class retry".to_owned())
        } else if given_away && stage.options.retries.is_none() {
            Err("cannot be switched on: the function takes its records by value and was compiled without `retries`, so it cannot be fed again".to_owned())
        } else if stage.role == Role::Loader && self.policy.delivery == Some(Delivery::AtMostOnce) {
            Err("cannot be switched on: under `delivery: at_most_once` no load is retried".to_owned())
        } else if stage.role == Role::Loader
            && !stage.transactional
            && stage.options.key.is_empty()
            && self.policy.delivery != Some(Delivery::AtLeastOnce)
        {
            Err("cannot be switched on: the loader writes without a transaction, so a record could be loaded twice, and the pipeline does not say `delivery: at_least_once`".to_owned())
        } else {
            Ok(())
        }
    }

    /// What the options of one stage demand of each other, once all layers have spoken.
    fn agree(&mut self, problems: &mut Vec<Problem>) {
        let stage = self.stage.name;
        let mut alone =
            |name: Name, origin: &Origin, text: &str| problems.push(Problem::of(format!("{stage}.{}", name.as_str()), origin, text));
        let says = |name| self.said.iter().find(|(said, origin)| *said == name && origin.is_operators()).map(|(_, origin)| origin.clone());

        if !self.options.parallel && says(Parallel).is_some() && self.options.concurrency > Some(1) {
            match says(Concurrency) {
                Some(origin) => alone(Concurrency, &origin, "must be 1, because `parallel` is off"),
                // Switching `parallel` off means one call after another, whatever the attribute says.
                None => self.options.concurrency = Some(1),
            }
        }
        let side_by_side = self.options.parallel || self.options.concurrency > Some(1);
        if let Some(origin) = says(Unordered)
            && self.options.unordered
            && !side_by_side
        {
            alone(Unordered, &origin, "has no effect on a stage that works on one batch after another");
        }
        if let Some(origin) = says(Backoff)
            && self.options.retries.unwrap_or(0) == 0
        {
            alone(Backoff, &origin, "is the pause before a retry, but nothing is retried: set `retries` as well");
        }
        if let Some(origin) = says(Outage)
            && self.options.outage.is_some()
            && self.options.retries.unwrap_or(0) == 0
        {
            alone(Outage, &origin, "is waited for when the retries are used up, but nothing is retried: set `retries` as well");
        }
        // Whichever of the three the operator moved last has to give way.
        let moved = [Deadline, Timeout, Retries, Backoff].into_iter().find_map(|name| says(name).map(|origin| (name, origin)));
        if let Some((name, origin)) = moved
            && !self.options.fits_deadline()
        {
            alone(name, &origin, "lets the tries take longer than `deadline`: `timeout` × (`retries` + 1) and the pauses between them");
        }
    }

    /// The options as they are now, for `plan`.
    pub(crate) fn shown(&self, settings: &StageSettings) -> Vec<Shown> {
        of(self.stage.role)
            .iter()
            .filter(|name| self.matters(**name))
            .map(|name| Shown { key: name.as_str().to_owned(), value: shown(*name, settings), origin: self.origin(*name) })
            .collect()
    }

    fn origin(&self, name: Name) -> Origin {
        self.said.iter().find(|(said, _)| *said == name).map_or(Origin::Default, |(_, origin)| origin.clone())
    }

    /// Options that cannot have another value than "none" here are not worth a line.
    fn matters(&self, name: Name) -> bool {
        let stage = self.stage;
        match name {
            Batch => true,
            Parallel => !stage.stateful,
            Concurrency if stage.role == Role::Loader => stage.is_async && stage.concurrent && self.policy.atomic != Atomic::Run,
            Concurrency => stage.is_async && !stage.stateful,
            Unordered => self.options.unordered || self.options.parallel || self.options.concurrency > Some(1),
            Rate => self.options.rate.is_some(),
            Linger => self.options.linger.is_some(),
            Retries => stage.classes.contains(Class::Retry),
            Backoff => self.options.retries.unwrap_or(0) > 0,
            Timeout => stage.is_async,
            Deadline => self.options.deadline.is_some(),
            Outage => self.options.outage.is_some(),
            Validate => has_rules(stage),
        }
    }
}

/// Whether it waits for something, so that it can be kept to a rate.
const fn paced(stage: &StageDefinition) -> bool {
    stage.is_async || matches!(stage.role, Role::Extractor | Role::Loader)
}

const fn has_rules(stage: &StageDefinition) -> bool {
    stage.options.validate_input || stage.options.validate_output
}

fn in_attribute(stage: &StageDefinition, name: Name) -> bool {
    let options = &stage.options;
    match name {
        Batch => options.batch.is_some(),
        Parallel => options.parallel,
        Concurrency => options.concurrency.is_some(),
        Unordered => options.unordered,
        Rate => options.rate.is_some(),
        Linger => options.linger.is_some(),
        Retries => options.retries.is_some(),
        Backoff => options.backoff.is_some(),
        Timeout => options.timeout.is_some(),
        Deadline => options.deadline.is_some(),
        Outage => options.outage.is_some(),
        Validate => has_rules(stage),
    }
}

fn shown(name: Name, settings: &StageSettings) -> Option<String> {
    let switch = |on| Some(if on { "on" } else { "off" }.to_owned());
    let duration = |duration: Duration| humantime::format_duration(duration).to_string();
    match name {
        Batch => Some(settings.batch.to_string()),
        Parallel => switch(settings.parallel),
        Concurrency => Some(settings.concurrency.to_string()),
        Unordered => switch(settings.unordered),
        Rate => settings.rate.map(|rate| rate.to_string()),
        Linger => Some(duration(settings.linger)),
        Retries => Some(settings.retries.to_string()),
        Backoff => Some(duration(settings.backoff)),
        Timeout => settings.timeout.map(duration),
        Deadline => settings.deadline.map(duration),
        Outage => settings.outage.map(duration),
        Validate => switch(settings.validate),
    }
}

/// A count that was checked against `usize::MAX`.
fn fits(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
