//! A secret is revealed where it is used.
use etl_core::prelude::*;

#[derive(Debug, Settings)]
pub struct Config {
    password: Secret<String>,
}

pub struct Pool;

fn connect(_password: &str) -> Pool {
    Pool
}

#[resource]
fn pool(config: &Config) -> Pool {
    connect(config.password.reveal())
}

fn main() {}
