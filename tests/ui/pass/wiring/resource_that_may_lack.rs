//! A resource is there, or the run has not begun.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

pub struct Client;

#[resource]
fn client() -> Client {
    Client
}

#[transform]
fn clean(raw: Raw, _client: &Client) -> Raw {
    raw
}

fn main() {}
