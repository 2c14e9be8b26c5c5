//! A resource borrows from the settings of which it is made.
use etl_core::prelude::*;

#[derive(Settings)]
struct Config {
    host: String,
}

struct Client<'a> {
    _host: &'a str,
}

#[resource]
fn client(config: &Config) -> Result<Client<'_>> {
    Ok(Client { _host: &config.host })
}

fn main() {}
