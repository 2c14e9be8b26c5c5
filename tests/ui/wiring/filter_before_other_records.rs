//! A filter passes its own records on, and the next stage takes others.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[derive(Record)]
pub struct Clean {
    number: i64,
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

mod stages {
    use super::*;

    #[filter]
    pub fn positive(raw: &Raw) -> bool {
        raw.number > 0
    }

    #[loader]
    pub fn load(_: &[Clean]) {}
}

pipeline! {
    Job {
        flow: read => stages::positive => stages::load,
    }
}

fn main() {}
