//! An option is given once.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[loader(batch = 500)]
fn load(_: &[Raw]) {}

fn main() {}
