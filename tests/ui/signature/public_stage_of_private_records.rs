//! A stage can be used further away than its records.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

mod stages {
    use super::*;

    #[transform]
    pub fn same(raw: Raw) -> Raw {
        raw
    }
}

fn main() {}
