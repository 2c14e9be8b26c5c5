//! With the resource of the stage.
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

pub struct Hotel;

#[transform(compensate = cancel)]
pub fn book(order: Order, _hotel: &Hotel) -> Booked {
    Booked { room: order.number }
}

fn cancel(_order: &Order, _booked: Option<&Booked>, _hotel: &Hotel) -> Result<()> {
    Ok(())
}

fn main() {}
