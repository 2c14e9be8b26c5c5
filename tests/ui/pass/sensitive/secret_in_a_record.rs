//! A column that prints as `***`.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Person {
    name: String,
    passport: Sensitive<String>,
}

fn main() {}
