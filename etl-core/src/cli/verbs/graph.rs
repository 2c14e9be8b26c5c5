//! `graph`: the stages as text or picture.

use super::output::write_atomically;
use crate::cli::args::GraphArgs;
use crate::cli::config::Problem;
use crate::cli::exit;
use crate::cli::host::Host;
use crate::contract::error::io_text;
use crate::engine::wiring::Outline;
use crate::observe::graph::Graph;

pub(super) fn graph(outline: &Outline, args: &GraphArgs, host: &mut Host<'_>) -> u8 {
    let text = Graph::of(outline).render(args.format.into());
    let Some(path) = &args.output else { return host.data(text.as_bytes()) };
    match write_atomically(path, text.as_bytes()) {
        Ok(()) => exit::DONE,
        Err(error) => {
            host.problems(&[Problem::new(format!("cannot write {}: {}", path.display(), io_text(&error)))]);
            exit::CONFIG
        }
    }
}
