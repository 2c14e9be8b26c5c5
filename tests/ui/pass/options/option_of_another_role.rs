//! Without the option of another attribute.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[loader]
fn load(_: &[Raw]) {}

fn main() {}
