//! A stage asks for a resource that may be there or not.
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
fn clean(raw: Raw, _client: Option<&Client>) -> Raw {
    raw
}

fn main() {}
