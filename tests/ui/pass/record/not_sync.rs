//! A record that can be shared between threads.
use etl_core::prelude::*;

#[derive(SerdeRecord)]
struct Raw {
    number: std::sync::atomic::AtomicI64,
}

fn main() {}
