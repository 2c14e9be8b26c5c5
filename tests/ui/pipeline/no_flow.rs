//! A pipeline without stages.
use etl_core::prelude::*;

pipeline! {
    Job {
        delivery: at_least_once,
    }
}

fn main() {}
