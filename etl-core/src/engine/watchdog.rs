//! Sees to it that a run that is to stop does stop: what has been read is finished within a time, and
//! a stage that never returns is named.

use std::time::Duration;

use super::shared::Shared;

/// How long a stage may take to notice that the run has been given up.
const GRACE: Duration = Duration::from_secs(10);

/// Never returns; dropped with the run.
pub(super) async fn watch<C>(shared: &Shared<C>) -> std::convert::Infallible {
    let limit = shared.options.drain_timeout;
    shared.stop.drain.cancelled().await;
    tokio::select! {
        biased;
        () = shared.stop.abort.cancelled() => {}
        () = tokio::time::sleep(limit) => {
            let limit = humantime::format_duration(limit);
            tracing::error!(parent: &shared.span, at_work = ?at_work(shared), "what was read is not finished after {limit}: giving up");
            shared.stop.abort();
        }
    }
    tokio::time::sleep(GRACE).await;
    let stuck = at_work(shared);
    tracing::error!(parent: &shared.span, stages = ?stuck, "these stages have not returned since the run was given up");
    shared.stop.stuck.send_replace(stuck);
    std::future::pending().await
}

fn at_work<C>(shared: &Shared<C>) -> Vec<&'static str> {
    let busy = shared.stages.iter().filter(|stage| stage.busy.load(std::sync::atomic::Ordering::Relaxed) > 0);
    busy.map(|stage| stage.definition.name).collect()
}
