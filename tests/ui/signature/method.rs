//! A method as a stage.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

struct Cleaner;

impl Cleaner {
    #[transform]
    fn same(&self, raw: Raw) -> Raw {
        raw
    }
}

fn main() {}
