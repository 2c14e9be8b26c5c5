//! A secret as a column of a record.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Person {
    name: String,
    passport: Secret<String>,
}

fn main() {}
