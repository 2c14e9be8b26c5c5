//! A field whose size depends on the machine.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Flight {
    pub seats: usize,
}

fn main() {}
