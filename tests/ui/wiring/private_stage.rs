//! A stage of a module that keeps it to itself.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

mod stages {
    use super::*;

    #[filter]
    fn positive(raw: &Raw) -> bool {
        raw.number > 0
    }
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => stages::positive => load,
    }
}

fn main() {}
