//! A stage asks for a resource that the pipeline lists.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

pub struct Registry;

#[resource]
fn registry() -> Registry {
    Registry
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

mod stages {
    use super::*;

    #[filter]
    pub fn known(_: &Raw, _: &Registry) -> bool {
        true
    }
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => stages::known => load,
        resources: [registry],
    }
}

fn main() {}
