//! What a stage that compensates returns cannot be written down.
use etl_core::prelude::*;
use serde::Serialize;

#[derive(Record, Serialize, Deserialize)]
pub struct Order {
    number: i64,
}

#[derive(Record)]
pub struct Booked {
    room: i64,
}

#[transform(compensate = cancel)]
pub fn book(order: Order) -> Booked {
    Booked { room: order.number }
}

fn cancel(_order: &Order, _booked: Option<&Booked>) -> Result<()> {
    Ok(())
}

fn main() {}
