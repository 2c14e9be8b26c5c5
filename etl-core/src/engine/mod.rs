//! How batches move: reading, segments of stages on CPU workers or async tasks, loading.
//!
//! ```text
//! reading ──chunks──▶ segment ──batches──▶ … ──▶ segment ──batches──▶ loading
//! (thread)            (CPU workers: decode,        (async tasks)      (thread)
//!                      then stage after stage)
//!                          └── excluded records ──▶ dead letters (thread)
//! ```

mod breaker;
mod compensating;
mod coverage;
mod delivering;
mod effects;
mod lane;
mod ledger;
mod letters;
mod lineage;
mod link;
mod load_thread;
mod loading;
pub mod options;
mod pace;
mod panics;
mod parcel;
pub mod pipeline;
mod pool;
mod promises;
mod reading;
mod recovery;
mod retry;
mod run;
mod runners;
mod sealing;
mod segment;
mod shared;
mod spares;
mod steps;
mod stop;
mod suspect;
mod trains;
mod turns;
mod watchdog;
pub mod wiring;
mod work;

pub use options::{RunOptions, StageSettings};
pub use pipeline::Pipeline;
pub use run::{Checked, Run};
pub use stop::StopHandle;
