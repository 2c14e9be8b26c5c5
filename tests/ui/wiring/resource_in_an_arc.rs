//! A stage takes a resource in an `Arc`.
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
fn clean(raw: Raw, _client: std::sync::Arc<Client>) -> Raw {
    raw
}

fn main() {}
