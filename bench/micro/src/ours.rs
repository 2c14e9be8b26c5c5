//! How the tables run a pipeline of the framework: from code, as the command line would.

use etl_core::Pipeline;
use etl_core::engine::RunOptions;
use etl_core::observe::report::Status;
use tokio::runtime::{Builder, Runtime};

use crate::Result;

/// The runtime that the command line makes for so many threads.
pub(crate) fn runtime(threads: usize) -> Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(threads.clamp(1, 4)).enable_all().build()?)
}

/// Runs a pipeline to its end, its options first changed by `change`.
pub(crate) fn run<P: Pipeline>(runtime: &Runtime, settings: P::Settings, change: impl FnOnce(&mut RunOptions)) -> Result<()> {
    let plan = P::plan();
    let mut options = RunOptions::new(plan.outline());
    change(&mut options);
    let report = runtime.block_on(async {
        let context = P::context(settings).await.map_err(|error| error.to_string())?;
        Ok::<_, String>(plan.with(context, options).execute().await)
    })?;
    if report.status != Status::Done {
        return Err(format!("the run did not end well: {:?}", report.failure).into());
    }
    Ok(())
}
