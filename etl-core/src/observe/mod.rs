//! What a run shows of itself: metrics of every stage without user code, and the report.

pub mod graph;
#[cfg(feature = "cli")]
pub(crate) mod logs;
pub mod metrics;
#[cfg(feature = "cli")]
pub(crate) mod progress;
pub mod report;
#[cfg(test)]
pub(crate) mod sample;
