//! A stage can be used as far away as its records.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
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
