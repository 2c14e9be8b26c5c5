//! A resource is shared by being lent.
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
