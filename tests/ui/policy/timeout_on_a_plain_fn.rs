//! A timeout on a function that does not wait.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[loader(timeout = "30s")]
fn load(_: &[Raw]) {}

fn main() {}
