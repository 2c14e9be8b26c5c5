//! A pipeline is public, and its settings are not.
mod flights {
    use etl_core::prelude::*;

    #[derive(Record)]
    pub struct Raw {
        number: i64,
    }

    #[derive(Settings)]
    struct Config {
        count: u64,
    }

    #[extractor]
    fn read(config: &Config) -> Vec<Raw> {
        (0..config.count).map(|_| Raw { number: 1 }).collect()
    }

    #[loader]
    fn load(_: &[Raw]) {}

    pipeline! {
        pub Job {
            settings: Config,
            flow: read => load,
        }
    }
}

fn main() {}
