//! A function that undoes does not take what the stage returned.
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

#[transform(compensate = cancel)]
pub fn book(order: Order) -> Booked {
    Booked { room: order.number }
}

fn cancel(_order: &Order) -> Result<()> {
    Ok(())
}

fn main() {}
