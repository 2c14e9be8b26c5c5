//! The error of a resource has a class: without one of its own it stops the run.
use etl_core::prelude::*;

struct Pool;

#[resource]
fn pool() -> Result<Pool> {
    Ok(Pool)
}

fn main() {}
