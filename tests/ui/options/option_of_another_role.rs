//! An option of another attribute.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[loader(parallel)]
fn load(_: &[Raw]) {}

fn main() {}
