//! Settings and options in layers: attributes < files < environment < flags.
//!
//! Every layer is merged into one tree of keys first and judged afterwards, by the same functions:
//! no layer accepts what another refuses. Each value keeps where it came from.
//!
//! | key | means |
//! |---|---|
//! | `input`, `database.host` | a setting: a field of the pipeline's settings |
//! | `clean.batch` | an option of the stage `clean` |
//! | `pipeline.threads` | an option of the pipeline |
//!
//! In a file these are keys and tables, in the environment `ETL__INPUT` and `ETL__CLEAN__BATCH`,
//! in flags `--set input=…` and `--set clean.batch=…`. A relative path is relative to the working
//! directory, whichever layer it comes from.

mod layers;
mod masked;
mod origin;
mod pipeline_options;
mod problem;
mod settings;
mod stage_options;
mod suggest;
#[cfg(test)]
mod tests;
mod tree;
mod value;

use serde::de::DeserializeOwned;

pub(crate) use layers::{Environment, Given, PREFIX, collect};
pub(crate) use origin::{Origin, Shown};
pub(crate) use pipeline_options::TABLE;
pub(crate) use problem::Problem;
pub(crate) use suggest::same_name;
pub(crate) use tree::Node;

use crate::engine::options::RunOptions;
use crate::engine::wiring::Outline;

/// What came out of all layers.
#[derive(Debug)]
pub(crate) struct Resolved<S> {
    /// The settings; `None` where one is missing or wrong.
    pub(crate) settings: Option<S>,
    /// The options. Its dead-letter path is only that which the operator said.
    pub(crate) options: RunOptions,
    /// Required settings that nobody gave.
    pub(crate) missing: Vec<String>,
    /// Everything else that is wrong.
    pub(crate) problems: Vec<Problem>,
    /// The settings as `plan` shows them.
    pub(crate) shown_settings: Vec<Shown>,
    /// The pipeline's options as `plan` shows them.
    pub(crate) shown_pipeline: Vec<Shown>,
    /// The options of each stage as `plan` shows them.
    pub(crate) shown_stages: Vec<Vec<Shown>>,
}

/// Splits the tree into settings, stages and pipeline, and reads each.
pub(crate) fn resolve<S: DeserializeOwned>(outline: &Outline, mut tree: Node) -> Resolved<S> {
    let mut problems = Vec::new();

    // What the operator says of the stages goes into a copy of the definitions, so that values
    // which follow from others follow from what the operator said.
    let mut changed = outline.clone();
    let mut overlays = Vec::new();
    for (stage, copy) in outline.stages.iter().zip(&mut changed.stages) {
        let mut overlay = stage_options::Overlay::new(stage, &outline.policy);
        if let Some(node) = take(&mut tree, stage.name) {
            overlay.apply(&node, &mut problems);
        }
        copy.options = overlay.options;
        overlays.push(overlay);
    }
    let mut options = RunOptions::new(&changed);
    let mut shown_stages = Vec::new();
    for (overlay, settings) in overlays.iter().zip(&mut options.stages) {
        settings.validate &= overlay.validate.unwrap_or(true);
        shown_stages.push(overlay.shown(settings));
    }

    let pipeline = pipeline_options::PipelineOverlay::read(take(&mut tree, TABLE).as_ref(), &mut problems);
    pipeline.apply(&mut options);
    let shown_pipeline = pipeline.shown(&options, &outline.policy);

    let mut reserved: Vec<_> = outline.stages.iter().map(|stage| stage.name).collect();
    reserved.push(TABLE);
    let read = settings::read::<S>(&tree, &reserved);
    problems.extend(read.problems);
    Resolved { settings: read.settings, options, missing: read.missing, problems, shown_settings: read.shown, shown_pipeline, shown_stages }
}

/// The part of the tree below a reserved name. The environment knows no lower case, so its keys
/// were folded.
fn take(tree: &mut Node, name: &str) -> Option<Node> {
    let mut found = tree.children.remove(name);
    let folded = name.to_ascii_lowercase();
    if folded != name
        && let Some(node) = tree.children.remove(&folded)
    {
        found.get_or_insert_default().overlay(node);
    }
    found
}

/// The text about required settings that nobody gave.
pub(crate) fn missing_text(missing: &[String]) -> Option<Problem> {
    let first = missing.first()?;
    let names: Vec<_> = missing.iter().map(String::as_str).collect();
    let text = match missing.len() {
        1 => format!("setting `{first}` is missing"),
        count => format!("{count} settings are missing: {}", suggest::listed(&names)),
    };
    let variable = format!("{PREFIX}{}", first.to_uppercase().replace('.', "__"));
    let each = if missing.len() > 1 { "give each" } else { "give it" };
    Some(Problem::new(text).hint(format!(
        "{each} by a flag (`--set {first}=…`), in the environment (`{variable}=…`), or in a file that `--config` names (`{first} = \"…\"`)"
    )))
}
