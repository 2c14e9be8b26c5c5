//! A plain function returns a future.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform]
fn clean(raw: Raw) -> impl Future<Output = Result<Raw>> {
    async { Ok(raw) }
}

fn main() {}
