//! One try is bounded by a timeout.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform(timeout = "30s")]
async fn call(raw: &Raw) -> Raw {
    Raw { number: raw.number }
}

fn main() {}
