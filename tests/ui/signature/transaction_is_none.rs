//! The `&mut` parameter of a loader is no transaction.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[loader]
fn load(_: &[Raw], _seen: &mut u64) {}

fn main() {}
