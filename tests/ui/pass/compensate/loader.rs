//! A loader has its transaction.
use etl_core::prelude::*;
use serde::Serialize;

#[derive(Record, Serialize, Deserialize)]
pub struct Order {
    number: i64,
}

#[derive(Record, Serialize, Deserialize)]
pub struct Booked {
    room: i64,
}

#[loader]
pub fn store(_orders: &[Order]) {}

fn cancel(_order: &Order, _booked: Option<&Booked>) -> Result<()> {
    Ok(())
}

fn main() {}
