//! A field that no column can hold.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    visitor: std::net::IpAddr,
}

fn main() {}
