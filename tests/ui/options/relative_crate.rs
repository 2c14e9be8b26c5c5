//! The path of the runtime, as it is called in this module only.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[loader(crate = etl_core)]
fn load(_: &[Raw]) {}

fn main() {}
