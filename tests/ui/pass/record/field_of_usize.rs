//! A field has the same size on every machine.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Flight {
    pub seats: u64,
}

fn main() {}
