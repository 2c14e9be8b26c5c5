//! `plan`: what a run would do, in words or as JSON, without doing any of it. It works without
//! complete settings.

mod model;
mod words;

use self::model::PlanModel;
use super::resolve;
use crate::cli::args::PlanArgs;
use crate::cli::exit;
use crate::cli::host::Host;
use crate::engine::pipeline::Pipeline;

pub(super) fn plan<P: Pipeline>(args: &PlanArgs, host: &mut Host<'_>) -> u8 {
    let plan = P::plan();
    let resolved = match resolve::<P::Settings>(plan.outline(), &args.settings, host) {
        Ok(resolved) => resolved,
        Err(code) => return code,
    };
    let dead_letter = resolved.settings.as_ref().and_then(P::dead_letter);
    let model = PlanModel::new(plan.outline(), &resolved, dead_letter);
    let text = if args.json { serde_json::to_string_pretty(&model).unwrap_or_default() + "\n" } else { words::of(&model) };
    let code = host.data(text.as_bytes());
    // What is missing is shown as not set; what is wrong is an error here as everywhere.
    if resolved.problems.is_empty() {
        code
    } else {
        host.problems(&resolved.problems);
        exit::CONFIG
    }
}

#[cfg(test)]
mod tests;
