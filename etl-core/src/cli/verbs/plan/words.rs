//! The plan in words.

use std::fmt::Write as _;

use super::model::{FateModel, PlanModel, StageModel, ValueModel};

pub(super) fn of(plan: &PlanModel) -> String {
    let mut text = format!("{}\n", plan.pipeline);
    paragraph(&mut text, plan.doc, 2);
    text.push_str("\nStages\n");
    for (index, stage) in plan.stages.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        describe(&mut text, index + 1, stage);
    }
    text.push_str("\nPipeline\n");
    values(&mut text, &plan.options, 2, "none");
    let _ = match plan.delivery {
        Some(demanded) if demanded == plan.guarantee => writeln!(text, "  delivery: {demanded}: {}", means(demanded)),
        Some(demanded) => writeln!(text, "  delivery: {demanded}: {} (source and target could keep {})", means(demanded), plan.guarantee),
        None => writeln!(text, "  delivery: nothing demanded; source and target could keep {}", plan.guarantee),
    };
    if plan.atomic == "run" {
        text.push_str("  atomic: run: what is loaded appears at the end of a run that ended well, or not at all\n");
    }
    if !plan.resources.is_empty() {
        let _ = writeln!(text, "  resources, made in this order: {}", plan.resources.join(", "));
    }
    text.push_str("  an output that exists already is refused, unless `run --replace` replaces it\n");
    text.push_str("\nSettings\n");
    if plan.settings.is_empty() {
        text.push_str("  none\n");
    }
    values(&mut text, &plan.settings, 2, "not set");
    text
}

fn describe(text: &mut String, number: usize, stage: &StageModel) {
    let _ = writeln!(text, "  {number}. {} ({})  {}", stage.name, stage.role, stage.signature);
    paragraph(text, stage.doc, 5);
    if !stage.needs.is_empty() {
        let _ = writeln!(text, "     needs {}", stage.needs.join(", "));
    }
    values(text, &stage.options, 5, "none");
    if stage.on_error.is_empty() {
        text.push_str("     cannot fail\n");
    }
    for FateModel { when, class, means } in &stage.on_error {
        let _ = writeln!(text, "     {when} ({class}): {means}");
    }
}

/// A delivery, for the operator.
fn means(delivery: &str) -> &'static str {
    match delivery {
        "exactly_once" => "no record is lost, and none is loaded twice",
        "effectively_once" => "no record is lost; one that is loaded again takes the place of the first, by its key",
        "at_least_once" => "no record is lost; one that is loaded again after a crash or a retry is there twice",
        _ => "no record is loaded twice; what a crash interrupts is lost, and no load is tried again",
    }
}

/// Key, value and where it came from, in columns.
fn values(text: &mut String, values: &[ValueModel], indent: usize, unset: &str) {
    let shown = |value: &ValueModel| value.value.clone().unwrap_or_else(|| unset.to_owned());
    let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
    let keys = longest(&mut values.iter().map(|value| value.key.chars().count()));
    // One long value shall not push all others aside.
    let width = longest(&mut values.iter().map(|value| shown(value).chars().count()).filter(|length| *length <= 40));
    for value in values {
        let from = if value.missing { "required" } else { &value.from };
        let _ = writeln!(text, "{:indent$}{:keys$}  {:width$}  {from}", "", value.key, shown(value));
    }
}

fn paragraph(text: &mut String, words: &str, indent: usize) {
    for line in words.lines() {
        let _ = writeln!(text, "{}", format!("{:indent$}{}", "", line.trim()).trim_end());
    }
}
