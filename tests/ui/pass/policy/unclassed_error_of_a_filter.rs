//! The error of an `async` filter has a class: without one of its own it stops the run.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[filter]
async fn known(_: &Raw) -> Result<bool> {
    Ok(true)
}

fn main() {}
