//! The path of the runtime, from the root.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[loader(crate = ::etl_core)]
fn load(_: &[Raw]) {}

fn main() {}
