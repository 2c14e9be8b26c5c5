//! `check`: everything that can be known before a record moves.

use std::fmt::Write as _;

use super::{context, ready, runtime, start_logs};
use crate::cli::args::CheckArgs;
use crate::cli::exit;
use crate::cli::host::Host;
use crate::cli::report::error_words;
use crate::cli::signals::Signals;
use crate::contract::error::{Error, ErrorKind};
use crate::engine::Checked;
use crate::engine::options::RunOptions;
use crate::engine::pipeline::Pipeline;
use crate::observe::progress::grouped;

pub(super) fn check<P: Pipeline>(args: &CheckArgs, host: &mut Host<'_>) -> u8 {
    let plan = P::plan();
    let (settings, mut options) = match start_logs(&args.logs, host).and_then(|()| ready::<P>(plan.outline(), &args.settings, host)) {
        Ok(ready) => ready,
        Err(code) => return code,
    };
    options.replace = args.replace;
    let shown = options.clone();
    let ours = host.ours;
    let found = match runtime(options.threads) {
        Err(error) => Err((error, None)),
        Ok(runtime) => {
            let found = runtime.block_on(async {
                let mut signals = Signals::watch(ours);
                let checking = async {
                    let context = context::<P>(settings).await?;
                    plan.with(context, options).check().await
                };
                tokio::select! {
                    found = Box::pin(checking) => found.map_err(|error| (error, None)),
                    signal = signals.next() => Err((Error::new(ErrorKind::Cancelled, "stopped"), Some(signal))),
                }
            });
            // What still holds on, such as a call that blocks, shall not keep the operator.
            runtime.shutdown_background();
            found
        }
    };
    match found {
        Ok(found) => host.data(words(P::NAME, &found, &shown).as_bytes()),
        Err((_, Some(signal))) => signal.code(),
        Err((error, None)) => {
            let text = error_words(&(&error).into(), host.style());
            host.say(&text);
            match exit::of_error(&error) {
                exit::BUG => exit::BUG,
                _ => exit::CONFIG,
            }
        }
    }
}

fn words(pipeline: &str, found: &Checked, options: &RunOptions) -> String {
    let mut text = format!("{pipeline} can run\n");
    let source = &found.source;
    let mut size = Vec::new();
    size.extend(source.bytes.map(|bytes| format!("{} bytes", grouped(bytes))));
    size.extend(source.records.map(|records| format!("{} records", grouped(records))));
    let size = if size.is_empty() { String::new() } else { format!(" ({})", size.join(", ")) };
    let _ = writeln!(text, "  source        {}{size}", source.name);
    if !found.target.is_empty() {
        let _ = writeln!(text, "  target        {}", found.target);
    }
    if let Some(path) = &options.dead_letter {
        let _ = writeln!(text, "  dead letters  {}", path.display());
    }
    text
}
