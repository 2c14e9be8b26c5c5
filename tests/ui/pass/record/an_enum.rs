//! An enum is a record of serde.
use etl_core::prelude::*;

#[derive(SerdeRecord)]
enum Raw {
    One,
}

#[loader]
fn load(_: &[Raw]) {}

fn main() {}
