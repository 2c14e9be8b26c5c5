//! A transform between them maps the records of one to those of the other.
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

    #[transform]
    pub fn clean(raw: Raw) -> Clean {
        Clean { number: raw.number }
    }

    #[loader]
    pub fn load(_: &[Clean]) {}
}

pipeline! {
    Job {
        flow: read => stages::positive => stages::clean => stages::load,
    }
}

fn main() {}
