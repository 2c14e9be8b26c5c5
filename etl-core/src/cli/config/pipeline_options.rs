//! The options of the pipeline as a whole: `pipeline.threads` and its like.

use std::path::PathBuf;
use std::time::Duration;

use super::origin::{Origin, Shown};
use super::problem::Problem;
use super::suggest::{did_you_mean, listed};
use super::tree::{Leaf, Node};
use super::value;
use crate::contract::policy::{Policy, Threshold};
use crate::engine::options::RunOptions;

/// The table under which they stand.
pub(crate) const TABLE: &str = "pipeline";

const NAMES: [&str; 10] = [
    "threads",
    "memory",
    "error_threshold",
    "error_min_sample",
    "dead_letter",
    "dead_letter_limit",
    "checkpoint",
    "lease",
    "drain_timeout",
    "retry_budget",
];

/// More workers than this are a slip of the finger.
const MOST_THREADS: u64 = 4_096;

/// What the operator said about the pipeline.
#[derive(Default)]
pub(crate) struct PipelineOverlay {
    threads: Option<(usize, Origin)>,
    memory: Option<(u64, Origin)>,
    threshold: Option<(Threshold, Origin)>,
    min_sample: Option<(u64, Origin)>,
    checkpoint: Option<(Duration, Origin)>,
    lease: Option<(Duration, Origin)>,
    drain_timeout: Option<(Duration, Origin)>,
    retry_budget: Option<(Option<f64>, Origin)>,
    /// Where rejected records go, if not where the pipeline says.
    pub(crate) dead_letter: Option<(PathBuf, Origin)>,
    dead_letter_limit: Option<(u64, Origin)>,
}

impl PipelineOverlay {
    /// Reads the table.
    pub(crate) fn read(node: Option<&Node>, problems: &mut Vec<Problem>) -> Self {
        let mut read = Self::default();
        let Some(node) = node else { return read };
        if let Some(leaf) = &node.leaf {
            problems.push(
                Problem::of(TABLE, &leaf.origin, "is the table of the pipeline's options, not a setting")
                    .hint(format!("it has {}", listed(&NAMES))),
            );
        }
        for (key, child) in &node.children {
            let full = format!("{TABLE}.{key}");
            let origin = child.origin().cloned().unwrap_or(Origin::Default);
            let result = match (NAMES.contains(&key.as_str()), text_of(key, child)) {
                (false, _) => {
                    let meant = did_you_mean(key, NAMES).map_or(String::new(), |meant| format!("did you mean `{TABLE}.{meant}`? "));
                    problems.push(
                        Problem::of(full, &origin, "is no option of a pipeline").hint(format!("{meant}there are {}", listed(&NAMES))),
                    );
                    continue;
                }
                (true, None) => Err("takes a single value".to_owned()),
                (true, Some(text)) => read.set(key, &text, &origin),
            };
            if let Err(text) = result {
                problems.push(Problem::of(full, &origin, text));
            }
        }
        read
    }

    fn set(&mut self, key: &str, text: &str, origin: &Origin) -> Result<(), String> {
        let origin = origin.clone();
        match key {
            "threads" => self.threads = Some((usize::try_from(value::count(text, 1, MOST_THREADS)?).unwrap_or(1), origin)),
            "memory" => self.memory = Some((value::size(text)?, origin)),
            "error_threshold" => self.threshold = Some((value::threshold(text)?, origin)),
            "error_min_sample" => self.min_sample = Some((value::count(text, 1, u64::MAX)?, origin)),
            "checkpoint" => self.checkpoint = Some((value::duration(text)?, origin)),
            "retry_budget" => self.retry_budget = Some((value::share(text)?, origin)),
            "drain_timeout" => self.drain_timeout = Some((value::duration(text)?, origin)),
            "lease" => self.lease = Some((value::duration(text)?, origin)),
            "dead_letter_limit" => self.dead_letter_limit = Some((value::size(text)?, origin)),
            _ if text.is_empty() => return Err("must be the path of a file".to_owned()),
            _ => self.dead_letter = Some((PathBuf::from(text), origin)),
        }
        Ok(())
    }

    /// Lays this over what the pipeline says.
    pub(crate) fn apply(&self, options: &mut RunOptions) {
        if let Some((threads, _)) = self.threads {
            options.threads = threads;
        }
        if let Some((memory, _)) = self.memory {
            options.memory = memory;
        }
        if let Some((threshold, _)) = self.threshold {
            options.threshold = Threshold { min_sample: options.threshold.min_sample, ..threshold };
        }
        if let Some((min_sample, _)) = self.min_sample {
            options.threshold.min_sample = min_sample;
        }
        if let Some((checkpoint, _)) = self.checkpoint {
            options.checkpoint = checkpoint;
        }
        if let Some((share, _)) = self.retry_budget {
            options.retry_budget = share;
        }
        if let Some((limit, _)) = self.drain_timeout {
            options.drain_timeout = limit;
        }
        if let Some((lease, _)) = self.lease {
            options.lease = lease;
        }
        if let Some((path, _)) = &self.dead_letter {
            options.dead_letter = Some(path.clone());
        }
        if let Some((limit, _)) = self.dead_letter_limit {
            options.dead_letter_limit = limit;
        }
    }

    /// The options as they are now, for `plan`.
    pub(crate) fn shown(&self, options: &RunOptions, policy: &Policy) -> Vec<Shown> {
        let written = |is| if is { Origin::Attribute } else { Origin::Default };
        let row = |key: &str, value, said: Option<&Origin>, otherwise| Shown {
            key: key.to_owned(),
            value,
            origin: said.cloned().unwrap_or(otherwise),
        };
        let threshold = &options.threshold;
        let mut rows = vec![
            row("threads", Some(options.threads.to_string()), self.threads.as_ref().map(|(_, origin)| origin), Origin::Default),
            row(
                "memory",
                Some(value::size_text(options.memory)),
                self.memory.as_ref().map(|(_, origin)| origin),
                written(policy.memory.is_some()),
            ),
            row(
                "error_threshold",
                Some(value::threshold_text(threshold)),
                self.threshold.as_ref().map(|(_, origin)| origin),
                written(policy.threshold.rate.is_some() || policy.threshold.count.is_some() || policy.threshold.in_a_row.is_some()),
            ),
        ];
        if threshold.rate.is_some() {
            rows.push(row(
                "error_min_sample",
                Some(threshold.min_sample.to_string()),
                self.min_sample.as_ref().map(|(_, origin)| origin),
                written(policy.threshold.min_sample != Threshold::MIN_SAMPLE),
            ));
        }
        rows.push(row(
            "dead_letter",
            options.dead_letter.as_ref().map(|path| path.display().to_string()),
            self.dead_letter.as_ref().map(|(_, origin)| origin),
            written(policy.dead_letter),
        ));
        if policy.dead_letter || options.dead_letter.is_some() {
            rows.push(row(
                "dead_letter_limit",
                Some(value::size_text(options.dead_letter_limit)),
                self.dead_letter_limit.as_ref().map(|(_, origin)| origin),
                Origin::Default,
            ));
        }
        for (key, duration, said) in [
            ("checkpoint", options.checkpoint, &self.checkpoint),
            ("lease", options.lease, &self.lease),
            ("drain_timeout", options.drain_timeout, &self.drain_timeout),
        ] {
            let value = humantime::format_duration(duration).to_string();
            rows.push(row(key, Some(value), said.as_ref().map(|(_, origin)| origin), Origin::Default));
        }
        let share = options.retry_budget.map_or_else(|| "none".to_owned(), |share| format!("{}%", share * 100.0));
        rows.push(row("retry_budget", Some(share), self.retry_budget.as_ref().map(|(_, origin)| origin), Origin::Default));
        rows
    }
}

/// The value as text. A threshold of a share and a number may also be a list of both.
fn text_of(key: &str, node: &Node) -> Option<String> {
    let leaf = node.leaf.as_ref()?;
    match &leaf.written {
        super::tree::Written::Toml(toml::Value::Array(items)) if key == "error_threshold" => {
            items.iter().map(super::tree::scalar_text).collect::<Option<Vec<_>>>().map(|parts| parts.join(", "))
        }
        _ => Leaf::text(leaf),
    }
}
