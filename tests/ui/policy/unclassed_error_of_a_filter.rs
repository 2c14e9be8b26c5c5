//! The error of an `async` filter has no classes.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[filter]
async fn known(_: &Raw) -> Result<bool, std::num::ParseIntError> {
    Ok(true)
}

fn main() {}
