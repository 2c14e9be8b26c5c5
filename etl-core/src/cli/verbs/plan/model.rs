//! What `plan` tells; serialized, it is the schema of `plan --json`.

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::config::{Origin, Resolved, Shown};
use crate::contract::error::Class;
use crate::contract::policy::Delivery;
use crate::contract::stage::{Role, StageDefinition, Takes};
use crate::engine::options::{RunOptions, StageSettings};
use crate::engine::wiring::Outline;

/// The version of the schema; raised when a field changes its meaning or goes.
const VERSION: u32 = 1;

#[derive(Debug, Serialize)]
pub(super) struct PlanModel {
    pub(super) version: u32,
    pub(super) pipeline: &'static str,
    pub(super) doc: &'static str,
    pub(super) stages: Vec<StageModel>,
    pub(super) resources: Vec<&'static str>,
    /// What `delivery:` demands.
    pub(super) delivery: Option<&'static str>,
    /// What the source and the target can promise.
    pub(super) guarantee: &'static str,
    pub(super) atomic: &'static str,
    /// Changes with the stages and their order; in hexadecimal digits.
    pub(super) fingerprint: String,
    pub(super) options: Vec<ValueModel>,
    pub(super) settings: Vec<ValueModel>,
}

#[derive(Debug, Serialize)]
pub(super) struct StageModel {
    pub(super) name: &'static str,
    pub(super) role: &'static str,
    pub(super) doc: &'static str,
    pub(super) signature: String,
    pub(super) needs: &'static [&'static str],
    pub(super) options: Vec<ValueModel>,
    pub(super) on_error: Vec<FateModel>,
}

/// What happens to records when something goes wrong.
#[derive(Debug, Serialize)]
pub(super) struct FateModel {
    /// `error`, `broken rule`, `malformed record`.
    pub(super) when: &'static str,
    pub(super) class: &'static str,
    pub(super) means: String,
}

/// A setting or an option, its value and where it came from.
#[derive(Debug, Serialize)]
pub(super) struct ValueModel {
    pub(super) key: String,
    /// `None` where it is not set.
    pub(super) value: Option<String>,
    /// `default`, `attribute`, `file etl.toml`, `env ETL__INPUT`, `flag --set`.
    pub(super) from: String,
    /// Whether it must be set, and is not.
    pub(super) missing: bool,
}

impl PlanModel {
    pub(super) fn new<S>(outline: &Outline, resolved: &Resolved<S>, dead_letter: Option<PathBuf>) -> Self {
        let rejects_kept = outline.policy.dead_letter || resolved.options.dead_letter.is_some();
        let stages = outline
            .stages
            .iter()
            .zip(&resolved.options.stages)
            .zip(&resolved.shown_stages)
            .map(|((stage, settings), shown)| StageModel {
                name: stage.name,
                role: stage.role.as_str(),
                doc: stage.doc.trim(),
                signature: signature(stage),
                needs: stage.needs,
                options: shown.iter().map(|shown| value(shown, false)).collect(),
                on_error: fates(stage, settings, rejects_kept),
            })
            .collect();
        Self {
            version: VERSION,
            pipeline: outline.name,
            doc: outline.doc.trim(),
            stages,
            resources: outline.resources.clone(),
            delivery: outline.policy.delivery.map(Delivery::as_str),
            guarantee: outline.guarantee().as_str(),
            atomic: outline.policy.atomic.as_str(),
            fingerprint: format!("{:016x}", outline.fingerprint()),
            options: resolved
                .shown_pipeline
                .iter()
                .map(|shown| pipeline_option(shown, outline, &resolved.options, dead_letter.as_ref()))
                .collect(),
            settings: resolved.shown_settings.iter().map(|shown| value(shown, resolved.missing.contains(&shown.key))).collect(),
        }
    }
}

fn value(shown: &Shown, missing: bool) -> ValueModel {
    ValueModel { key: shown.key.clone(), value: shown.value.clone(), from: shown.origin.to_string(), missing }
}

/// The author's dead-letter path may depend on settings; only the settings tell it.
fn pipeline_option(shown: &Shown, outline: &Outline, options: &RunOptions, dead_letter: Option<&PathBuf>) -> ValueModel {
    let mut model = value(shown, false);
    if shown.key == "dead_letter" && options.dead_letter.is_none() && outline.policy.dead_letter {
        model.value = Some(dead_letter.map_or_else(|| "depends on the settings".to_owned(), |path| path.display().to_string()));
        model.from = Origin::Attribute.to_string();
    }
    model
}

/// `async fn(&[Flight])`, `fn(RawFlight) → Flight`.
fn signature(stage: &StageDefinition) -> String {
    let kind = if stage.is_async { "async fn" } else { "fn" };
    let input = match stage.takes {
        Takes::Nothing => String::new(),
        Takes::Record => stage.input.to_owned(),
        Takes::RecordLent => format!("&{}", stage.input),
        Takes::Batch => format!("Vec<{}>", stage.input),
        Takes::BatchLent => format!("&[{}]", stage.input),
    };
    let state = if stage.stateful { ", &mut state" } else { "" };
    let transaction = if stage.transactional { ", &mut transaction" } else { "" };
    let output = match stage.role {
        Role::Loader => String::new(),
        Role::Filter => " → kept or left out".to_owned(),
        Role::Extractor | Role::Transform => format!(" → {}", stage.output),
    };
    format!("{kind}({input}{state}{transaction}){output}")
}

fn fates(stage: &StageDefinition, settings: &StageSettings, rejects_kept: bool) -> Vec<FateModel> {
    let fate = |when, class: Class| FateModel { when, class: class.as_str(), means: means(class, stage, settings, rejects_kept) };
    let mut fates: Vec<_> = stage.classes.iter().map(|class| fate("error", class)).collect();
    if settings.validate {
        fates.push(fate("broken rule", stage.options.invalid_class()));
    }
    if stage.role == Role::Extractor {
        fates.push(fate("malformed record", stage.options.on_malformed.unwrap_or(Class::Reject)));
    }
    fates
}

fn means(class: Class, stage: &StageDefinition, settings: &StageSettings, rejects_kept: bool) -> String {
    let what = if stage.takes.is_batch() && stage.role != Role::Extractor { "batch" } else { "record" };
    match class {
        Class::Retry if settings.retries == 0 => "stops the run, because `retries` is 0".to_owned(),
        Class::Retry => {
            let times = if settings.retries == 1 { "once".to_owned() } else { format!("up to {} times", settings.retries) };
            let pause = humantime::format_duration(settings.backoff);
            format!("the {what} is tried again {times}, after {pause} and longer each time; then the run stops")
        }
        Class::Skip => format!("the {what} is left out and counted"),
        Class::Reject if rejects_kept => format!("the {what} goes to the dead letters with its reason, and the run goes on"),
        Class::Reject => "stops the run, because the pipeline has no dead letters".to_owned(),
        Class::Fail => "the run stops".to_owned(),
    }
}
