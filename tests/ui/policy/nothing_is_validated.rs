//! What happens to an invalid record, where none is validated.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform(invalid = skip)]
fn clean(raw: Raw) -> Raw {
    raw
}

fn main() {}
