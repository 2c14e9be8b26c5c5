//! A broken rule rejects by default, and the record is kept.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

impl etl_core::stage::Rules for Raw {
    type Context = ();

    fn check(&self, (): &()) -> Result<(), etl_core::stage::Violations> {
        Ok(())
    }
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

#[loader(validate(input))]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => load,
        dead_letter: file("rejects.jsonl"),
    }
}

fn main() {}
