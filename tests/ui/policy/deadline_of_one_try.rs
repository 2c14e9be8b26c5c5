//! A deadline for several tries where there is only one.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform(deadline = "30s")]
async fn call(raw: &Raw) -> Raw {
    Raw { number: raw.number }
}

fn main() {}
