//! A column is to be masked by an option.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Person {
    name: String,
    passport: Sensitive<String>,
}

fn main() {}
