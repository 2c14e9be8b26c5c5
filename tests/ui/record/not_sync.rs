//! A record that cannot be shared between threads.
use etl_core::prelude::*;

#[derive(SerdeRecord)]
struct Raw {
    number: std::cell::Cell<i64>,
}

fn main() {}
