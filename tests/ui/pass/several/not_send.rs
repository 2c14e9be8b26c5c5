//! A record that can move and be shared between threads.
use etl_core::prelude::*;

#[derive(SerdeRecord)]
struct Raw {
    number: std::sync::Arc<i64>,
}

fn main() {}
