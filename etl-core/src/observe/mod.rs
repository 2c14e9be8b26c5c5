//! What a run shows of itself: metrics of every stage without user code, and the report.

pub mod metrics;
pub mod report;
