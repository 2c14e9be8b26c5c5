//! Dead letters go to a setting that is a path.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Deserialize)]
struct Config {
    rejects: PathBuf,
}

#[extractor]
fn read(_: &Config) -> Vec<Raw> {
    vec![]
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => load,
        settings: Config,
        dead_letter: file(settings.rejects),
    }
}

fn main() {}
