//! `text` on a type that is read from text and shown as text.
use etl_core::prelude::*;

struct Carrier(u8);

impl std::str::FromStr for Carrier {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl std::fmt::Display for Carrier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Record)]
struct Raw {
    #[record(text)]
    carrier: Option<Carrier>,
}

fn main() {}
