//! A record with columns is derived for an enum; the stage that takes it says nothing more.
use etl_core::prelude::*;

#[derive(Record)]
enum Raw {
    One,
}

#[loader]
fn load(_: &[Raw]) {}

fn main() {}
