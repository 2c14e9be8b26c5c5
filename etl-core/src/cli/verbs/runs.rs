//! `runs`: the history of the pipeline.

use super::run::state_dir;
use crate::cli::args::RunsArgs;
use crate::cli::config::Problem;
use crate::cli::exit;
use crate::cli::history::{self, Past};
use crate::cli::host::Host;
use crate::cli::report::duration;
use crate::cli::terminal::{escaped, table};
use crate::contract::error::io_text;
use crate::engine::options::RunOptions;
use crate::engine::pipeline::Pipeline;
use crate::observe::progress::grouped;

/// The version of the schema of `runs --json`; raised when a field changes its meaning or goes.
const VERSION: u32 = 1;

pub(super) fn runs<P: Pipeline>(args: &RunsArgs, host: &mut Host<'_>) -> u8 {
    let mut options = RunOptions::new(P::plan().outline());
    options.state = state_dir(args.state_dir.as_deref(), host);
    let state = options.state_dir(P::NAME);
    let runs = match history::last(&state, args.last) {
        Ok(runs) => runs,
        Err(error) => {
            let place = history::place(&state);
            host.problems(&[Problem::new(format!("cannot read the history in {}: {}", place.display(), io_text(&error)))]);
            return exit::STORAGE;
        }
    };
    if args.json {
        let runs: Vec<_> = runs.into_iter().map(|(written, _)| written).collect();
        let model = serde_json::json!({ "version": VERSION, "pipeline": P::NAME, "runs": runs });
        return host.data((serde_json::to_string_pretty(&model).unwrap_or_default() + "\n").as_bytes());
    }
    if runs.is_empty() {
        return host.data(format!("{} has no runs in {}\n", P::NAME, state.display()).as_bytes());
    }
    let rows: Vec<_> = runs.iter().map(|(_, past)| row(past)).collect();
    let lines = table(&["run", "started", "took", "extracted", "loaded", "rejected", "exit", "ended"], &[2, 3, 4, 5, 6], &rows);
    host.data((lines.join("\n") + "\n").as_bytes())
}

fn row(past: &Past) -> Vec<String> {
    let ended = past.error.as_ref().map_or_else(|| past.status.clone(), |code| format!("{} ({code})", past.status));
    vec![
        escaped(&past.run_id),
        escaped(&past.started),
        duration(past.seconds),
        grouped(past.records.extracted),
        grouped(past.records.loaded),
        grouped(past.records.rejected),
        past.exit_code.to_string(),
        escaped(&ended),
    ]
}
