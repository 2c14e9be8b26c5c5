//! A column is masked by its type.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Person {
    name: String,
    passport: Sensitive<String>,
}

fn main() {}
