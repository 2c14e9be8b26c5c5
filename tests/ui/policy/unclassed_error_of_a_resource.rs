//! The error of a resource has no classes.
use etl_core::prelude::*;

struct Pool;

#[resource]
fn pool() -> Result<Pool, std::num::ParseIntError> {
    Ok(Pool)
}

fn main() {}
