//! What a loader needs besides a transaction is lent by `&`.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[loader]
fn load(_: &[Raw], _seen: &u64) {}

fn main() {}
