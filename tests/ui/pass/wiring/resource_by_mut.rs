//! A transform borrows a resource and changes nothing of it.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

pub struct Client {
    _host: String,
}

#[resource]
fn client() -> Client {
    Client { _host: "here".to_owned() }
}

#[transform]
fn clean(raw: Raw, _client: &Client) -> Raw {
    raw
}

fn main() {}
