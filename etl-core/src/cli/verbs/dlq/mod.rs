//! `dlq`: what an operator does about rejected records. Looking never waits for a run; discarding and
//! replaying do, because the file has one writer.

mod choice;
mod list;
mod masked;
mod show;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use super::{resolve, run};
use crate::cli::args::{DiscardArgs, DlqVerb, ListArgs, ReplayArgs, RunArgs, SettingArgs, ShowArgs};
use crate::cli::config::{self, Problem};
use crate::cli::exit;
use crate::cli::host::Host;
use crate::contract::error::{Error, ErrorKind, Result};
use crate::delivery::dead_letters::{self, Letters};
use crate::engine::pipeline::Pipeline;
use crate::observe::progress::grouped;

pub(super) fn dlq<P: Pipeline>(verb: DlqVerb, host: &mut Host<'_>) -> u8 {
    let settings = match &verb {
        DlqVerb::List(ListArgs { settings, .. })
        | DlqVerb::Show(ShowArgs { settings, .. })
        | DlqVerb::Replay(ReplayArgs { settings, .. })
        | DlqVerb::Discard(DiscardArgs { settings, .. }) => settings,
    };
    let path = match place::<P>(settings, host) {
        Ok(path) => path,
        Err(code) => return code,
    };
    let letters = match Letters::read(&path, P::NAME) {
        Ok(letters) => letters,
        Err(error) => return host.refused(&error),
    };
    let found = Found { pipeline: P::NAME, path, letters };
    let done = match verb {
        DlqVerb::List(args) => Ok(list::list(&found, &args, host)),
        DlqVerb::Show(args) => show::show(&found, &masked::Columns::of(P::plan().outline()), &args, host),
        DlqVerb::Discard(args) => discard(&found, &args, host),
        DlqVerb::Replay(args) => replay::<P>(&found, args, host),
    };
    done.unwrap_or_else(|error| host.refused(&error))
}

/// The letters that are there.
struct Found {
    pipeline: &'static str,
    path: PathBuf,
    letters: Letters,
}

/// The file of the dead letters: the one that the operator names, or that the settings lead to. `Err`
/// is the exit code.
fn place<P: Pipeline>(args: &SettingArgs, host: &mut Host<'_>) -> Result<PathBuf, u8> {
    let resolved = resolve::<P::Settings>(P::plan().outline(), args, host)?;
    let mut problems = resolved.problems;
    if problems.is_empty() {
        if let Some(path) = resolved.options.dead_letter {
            return Ok(path);
        }
        match resolved.settings.as_ref().map(P::dead_letter) {
            Some(Some(path)) => return Ok(path),
            Some(None) => problems.push(Problem::new(format!("{} keeps no dead letters", P::NAME)).hint(NAME_IT)),
            None => problems.extend(config::missing_text(&resolved.missing)),
        }
    }
    host.problems(&problems);
    host.say(&format!("  next: the file can be named alone: {NAME_IT}\n"));
    Err(exit::CONFIG)
}

const NAME_IT: &str = "`--set pipeline.dead_letter=FILE`";

/// Takes letters away for good, after a yes.
fn discard(found: &Found, args: &DiscardArgs, host: &mut Host<'_>) -> Result<u8> {
    let chosen = choice::choose(&found.letters, &args.choice)?;
    let letters = plural(chosen.len());
    if !args.yes && !host.attended {
        host.problems(&[Problem::new(format!("{letters} would be gone for good, and there is nobody to ask")).hint("say `--yes`")]);
        return Ok(exit::USAGE);
    }
    if !args.yes && !host.agrees(&format!("{letters} of {} and what they hold will be gone for good. Discard?", found.pipeline)) {
        host.say("nothing was discarded\n");
        return Ok(exit::DONE);
    }
    let gone = dead_letters::discard(&found.path, &chosen.iter().map(|letter| letter.id).collect())?;
    let left = found.letters.all.len().saturating_sub(gone);
    host.say(&format!("{} discarded, {} left in {}\n", plural(gone), grouped(left as u64), found.path.display()));
    Ok(exit::DONE)
}

/// Runs the pipeline over the records of the letters.
fn replay<P: Pipeline>(found: &Found, args: ReplayArgs, host: &mut Host<'_>) -> Result<u8> {
    let chosen = choice::choose(&found.letters, &args.choice)?;
    let plan = P::plan();
    if plan.outline().stages.first().is_some_and(|extractor| !extractor.replayable) {
        let program = &host.program;
        return Err(Error::new(
            ErrorKind::Config,
            format!("the records cannot be replayed: the source of {} cannot be read again", found.pipeline),
        )
        .hint(format!("`{program} dlq show --raw` prints them, to be fed in anew; `{program} dlq discard` gives them up")));
    }
    let selection = choice::selection(&chosen)?;
    host.say(&format!("{} of {} will be read again\n", plural_of(selection.len(), "record"), selection.partition()));
    let ReplayArgs { settings, progress, report, state_dir, logs, .. } = args;
    let (limit, dry_run, replace, fresh, accept_changes) = (None, false, false, false, false);
    let args = RunArgs { settings, limit, dry_run, replace, fresh, accept_changes, progress, report, state_dir, logs };
    Ok(run::run_over::<P>(&args, Some(Arc::new(selection)), host))
}

/// `1 dead letter`, `2,000 dead letters`
fn plural(count: usize) -> String {
    plural_of(count, "dead letter")
}

fn plural_of(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {what}{s}", grouped(count as u64))
}
