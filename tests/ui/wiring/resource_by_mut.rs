//! A transform takes a resource by `&mut`, which is how it keeps state.
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
fn clean(raw: Raw, _client: &mut Client) -> Raw {
    raw
}

fn main() {}
