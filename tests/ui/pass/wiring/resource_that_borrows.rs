//! A resource has its own copy of what it needs.
use etl_core::prelude::*;

#[derive(Settings)]
struct Config {
    host: String,
}

struct Client {
    _host: String,
}

#[resource]
fn client(config: &Config) -> Result<Client> {
    Ok(Client { _host: config.host.clone() })
}

fn main() {}
