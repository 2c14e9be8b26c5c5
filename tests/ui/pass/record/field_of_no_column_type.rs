//! A field that a column holds as text.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    #[record(text)]
    visitor: std::net::IpAddr,
}

fn main() {}
